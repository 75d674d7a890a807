//! What the phone tells a new device about the past. Reference 07 §8, 10 Part B.
//!
//! Only what the protocol itself depends on is read so far: names of users, privacy tokens and the salt, from history
//! that comes inside its notification. Conversations are in the event's protobuf.

pub(crate) mod bootstrap;
