//! Signal messages from arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::signal_message(bytes));
