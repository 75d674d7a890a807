//! The Noise handshake and transport: the reference's vectors, and what holds for all keys and bytes.

mod properties;
mod reference;
mod roles;
mod transcript;
