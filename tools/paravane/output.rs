//! Everything that goes to stdout or stderr.
//!
//! A reader that closes the pipe is no error: [`Ended::Closed`] travels up and the command ends quietly.

use anstyle::{AnsiColor, Style};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// How the first word of an error is shown.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Why output ended before the command did.
#[derive(Debug)]
pub enum Ended {
    /// The reader went away.
    Closed,
    /// The host refused: one line for the user.
    Failed(String),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            // It says itself what is wrong.
            _ if error.get_ref().is_some() => Self::Failed(error.to_string()),
            _ => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}

/// The file that `--output` names, if it names one: without it, and with `-`, it is stdout.
pub fn named_file(output: &Option<PathBuf>) -> Option<&Path> {
    output.as_deref().filter(|output| *output != Path::new("-"))
}

/// Bytes on their way to stdout or to a file, unchanged.
pub struct Output(BufWriter<Destination>);

enum Destination {
    Stdout(StdoutLock<'static>),
    File(File),
    Nowhere,
}

impl Output {
    /// Stdout, which nobody else writes to from now on.
    pub fn stdout() -> Self {
        Self::new(Destination::Stdout(io::stdout().lock()))
    }

    /// A new or emptied file.
    ///
    /// # Errors
    /// One line for the user.
    pub fn file(path: &Path) -> Result<Self, String> {
        let file =
            File::create(path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self::new(Destination::File(file)))
    }

    /// A new or emptied file, or stdout if none is named.
    ///
    /// # Errors
    /// One line for the user.
    pub fn to(path: Option<&Path>) -> Result<Self, String> {
        path.map_or_else(|| Ok(Self::stdout()), Self::file)
    }

    /// Takes everything and keeps nothing.
    pub fn nowhere() -> Self {
        Self::new(Destination::Nowhere)
    }

    fn new(to: Destination) -> Self {
        Self(BufWriter::with_capacity(64 << 10, to))
    }

    /// Takes all of `bytes`; they may stay here until [`Output::flush`].
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        Ok(self.0.write_all(bytes)?)
    }

    /// Brings what a guest calls errors to stderr; nowhere if its console goes nowhere, too.
    pub fn write_errors(&mut self, bytes: &[u8]) {
        if !matches!(self.0.get_ref(), Destination::Nowhere) {
            // As for `complain`: there is nobody left to tell.
            let _ = io::stderr().write_all(bytes);
        }
    }

    /// Whether colours belong there.
    pub fn shows_colours(&self) -> bool {
        match self.0.get_ref() {
            Destination::Stdout(stdout) => {
                anstream::AutoStream::choice(stdout) != anstream::ColorChoice::Never
            }
            Destination::File(_) | Destination::Nowhere => false,
        }
    }

    /// Brings everything written to its reader.
    ///
    /// # Errors
    /// The reader went away, or the host refused.
    pub fn flush(&mut self) -> Result<(), Ended> {
        Ok(self.0.flush()?)
    }
}

/// For who knows nothing of [`Ended`].
pub struct Bytes<'a>(pub &'a mut Output);

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.0.flush()
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
            Self::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
            Self::Nowhere => Ok(()),
        }
    }
}

/// Prints to stderr, in colours where they belong. If nobody listens there either, there is nobody left to tell.
pub fn complain(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{}", text.to_string().trim_end());
}
