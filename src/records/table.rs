//! The list of all durable things.

use serde::{Deserialize, Serialize};

/// A table of records. The number is part of the storage format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Table {
    /// Bookkeeping of the storage itself: the generation, and the counters of messaging.
    Meta = 0,
    /// The account's own keys and identity: one record.
    Credentials = 1,
    /// One-time prekeys by id (4 bytes, big endian).
    PreKey = 2,
    /// Identity keys of other devices by Signal address.
    Identity = 3,
    /// Pairwise sessions by Signal address.
    Session = 4,
    /// Device lists by bare user.
    Devices = 5,
    /// Phone number to LID and back, by bare user.
    Lid = 6,
    /// Messages to send, by sequence number (8 bytes, big endian), until the server's ack.
    Outbox = 7,
    /// Sent messages by the same sequence number, kept for retry receipts.
    Sent = 8,
    /// Sequence numbers of sent messages by message id.
    SentId = 9,
    /// Events that the application has not confirmed, by event id (8 bytes, big endian).
    Inbox = 10,
    /// Marks of messages already shown, by week, chat, sender and id.
    Shown = 11,
    /// Retry counters by chat, sender and message id.
    Retry = 12,
    /// Message secrets by message id and author.
    Secret = 13,
    /// Sender keys by group and Signal address of the sender, our own among them.
    SenderKey = 14,
    /// What is known of groups: members, settings; by group.
    Group = 15,
    /// Which devices have our sender key, by group.
    SharedKey = 16,
    /// Privacy tokens by bare user.
    Token = 17,
    /// The account's own settings and state, by name.
    Account = 18,
    /// Messages that the phone was asked to send again, by chat and message id.
    Placeholder = 19,
    /// Receipts for sent messages, by sequence number (8 bytes, big endian) and device.
    Receipt = 20,
}

impl Table {
    /// Every table, in order of its number.
    pub const ALL: [Self; 21] = [
        Self::Meta,
        Self::Credentials,
        Self::PreKey,
        Self::Identity,
        Self::Session,
        Self::Devices,
        Self::Lid,
        Self::Outbox,
        Self::Sent,
        Self::SentId,
        Self::Inbox,
        Self::Shown,
        Self::Retry,
        Self::Secret,
        Self::SenderKey,
        Self::Group,
        Self::SharedKey,
        Self::Token,
        Self::Account,
        Self::Placeholder,
        Self::Receipt,
    ];

    /// The number that storage keeps.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The table with a number; `None` for one that this version does not know.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        for table in Table::ALL {
            assert_eq!(Table::from_number(table.number()), Some(table));
        }
        assert_eq!(Table::from_number(21), None);
    }
}
