//! Recordings from arbitrary and from damaged bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::recording(bytes));
