//! A trace file: any is read or refused with one line, and is shown and verified without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::recording::check(bytes));
