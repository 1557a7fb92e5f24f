//! The reader of v32 files: any text is read or refused, and its cases run.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::vectors::check(bytes));
