//! Restrictions of the account that the server pushes as GraphQL. Reference 08 §6.2, 12 §11.

use alloc::string::ToString;

use serde_json::Value;

use crate::engine::Turn;
use crate::event::{AccountEvent, Event};
use crate::messaging::inbox;

/// Handles the two operations that are about the account; says whether it was one of them.
pub(crate) fn pushed(cx: &mut Turn<'_>, data: &Value) -> bool {
    let event = if let Some(lock) = data.get("xwa2_notify_account_reachout_timelock") {
        let active = lock.get("is_active").and_then(Value::as_bool).unwrap_or(false);
        let ends = number(lock.get("time_enforcement_ends")).filter(|ends| *ends > 0);
        AccountEvent::Restriction {
            active,
            kind: lock.get("enforcement_type").and_then(Value::as_str).unwrap_or("DEFAULT").to_string(),
            ends: ends.or_else(|| active.then(|| cx.now.unix.seconds().saturating_add(UNNAMED_LOCK_S))),
        }
    } else if let Some(cap) = data.get("xwa2_notify_new_chat_messages_capping_info_update") {
        AccountEvent::NewChats {
            total: number(cap.get("total_quota")),
            used: number(cap.get("used_quota")),
            status: cap.get("capping_status").and_then(Value::as_str).unwrap_or("NONE").to_string(),
            cycle_end: number(cap.get("cycle_end_timestamp")),
        }
    } else {
        return false;
    };
    inbox::keep(cx, Event::Account(event));
    true
}

/// A number, or the digits of one.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// How long a restriction lasts that does not say so, in seconds. Reference 12 §11.
const UNNAMED_LOCK_S: u64 = 60;
