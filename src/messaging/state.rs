//! The counters of messaging: sequence numbers, and how far sent messages were pruned. Reference 05 §16.

use sanswire_proto::records::MessagingMeta;

use crate::engine::{Stop, Turn};
use crate::records::{Record, Table};

impl Record for MessagingMeta {
    const TABLE: Table = Table::Meta;
}

/// The counters, zero before the first message.
pub(super) fn load(cx: &mut Turn<'_>) -> Result<MessagingMeta, Stop> {
    Ok(cx.get::<MessagingMeta>(KEY)?.unwrap_or_default())
}

pub(super) fn save(cx: &mut Turn<'_>, state: &MessagingMeta) {
    cx.put(KEY, state);
}

/// Handing out sequence numbers.
pub(super) trait Sequence {
    /// The next number, from 1.
    fn next(&mut self) -> u64;
}

impl Sequence for MessagingMeta {
    fn next(&mut self) -> u64 {
        let next = self.next_sequence.unwrap_or(0).saturating_add(1);
        self.next_sequence = Some(next);
        next
    }
}

const KEY: &[u8] = b"messaging";
