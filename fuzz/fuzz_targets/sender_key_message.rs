//! Distributions and messages of a group member from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::sender_key_message(bytes));
