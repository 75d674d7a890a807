//! The operation that makes a storage ready for another pairing once its device was unlinked. Reference 02 §8.

use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use super::{fresh, life};
use crate::directory::own;
use crate::engine::{Memory, Stop, Turn, Work};
use crate::error::OpError;
use crate::limits::RELINK_ROWS;
use crate::ops::{Answer, CallId, Operation, Start};
use crate::records::Table;

/// Forgets everything about the device that was unlinked, makes new keys (a server refuses those of a removed
/// device) and connects to be paired again; QR codes follow. Events that were not confirmed stay, everything else
/// of the old device is gone: sessions, messages kept to be sent again, what was known of others.
///
/// Fails with [`OpError::OutOfTurn`] unless the device was logged out
/// ([`DownReason::LoggedOut`](crate::event::DownReason::LoggedOut)). A crash before the answer leaves a device that
/// is logged out still, and the call can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relink {}

impl Start for Relink {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let unlinked = own::credentials(cx)?.is_some_and(|credentials| credentials.logged_out.is_some());
        if !unlinked || !cx.memory.outbox.is_empty() {
            cx.reply(call, Err(OpError::OutOfTurn("this device is not logged out".to_string())));
            return Ok(());
        }
        for table in Table::ALL {
            if matches!(table, Table::Meta | Table::Credentials | Table::Inbox) {
                continue;
            }
            let rows = cx.scan(table, &[], RELINK_ROWS)?;
            if !rows.is_empty() {
                for (key, _) in rows {
                    cx.delete(table, &key);
                }
                // A turn holds so much and no more; the credentials go last.
                cx.schedule(Work::Call(call, Operation::Relink(*self)));
                return Ok(());
            }
        }
        let credentials = fresh::credentials(cx);
        own::save_credentials(cx, &credentials);
        cx.remember(forget_device);
        cx.reply(call, Ok(Answer::Relink(())));
        life::dial(cx);
        Ok(())
    }
}

/// What belongs to the storage and to the application's wishes stays; all else was about the device.
fn forget_device(memory: &mut Memory) {
    *memory = Memory {
        generation: memory.generation,
        stored: memory.stored,
        epoch: memory.epoch,
        unseen: memory.unseen,
        available: memory.available,
        last_received: memory.last_received,
        passkeys: memory.passkeys,
        ..Memory::default()
    };
}
