//! WhatsApp in a box: a simulated server and one phone per account, for tests and for a laptop.
//!
//! [`server::Server`] has the same shape as the client it serves: bytes and virtual time go in, bytes come out,
//! and the same seed gives the same bytes. [`serve`] puts it on a real socket, so that other people's clients
//! can pair with it and talk through it. What it answers and what it refuses is written down in
//! `docs/protocol/14-simulated-server-contract.md`; what clients do wrong is collected as
//! [`server::Violation`]s, stanza by stanza.
//!
//! ```
//! use sanswire_sim::{clock::Time, seed::Seed, server::{Config, Server, ServerOutput}};
//!
//! let now = Time(1_700_000_000_000);
//! let mut server = Server::new(Config::default(), Seed::new([7; 32]), now);
//! let client = server.connect(now);
//! server.receive(client, b"not WhatsApp", now);
//! assert_eq!(server.poll(), Some(ServerOutput::Close { conn: client }));
//! ```

pub mod check;
pub mod clock;
mod phone;
pub mod run;
#[expect(clippy::panic, reason = "what goes wrong in a script fails its test")]
pub mod script;
pub mod seed;
pub mod serve;
pub mod server;
pub mod tape;
pub mod world;
