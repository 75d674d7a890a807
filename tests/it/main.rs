//! Behaviour tests of the whole workspace: one binary, one module per domain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod adapters;
mod bots;
mod check;
mod content;
mod groups;
mod hostile;
mod limits;
mod link;
mod messaging;
mod noise;
mod options;
mod own_keys;
mod pairing;
mod purity;
mod receiving;
mod replay;
mod restored;
mod run;
mod seeds;
mod sessions;
mod signal;
mod store;
mod sweep;
mod tidy;
mod tokens;
mod vectors;
mod wire;
