//! What changed about the account itself: settings, blocked users, restrictions. Reference 08 §3, 12 §7-§12.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::content::Blob;
use crate::wire::OwnedJid;

/// A change of the account. Kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountEvent {
    /// Who may see what changed, or was learnt after login. The whole of it is stored.
    Privacy {
        /// The settings that changed, with their new values: `readreceipts` to `none` and so on.
        changed: BTreeMap<String, String>,
    },
    /// Users were blocked or unblocked, here or elsewhere.
    Blocklist {
        /// Newly blocked.
        blocked: Vec<OwnedJid>,
        /// No longer blocked.
        unblocked: Vec<OwnedJid>,
    },
    /// The timer for new conversations changed.
    DefaultTimer {
        /// Seconds until messages disappear; 0: never.
        expiration_s: u32,
        /// When it was set, seconds since 1970.
        set: u64,
    },
    /// The account's own name changed.
    PushName {
        /// The new name.
        name: String,
    },
    /// The phone handed over keys of the application state; they are stored.
    AppStateKeys {
        /// The keys' ids, never the keys; empty: the phone has none.
        ids: Vec<Blob>,
    },
    /// Collections of the application state changed on another device. That they have to be fetched is stored.
    AppStateChanged {
        /// Names of the collections with their newest version, where the server says so.
        collections: BTreeMap<String, Option<u64>>,
    },
    /// Whether changes of security codes are to be shown.
    SecurityNotifications {
        /// They are.
        enabled: bool,
    },
    /// The server holds back messages to users that did not write first.
    Restriction {
        /// Whether it does.
        active: bool,
        /// The kind of enforcement, `DEFAULT` when none is named.
        kind: String,
        /// When it ends, seconds since 1970.
        ends: Option<u64>,
    },
    /// How many new conversations may still be begun.
    NewChats {
        /// How many in all.
        total: Option<u64>,
        /// How many of them are used.
        used: Option<u64>,
        /// How near the end is: `NONE`, `FIRST_WARNING`, `SECOND_WARNING`, `CAPPED`.
        status: String,
        /// When the current period ends, seconds since 1970.
        cycle_end: Option<u64>,
    },
    /// Something of the account is not up to date any more; the server was told that this is known.
    Dirty {
        /// `account_sync`, `groups`, `newsletter_metadata`, `syncd_app_state`, or another.
        kind: String,
        /// Since when, seconds since 1970.
        timestamp: Option<u64>,
    },
}
