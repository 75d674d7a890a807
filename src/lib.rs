//! The WhatsApp Web multi-device protocol as a pure, deterministic sans-IO state machine.
//!
//! A [`Client`] is one account's side of the protocol. It opens no socket, reads no clock, draws no randomness
//! from the system and stores nothing itself: it takes [`Input`]s with their time and gives [`Output`]s, and
//! the same inputs always give the same outputs. Adapters for tokio and smol, storage in SQLite, and a
//! simulated WhatsApp to test against are crates of their own.
//!
//! # The law
//! Handle one input, then poll until [`Output::Wait`]. Carry outputs out in their order: what an
//! [`Output::Store`] holds must be durable before anything that follows it.
//!
//! # The loop
//! ```
//! use sanswire::{Client, Config, Found, Input, Mono, Now, Output, UnixMs, Want};
//!
//! # fn main() -> Result<(), sanswire::Misuse> {
//! let now = Now { mono: Mono(0), unix: UnixMs(1_700_000_000_000) };
//! let mut client = Client::new(Config::default(), [7; 32], now)?; // in earnest: a fresh random seed
//! let mut dialed = None;
//! loop {
//!     match client.poll() {
//!         Output::Load(wants) => {
//!             let nothing = wants.iter().map(|want| match want {
//!                 Want::Get { .. } => Found::Value(None),
//!                 Want::Scan { .. } => Found::Rows(Vec::new()),
//!             });
//!             let found = nothing.collect();
//!             assert!(matches!(client.poll(), Output::Wait(None))); // drained: the client waits for the load
//!             client.handle(Input::Loaded(found), now)?;
//!         }
//!         Output::Store(_batch) => { /* apply atomically, durably */ }
//!         Output::Connect(target) => dialed = Some(target.url), // open the WebSocket
//!         Output::Send(_bytes) => { /* write one binary message */ }
//!         Output::Event(_envelope) => { /* hand to the application, then Input::Seen */ }
//!         Output::Reply(_call, _result) => { /* hand to whoever called */ }
//!         Output::Disconnect(_why) => { /* flush, close */ }
//!         Output::Wait(_deadline) => break, // drained: wait for the next input or the deadline
//!         _ => {}
//!     }
//! }
//! assert_eq!(dialed.as_deref(), Some("wss://web.whatsapp.com/ws/chat"));
//! # Ok(()) }
//! ```
//!
//! # The map, in the order in which bytes travel
//! | Module | What it holds |
//! |---|---|
//! | [`wire`] | frames, Noise, certificates, binary nodes, JIDs |
//! | `engine` | one turn per work item over one transaction; outputs in order |
//! | [`stanza`] | the route table: every incoming stanza and its handler |
//! | [`link`] | connecting, pairing, logging in, staying alive |
//! | [`directory`] | devices, bundles, sessions, the two names of a user |
//! | [`groups`] | what is known of groups, and how it changes |
//! | [`messaging`] | sending and receiving, receipts, retries |
//! | [`content`] | what messages say |
//! | [`signal`], [`crypto`] | end-to-end encryption and what it stands on |
//! | [`ops`], [`event`] | what an application can ask, and what it is told |
//! | `records` | what is durable |
//! | [`replay`] | recording a client, and running a recording again |
//!
//! # What is not here yet
//! Changing groups, uploading and downloading media, app state, history. Stanzas about them are acked where the
//! protocol wants it and surface as events or as [`event::Event::Unhandled`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod account;
pub mod business;
pub mod calls;
mod client;
pub mod config;
pub mod contacts;
pub mod content;
pub mod crypto;
pub mod directory;
mod engine;
mod entropy;
mod error;
pub mod event;
pub mod groups;
mod history;
mod input;
pub mod limits;
pub mod link;
pub mod messaging;
pub mod newsletters;
mod now;
pub mod ops;
mod output;
mod records;
pub mod replay;
pub mod signal;
pub mod stanza;
mod timer;
pub mod wire;

pub use client::{Client, Health, LinkState, Machine, Traced};
pub use config::Config;
pub use error::{Misuse, OpError, Refusal, Rule};
pub use input::{Found, Input};
pub use now::{Mono, Now, UnixMs};
pub use output::{Batch, Output, Target, Want, Write};
pub use records::{RecordCause, RecordError, Table, canonical_record, read_sender_keys, read_sessions};

/// The README's code, compiled with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
