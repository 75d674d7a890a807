//! The WhatsApp Web multi-device protocol as a pure, deterministic sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod crypto;
pub mod directory;
pub mod limits;
pub mod link;
pub mod signal;
pub mod wire;
