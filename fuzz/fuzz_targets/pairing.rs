//! What pairing takes from outside, and every protobuf, from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::pairing(bytes));
