//! Frames and handshakes from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::frames_handshake(bytes));
