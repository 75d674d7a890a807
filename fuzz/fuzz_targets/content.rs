//! Message content from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::content(bytes));
