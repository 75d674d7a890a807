//! What a client is told when it is made.

mod timing;

use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::limits::{
    OPTION_ENTRIES_MAX, PREKEYS_FIRST, PREKEYS_LOW, RETRY_RECEIPTS, SEND_TRIES, SEND_TRIES_MAX,
    SIGNED_PREKEY_DAYS, SIGNED_PREKEY_DAYS_MAX,
};
use crate::link::Profile;
use crate::output::Target;
use crate::wire::OwnedJid;
use crate::wire::certificate::Trust;
pub use timing::Timing;

/// The configuration of a client. All of it is part of what determines its outputs.
///
/// There is no option for other people's identity keys: a changed one is taken over, as WhatsApp's own clients do,
/// and messages go on. What a host can do about it is to compare the keys that it is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)] // recordings of earlier releases lack what was added since
pub struct Config {
    /// Where to connect; the real service by default.
    pub target: Target,
    /// Whose certificates to trust; the real service's root by default.
    pub trust: Trust,
    /// What the client says it is.
    pub profile: Profile,
    /// Whether every login announces the device as in use (`presence`). Default: yes.
    pub available: bool,
    /// Bytes of records to keep in memory. Default: 1 MiB. An account that has
    /// nothing to do keeps no more than [`CACHE_IDLE_BYTES`](crate::limits::CACHE_IDLE_BYTES). It changes only how
    /// often records are loaded.
    pub cache_bytes: usize,
    /// The newest generation of the storage that the host knows of, from a place that is not put back together
    /// with it ([`Health::generation`](crate::Health::generation) tells the current one); 0: none. Default: 0.
    ///
    /// When the storage turns out to be older, a copy was put back: what it says about ratchets was used
    /// further since. Nothing is encrypted with them any more; every peer gets one new session with the next
    /// message, and [`LinkEvent::StorageRestored`](crate::event::LinkEvent::StorageRestored) tells of it.
    #[serde(default)]
    pub known_generation: u64,
    /// One-time prekeys of the first upload, from [`PREKEYS_LOW`] to the default
    /// [`PREKEYS_FIRST`], which is what the official client sends. Each is one peer
    /// device that can start a session before more must be uploaded; a host with very many accounts may want
    /// fewer, as each costs it a key and a record.
    #[serde(default = "first_prekeys")]
    pub first_prekeys: u32,
    /// Deadlines and pauses.
    pub timing: Timing,
    /// Whether the client connects as soon as it is made; otherwise it waits for
    /// [`Connect`](crate::link::Connect). Default: yes.
    pub connect: bool,
    /// Whether the client connects again by itself, after the back-off, when a connection ended or could not be
    /// made; otherwise it waits for [`Connect`](crate::link::Connect). A restart that the server asks for, as after
    /// pairing, is followed in any case. Default: yes.
    pub reconnect: bool,
    /// The accounts that this device may be linked to, by phone number (`15550000001@s.whatsapp.net`); empty: any.
    /// The answer of a phone of another account is refused before anything of it is stored, as
    /// [`PairingFailed`](crate::event::LinkEvent::PairingFailed) with `account_not_allowed`; the device stays
    /// unlinked, and the server is told so. Default: empty.
    pub accounts: Vec<OwnedJid>,
    /// Whose messages are dropped: users, groups, channels, lists, or whole servers (`@newsletter`, `@broadcast`).
    /// A message is compared by its conversation and by its sender, under both addresses when it names both. It is
    /// acked before it is decrypted, so that nothing of it is kept and it does not come again: a sender who is
    /// taken off the list later is asked to send its next message a second time. What own devices say among
    /// themselves is never dropped. Default: empty.
    pub ignore: Vec<OwnedJid>,
    /// Whether a message that this client sent is also an [`Event::Message`](crate::event::Event::Message), as one
    /// from another device of the account would be, once the server has taken it. Default: no.
    pub own_events: bool,
    /// How often a message is written to connections that live on without acking it, before it fails; 1 to
    /// [`SEND_TRIES_MAX`]. Default: 3.
    pub send_tries: u32,
    /// How often a message that cannot be decrypted is asked for again; 0: it is only reported. At most, and by
    /// default, [`RETRY_RECEIPTS`].
    pub retry_receipts: u32,
    /// Whether the privacy settings and the list of blocked users are asked for after every login. Without, they are
    /// known as far as other devices change them, and read receipts follow what is known. Default: yes.
    pub login_queries: bool,
    /// Whether the phone is asked for messages that cannot be decrypted or that the server withholds. Default: yes.
    pub ask_phone: bool,
    /// Whether messages carry a token by which the recipient can report them. Default: yes, as the official
    /// clients do.
    pub reporting_tokens: bool,
    /// How long a signed prekey serves before a new one takes its place, in days; 1 to [`SIGNED_PREKEY_DAYS_MAX`].
    /// Those that were replaced stay usable for another 30 days. Default: 7 days.
    pub signed_prekey_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target: Target {
                url: "wss://web.whatsapp.com/ws/chat".to_string(),
                origin: "https://web.whatsapp.com".to_string(),
            },
            trust: Trust::default(),
            profile: Profile::default(),
            available: true,
            cache_bytes: 1 << 20,
            known_generation: 0,
            first_prekeys: first_prekeys(),
            timing: Timing::default(),
            connect: true,
            reconnect: true,
            accounts: Vec::new(),
            ignore: Vec::new(),
            own_events: false,
            send_tries: SEND_TRIES,
            retry_receipts: RETRY_RECEIPTS,
            login_queries: true,
            ask_phone: true,
            reporting_tokens: true,
            signed_prekey_days: SIGNED_PREKEY_DAYS,
        }
    }
}

