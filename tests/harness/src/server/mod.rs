//! The simulated server: accounts, pairing, login, prekeys, routing with offline queues.
//!
//! [`Server`] is sans-IO like the client: tell it of connections, bytes and time, then drain
//! [`Server::poll`]. Tests reach behind the wire with [`Server::admin`] and read what clients did wrong from
//! [`Server::violations`]. Reference 14.
//!
//! | Folder file | Answers |
//! |---|---|
//! | `accept`, `login`, `pairing`, `scan`, `link_code`, `passkey` | a connection's life up to a logged-in device |
//! | `dispatch` | which file a stanza goes to |
//! | `prekeys`, `usync`, `devices`, `props`, `appstate`, `tokens` | the queries of a client |
//! | `router`, `receipts`, `offline`, `presence` | what one device sends to another |
//! | `groups`, `status`, `newsletters` | what one device sends to many |
//! | `calls` | signalling of calls |
//! | `primary`, `primary_groups` | the phone's side of all of these |
//! | `admin`, `inject`, `faults`, `log`, `violations` | what only tests and people at the keyboard see |

mod accept;
mod admin;
mod appstate;
mod calls;
mod config;
mod devices;
mod directory;
mod dispatch;
mod faults;
mod groups;
mod inject;
mod link_code;
mod log;
mod login;
mod newsletters;
mod offline;
mod pairing;
mod passkey;
mod prekeys;
mod presence;
mod primary;
mod primary_groups;
mod props;
mod receipts;
mod router;
mod scan;
mod scenario;
mod state;
mod status;
mod tokens;
mod usync;
mod violations;

#[cfg(test)]
mod tests;

pub use accept::ConnId;
pub use admin::{AdminRequest, AdminResponse};
pub use config::{Config, FirstDevice, OfflineMode};
pub use directory::{AccountId, DeviceRef};
pub use faults::{Fault, Target};
pub use groups::{Addressing, GroupChange, GroupRequest};
pub use log::Happening;
pub use state::{Server, ServerOutput};
pub use tokens::Restriction;
pub use violations::Violation;

pub(crate) use prekeys::{Bundle, PublishedKeys, SignedPrekey};

/// A stanza that owns all its text.
pub(crate) type Stanza = sanswire::wire::Node<'static>;
