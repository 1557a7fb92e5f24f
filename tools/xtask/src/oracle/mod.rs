//! `cargo xtask oracle`: compares fresh cases with the host's own processor.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod catalogue;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod exchange;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod floating;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod forms;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod generate;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod image;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod native;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod operands;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod random;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod session;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod shrink;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod values;

use std::process::ExitCode;

/// The status that says: not on this host.
const SKIPPED: u8 = 77;

/// Runs the command.
///
/// # Errors
/// Wrong arguments, or a file that cannot be written.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub fn run(arguments: &[&str]) -> Result<ExitCode, String> {
    session::run(arguments)
}

/// Says that this host has no such processor.
///
/// # Errors
/// None.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub fn run(_: &[&str]) -> Result<ExitCode, String> {
    eprintln!("xtask: the oracle needs Linux on an x86-64 processor");
    Ok(ExitCode::from(SKIPPED))
}
