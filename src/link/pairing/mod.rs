//! Becoming a companion of a phone: by QR code, by a typed code, or with a passkey. Reference 02.

pub mod adv_sign;
pub(crate) mod attempt;
pub mod code;
pub mod code_stanza;
pub mod passkey;
pub mod qr;
pub mod success;
