//! Chores of the project: `cargo xtask COMMAND`.

mod vectors;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  vectors FILE [--group NAMES] [--strict] [--failures N] [--answers FILE]
      run the cases of a v32 file, or take another program's answers to them, and compare
  vectors FILE --undefined [--group NAMES]
      compare the table of undefined bits with the file's";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["vectors", rest @ ..] => vectors::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    result.unwrap_or_else(|message| {
        eprintln!("xtask: {message}");
        ExitCode::from(125)
    })
}
