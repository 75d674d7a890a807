//! The life of a connection: what is said to log in or to be paired, and what follows when it ends.
//!
//! Reference 01 §7-16, 02.

pub mod backoff;
pub mod keepalive;
pub mod pairing;
pub mod payload;

pub use payload::Profile;
