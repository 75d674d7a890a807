//! The whole client below Noise, from an arbitrary sequence of what can happen to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sanswire_fuzz::client(bytes));
