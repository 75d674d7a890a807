//! The life of a connection: what is said to log in or to be paired, and what follows when it ends.
//!
//! `life` makes and ends connections, `login` brings one up, `pair`, `code` and `passkey` are for devices that are
//! not linked yet, `relink` for those that are no more. The rest decides single questions without state.
//! Reference 01 §7-16, 02.

pub mod backoff;
mod code;
mod connect;
pub mod failure;
mod fresh;
mod info;
mod keep;
pub mod keepalive;
mod life;
mod login;
mod logout;
mod pair;
pub mod pairing;
mod passkey;
pub mod payload;
mod presence;
mod relink;

pub(crate) use code::notified as code_notified;
pub use code::{PairCode, ShownCode};
pub use connect::{Connect, Disconnect};
pub(crate) use info::{info, offline_stanza, server_iq};
pub(crate) use life::{closed, connected, fail, fired, not_started, restart, shutdown, start};
pub(crate) use login::{failure, handshake, refill_prekeys, stream_end, stream_error, success};
pub use logout::Logout;
pub(crate) use pair::{pair_device, pair_success, refresh as pairing_refresh};
pub use passkey::{Assertion, AssertionResponse, PasskeyConfirm, PasskeyResponse};
pub(crate) use passkey::{continued as passkey_continued, wanted as passkey_wanted};
pub use payload::Profile;
pub use presence::SetAvailable;
pub use relink::Relink;
