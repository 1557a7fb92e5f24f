//! A trace file: any is read or refused with one line, and is shown and verified without a panic.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| fuzz::recording::check(bytes));

fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    fuzz::recording::mutation::mutate(bytes, size, most, seed, fuzzer_mutate)
});
