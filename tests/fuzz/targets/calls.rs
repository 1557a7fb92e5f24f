//! Hypercalls: any calls with any arguments over any memory.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::calls::check(bytes));
