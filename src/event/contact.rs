//! What changed about contacts: pictures, names of theirs, numbers, devices, keys. Reference 08 §2, §4.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::wire::OwnedJid;

/// A change of a contact. Kept, except [`ContactEvent::Lid`], which the storage knows by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContactEvent {
    /// A picture was set or removed, of a person, a group or this account.
    Picture {
        /// Whose picture.
        jid: OwnedJid,
        /// Who changed it, in groups.
        author: Option<OwnedJid>,
        /// The new picture's id; `None`: removed.
        id: Option<String>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// A contact's text about itself changed.
    About {
        /// Who.
        jid: OwnedJid,
        /// The new text.
        text: String,
        /// The contact's name for itself.
        push_name: Option<String>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// Something about a contact changed: what is cached of it should be asked for again.
    Updated {
        /// Who.
        jid: OwnedJid,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// A contact has another phone number. Both pairs of number and LID are known from here on.
    NumberChanged {
        /// The number before.
        old: OwnedJid,
        /// The number now.
        new: OwnedJid,
        /// The LID before.
        old_lid: Option<OwnedJid>,
        /// The LID now.
        new_lid: Option<OwnedJid>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// The server wants the contacts to be compared again.
    SyncRequested {
        /// Those that changed after this, seconds since 1970.
        after: Option<u64>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// The timer for new conversations with a contact changed.
    DefaultTimer {
        /// Who.
        jid: OwnedJid,
        /// Seconds until messages disappear; 0: never.
        expiration_s: u32,
        /// When it was set, seconds since 1970. A newer one counts.
        set: u64,
    },
    /// A contact was set up anew, or has a new phone: its keys are new ones. Sessions and trust start over.
    IdentityChanged {
        /// Who.
        jid: OwnedJid,
        /// The same user's other address, when known.
        alt: Option<OwnedJid>,
        /// Seconds since 1970.
        timestamp: u64,
    },
    /// Devices of a contact, or of this account, came or went.
    Devices {
        /// Whose, without device.
        jid: OwnedJid,
        /// The same user's other address, when known.
        alt: Option<OwnedJid>,
        /// What happened.
        change: DeviceChange,
        /// The numbers of the devices; empty for an update.
        devices: Vec<u16>,
    },
    /// A phone number and a LID are the same user. Not kept.
    Lid {
        /// The number.
        pn: OwnedJid,
        /// The LID.
        lid: OwnedJid,
    },
}

/// What happened to devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChange {
    /// They were linked.
    Added,
    /// They were unlinked.
    Removed,
    /// The list has to be asked for again.
    Updated,
    /// These are all.
    Replaced,
}