impl Config {
    /// Checks what the types cannot.
    pub(crate) fn check(&self) -> Result<(), Misuse> {
        if !self.target.url.starts_with("ws://") && !self.target.url.starts_with("wss://") {
            return Err(Misuse::Config("target url is neither ws nor wss"));
        }
        let enough = u32::try_from(PREKEYS_LOW).unwrap_or(PREKEYS_FIRST);
        if !(enough..=PREKEYS_FIRST).contains(&self.first_prekeys) {
            return Err(Misuse::Config("first prekeys are too few or too many"));
        }
        if !(1..=SEND_TRIES_MAX).contains(&self.send_tries) {
            return Err(Misuse::Config("send tries are none or too many"));
        }
        if self.retry_receipts > RETRY_RECEIPTS {
            return Err(Misuse::Config("retry receipts are too many"));
        }
        if !(1..=SIGNED_PREKEY_DAYS_MAX).contains(&self.signed_prekey_days) {
            return Err(Misuse::Config("days of a signed prekey are none or too many"));
        }
        if self.accounts.len() > OPTION_ENTRIES_MAX || self.ignore.len() > OPTION_ENTRIES_MAX {
            return Err(Misuse::Config("a list is too long"));
        }
        if !self.accounts.iter().all(|account| account.is_pn() && !account.user().is_empty()) {
            return Err(Misuse::Config("an account is not a phone number"));
        }
        self.timing.check()
    }
}

const fn first_prekeys() -> u32 {
    PREKEYS_FIRST
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::Jid;

    #[test]
    fn only_web_sockets_are_targets() {
        assert_eq!(Config::default().check(), Ok(()));
        let mut config = Config::default();
        config.target.url = "https://example.org".to_string();
        assert!(config.check().is_err());
    }

    #[test]
    fn counts_and_lists_have_bounds() {
        let tries = |send_tries| Config { send_tries, ..Config::default() }.check();
        assert_eq!((tries(1), tries(SEND_TRIES_MAX)), (Ok(()), Ok(())));
        assert!(tries(0).is_err() && tries(SEND_TRIES_MAX + 1).is_err());
        let retries = |retry_receipts| Config { retry_receipts, ..Config::default() }.check();
        assert_eq!((retries(0), retries(RETRY_RECEIPTS)), (Ok(()), Ok(())));
        assert!(retries(RETRY_RECEIPTS + 1).is_err());
        let days = |signed_prekey_days| Config { signed_prekey_days, ..Config::default() }.check();
        assert_eq!((days(1), days(SIGNED_PREKEY_DAYS_MAX)), (Ok(()), Ok(())));
        assert!(days(0).is_err() && days(SIGNED_PREKEY_DAYS_MAX + 1).is_err());
        let account =
            |jid: OwnedJid, count| Config { accounts: vec![jid; count], ..Config::default() }.check();
        assert_eq!(account(Jid::pn("15550000001", 0), OPTION_ENTRIES_MAX), Ok(()));
        assert!(account(Jid::pn("15550000001", 0), OPTION_ENTRIES_MAX + 1).is_err());
        assert!(account(Jid::lid("100000000000001", 0), 1).is_err());
        assert!(account(Jid::SERVER, 1).is_err());
        let ignored = |count| Config { ignore: vec![Jid::GROUP_SERVER; count], ..Config::default() }.check();
        assert_eq!(ignored(OPTION_ENTRIES_MAX), Ok(()));
        assert!(ignored(OPTION_ENTRIES_MAX + 1).is_err());
    }

    #[test]
    fn a_configuration_that_lacks_what_was_added_later_reads_as_the_default() {
        let read = |text: &str| serde_json::from_str::<Config>(text).ok();
        assert_eq!(read("{}"), Some(Config::default()));
        assert_eq!(Config::default().signed_prekey_days, SIGNED_PREKEY_DAYS);
        let partial = read(r#"{"timing":{"query_s":5}}"#);
        let timing = Timing { query_s: 5, ..Timing::default() };
        assert_eq!(partial.map(|config| config.timing), Some(timing));
    }

    #[test]
    fn the_first_upload_is_neither_too_small_nor_larger_than_usual() {
        let with = |first_prekeys| Config { first_prekeys, ..Config::default() }.check();
        assert_eq!((with(5), with(PREKEYS_FIRST)), (Ok(()), Ok(())));
        assert!(with(4).is_err());
        assert!(with(PREKEYS_FIRST + 1).is_err());
    }
}
