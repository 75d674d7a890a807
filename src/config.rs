//! What a client is told when it is made.

use alloc::string::ToString;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::limits::{PREKEYS_FIRST, PREKEYS_LOW};
use crate::link::Profile;
use crate::output::Target;
use crate::wire::certificate::Trust;

/// The configuration of a client. All of it is part of what determines its outputs.
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
        Ok(())
    }
}

const fn first_prekeys() -> u32 {
    PREKEYS_FIRST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_sockets_are_targets() {
        assert_eq!(Config::default().check(), Ok(()));
        let mut config = Config::default();
        config.target.url = "https://example.org".to_string();
        assert!(config.check().is_err());
    }

    #[test]
    fn the_first_upload_is_neither_too_small_nor_larger_than_usual() {
        let with = |first_prekeys| Config { first_prekeys, ..Config::default() }.check();
        assert_eq!((with(5), with(PREKEYS_FIRST)), (Ok(()), Ok(())));
        assert!(with(4).is_err());
        assert!(with(PREKEYS_FIRST + 1).is_err());
    }
}
