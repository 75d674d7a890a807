//! The protobuf schema of WhatsApp and of sanswire's own records.
//!
//! [`whatsapp`] is the protocol's schema, one `.proto` file per domain under `whatsapp/`. It is proto2: every
//! singular field is an [`Option`], so a field that was set to zero is written and one that was not is absent.
//! Byte fields are [`bytes::Bytes`]: decoding from `Bytes` borrows from it without a copy. Enum fields are
//! `Option<i32>` with a getter of the same name that gives the typed value, so that an unknown number survives
//! decoding and encoding.
//!
//! [`records`] is what sanswire itself keeps, `records/*.proto`, in the same manner: a field that is missing from
//! storage is seen as missing and not as zero.
//!
//! The crate needs `alloc` and nothing else: `cargo check -p sanswire-proto --target thumbv7em-none-eabihf` passes.

#![no_std]

extern crate alloc;

mod redact;

/// The schema of the protocol: handshake, pairing, messages, history, application state.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::use_self,
    reason = "generated from whatsapp/*.proto"
)]
pub mod whatsapp {
    include!(concat!(env!("OUT_DIR"), "/whatsapp.rs"));
}

/// Version 1 of the durable records: one message per table, and their parts.
#[allow(unreachable_pub, clippy::all, clippy::use_self, reason = "generated from records/*.proto")]
pub mod records {
    include!(concat!(env!("OUT_DIR"), "/sanswire.records.v1.rs"));
}
