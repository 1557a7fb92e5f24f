//! Each sample guest and system does what a reviewer accepted: a test of its own for each case of this folder.
//!
//! What a case is, and how one is accepted, is in docs/GOLDEN.md.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    golden::harness::main(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")))
}
