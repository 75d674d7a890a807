//! Caches and queues keep within their limits.
//!
//! Checked on every client that runs: bytes of records in memory against its configuration, and the tables
//! that a peer or an application can fill against the limits of the core.

use sanswire::Table;
use sanswire::limits::{INBOX_EVENTS, OUTBOX_MESSAGES, SENT_MESSAGES};

use super::Broken;
use crate::world::World;

/// Checks what every client holds.
#[must_use]
pub fn memory_bounded(world: &World) -> Vec<Broken> {
    let mut details = Vec::new();
    for who in world.everybody() {
        let actor = &world[who];
        let mut over = |what: &str, have: usize, most: usize| {
            if have > most {
                details.push(format!("{} ({who:?}) holds {have} {what}, at most {most}", actor.name));
            }
        };
        if let Some(health) = actor.health() {
            over("bytes of records", health.cached_bytes, actor.config().cache_bytes);
            over("sends without ack", health.unacked_sends, OUTBOX_MESSAGES);
        }
        over("messages to send", actor.storage.count(Table::Outbox), OUTBOX_MESSAGES);
        over("events to confirm", actor.storage.count(Table::Inbox), INBOX_EVENTS as usize);
        let sent = usize::try_from(SENT_MESSAGES).unwrap_or(usize::MAX);
        over("sent messages", actor.storage.count(Table::Sent), sent);
        over("ids of sent messages", actor.storage.count(Table::SentId), sent + OUTBOX_MESSAGES);
    }
    details.into_iter().map(|detail| Broken { rule: "memory_bounded", detail }).collect()
}
