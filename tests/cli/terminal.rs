//! Runs the command on a terminal, by way of the program `script`, and says what the terminal got.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// What a terminal gets of stdout and stderr, or None, and a line that says so, where there is no `script`.
pub fn on_terminal(arguments: &[&OsStr], variables: &[(&str, &str)]) -> Option<String> {
    let quoted = |argument: &OsStr| format!("'{}'", argument.to_string_lossy().replace('\'', "'\\''"));
    let mut words = vec![quoted(env!("CARGO_BIN_EXE_paravane").as_ref())];
    words.extend(arguments.iter().map(|argument| quoted(argument)));
    let mut command = Command::new("script");
    command.args(["-qefc", &words.join(" "), "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm-256color");
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    let Ok(output) = command.output() else {
        println!("skipped: script is not installed (Debian: apt-get install bsdutils)");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
