//! A sanswire client on smol: sockets, TLS, timers, and a thread of its pool for what blocks.
//!
//! ```no_run
//! use sanswire::Config;
//! use sanswire_driver::Driver;
//! use sanswire_store::SqliteStore;
//! use sanswire_smol::Tls;
//!
//! # async fn example() -> Result<(), sanswire_driver::DriverError> {
//! let (driver, client) = Driver::open(Config::default(), SqliteStore::open("account.db")?)?;
//! let running = smol::spawn(sanswire_smol::run(driver, Tls::default()));
//! while let Some(envelope) = client.next_event().await {
//!     println!("{:?}", envelope.event);
//!     client.seen(envelope.id);
//! }
//! # drop(running);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod connect;
mod runtime;
mod websocket;

pub use runtime::{Smol, run};
pub use sanswire_driver::{NoRoots, Tls};
