//! The ELF loader: any file is read and loaded or refused, and what was loaded runs.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::loader::check(bytes));
