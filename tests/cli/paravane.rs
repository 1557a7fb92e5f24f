//! Runs the built command as a user would.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The command, without colours forced or forbidden by whoever runs the tests.
pub fn paravane<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paravane"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the command to its end.
pub fn run<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Finished {
    Finished::of(&paravane(arguments).output().expect("the command starts"))
}

/// Runs the command to its end with this on its stdin.
pub fn run_with_input<Argument: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = Argument>,
    input: &[u8],
) -> Finished {
    let mut command = paravane(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A guest may end without reading; the pipe is then closed.
    let _ = stdin.write_all(input);
    drop(stdin);
    Finished::of(&child.wait_with_output().expect("the command ends"))
}

/// What a run left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status; None if a signal ended it.
    pub status: Option<i32>,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: String,
}

impl Finished {
    /// What a finished process left behind.
    pub fn of(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: output.stdout.clone(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A file that is removed at the end of the test.
pub struct TemporaryFile(PathBuf);

impl TemporaryFile {
    /// A file with these contents and a name of its own.
    pub fn new(name: &str, contents: &[u8]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("paravane-{}-{number}-{name}", process::id()));
        fs::write(&path, contents).expect("the temporary folder can be written");
        Self(path)
    }

    /// What it holds now.
    pub fn contents(&self) -> Vec<u8> {
        fs::read(&self.0).expect("the file was not removed")
    }
}

impl AsRef<OsStr> for TemporaryFile {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A guest of `guest-images/prebuilt/`.
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/prebuilt").join(format!("{name}.elf"))
}
