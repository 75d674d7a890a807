//! A server that says to one client exactly what a test tells it to, on a virtual clock.
//!
//! [`Script`] stands below the simulated server: it answers the Noise handshake and nothing else, so that a
//! test can stay silent, answer wrongly, or send what no server would send. [`Peer`] is another user's device
//! with real keys.

mod client;
mod flows;
mod peer;
mod socket;

pub use client::Script;
pub use flows::{OWN_LID, OWN_NUMBER, device_lists, own_lid, own_number, pair_device};
pub use peer::Peer;
