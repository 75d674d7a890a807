//! What each fuzz target asserts about its bytes. The normal tests run the same functions over the committed
//! seeds and over every input that ever failed.

pub mod client;
pub mod content;
pub mod groups;
pub mod pairing;
pub mod pieces;
pub mod protobuf;
pub mod recording;
pub mod records;
pub mod signal;
pub mod wire;

pub use client::client;
pub use content::content;
pub use groups::sender_key_message;
pub use pairing::pairing;
pub use recording::recording;
pub use records::records;
pub use signal::signal_message;
pub use wire::{frames_handshake, node_decode};
