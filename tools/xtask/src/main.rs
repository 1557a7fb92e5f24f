//! Chores of the project: `cargo xtask COMMAND`. Nothing here is part of the product.

mod abi;
mod bench;
#[cfg(test)]
mod guest_needs;
mod guests;
mod oracle;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  abi [--check]
      write the headers and the document of the guest ABI from hypervisor-core/src/abi, or compare them
  bench
      time window switches, hypercalls and deliveries with 2, 16 and 256 partitions; in release
  guests [--check]
      build the sample guests into guest-images/prebuilt, or compare them
  oracle [--count N] [--seed S] [--write FILE]
      compare N fresh cases with the processor of this host, or write them down with its answers
  oracle --cases FILE
      compare the cases of a v32 file with the processor of this host
  vectors FILE [--group NAMES] [--strict] [--failures N] [--answers FILE]
      run the cases of a v32 file, or take another program's answers to them, and compare
  vectors FILE --undefined [--group NAMES]
      compare the table of undefined bits with the file's";

/// Whether a chore writes files or only says whether they are up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Write,
    Check,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["abi"] => tell(abi::run(&project_root(), Mode::Write)),
        ["abi", "--check"] => tell(abi::run(&project_root(), Mode::Check)),
        ["bench"] => bench::run(&project_root()),
        ["guests"] => tell(guests::run(&project_root(), Mode::Write)),
        ["guests", "--check"] => tell(guests::run(&project_root(), Mode::Check)),
        ["oracle", rest @ ..] => oracle::run(rest),
        ["vectors", rest @ ..] => vectors::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    result.unwrap_or_else(|message| {
        eprintln!("xtask: {message}");
        ExitCode::from(125)
    })
}

fn tell(report: Result<String, String>) -> Result<ExitCode, String> {
    println!("{}", report?);
    Ok(ExitCode::SUCCESS)
}

/// The folder with the workspace's Cargo.toml.
fn project_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}
