//! The WhatsApp Web multi-device protocol as a pure, deterministic sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod client;
pub mod config;
pub mod content;
pub mod crypto;
pub mod directory;
mod engine;
mod entropy;
mod error;
pub mod event;
mod input;
pub mod limits;
pub mod link;
pub mod messaging;
mod now;
pub mod ops;
mod output;
mod records;
pub mod signal;
pub mod stanza;
mod timer;
pub mod wire;

pub use client::{Client, Health};
pub use config::Config;
pub use error::{Misuse, OpError};
pub use input::{Found, Input};
pub use now::{Mono, Now, UnixMs};
pub use output::{Batch, Output, Target, Want, Write};
pub use records::{RecordCause, RecordError, Table};
