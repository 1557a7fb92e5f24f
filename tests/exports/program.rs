//! Asks a reader that is a program.

use super::run::root;
use std::process::Command;

/// Runs a program in the project's folder, if it is installed, and returns what it prints; it must accept what was exported. `package`
/// is where Debian has it.
pub fn ask(program: &str, package: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).current_dir(root()).env("LC_ALL", "C").args(arguments).output();
    let Ok(output) = output else {
        println!("skipped: {program} is not installed (Debian: apt-get install {package})");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} does not accept what was exported:\n{errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
