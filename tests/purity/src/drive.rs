//! A client from its making to its first handshake message, as one number.

extern crate alloc;

use alloc::vec::Vec;

use sanswire::crypto::mac::sha256;
use sanswire::{Client, Config, Found, Input, Mono, Now, Output, UnixMs, Want};

/// Makes a client over empty storage, connects it, and gives the first four bytes of the hash of all that it stored
/// and sent; 0 when it broke its contract.
pub(crate) fn drive(seed: u32) -> u32 {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&seed.to_be_bytes());
    digest(key).unwrap_or(0)
}

fn digest(key: [u8; 32]) -> Option<u32> {
    let now = Now { mono: Mono(0), unix: UnixMs(1_700_000_000_000) };
    let mut client = Client::new(Config::default(), key, now).ok()?;
    let (mut bytes, mut loads, mut connected) = (Vec::new(), None, false);
    loop {
        match client.poll() {
            Output::Load(wants) => loads = Some(wants),
            Output::Store(batch) => {
                for write in batch.writes {
                    bytes.extend_from_slice(&write.key);
                    bytes.extend_from_slice(&write.value.unwrap_or_default());
                }
            }
            Output::Send(sent) => bytes.extend_from_slice(&sent),
            Output::Wait(_) => {
                let input = match (loads.take(), connected) {
                    (Some(wants), _) => Input::Loaded(wants.iter().map(nothing).collect()),
                    (None, false) => {
                        connected = true;
                        Input::Connected
                    }
                    (None, true) => break,
                };
                client.handle(input, now).ok()?;
            }
            _ => {}
        }
    }
    let [a, b, c, d, ..] = sha256(&[&bytes]);
    Some(u32::from_be_bytes([a, b, c, d]))
}

fn nothing(want: &Want) -> Found {
    match want {
        Want::Get { .. } => Found::Value(None),
        Want::Scan { .. } => Found::Rows(Vec::new()),
    }
}
