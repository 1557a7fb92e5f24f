//! The decoder and a few steps: any bytes and any state, in every way of running them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::step::check(bytes));
