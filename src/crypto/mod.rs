//! Curves, ciphers and hashes behind types that cannot be mixed up.
//!
//! Everything here is a pure function of its arguments: where an algorithm wants randomness, the caller
//! hands the bytes over. Reference 04 §1.

pub mod aead;
pub mod cbc;
pub mod curve;
pub mod hmac;
pub mod kdf;
pub mod mac;
pub mod secret;

pub use curve::{CurveError, KeyPair, PrivateKey, PublicKey};
pub use hmac::HmacKey;
pub use secret::Secret;
