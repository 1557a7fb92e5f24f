//! How far a command is, as a bar on stderr: only on a terminal, and only if it takes longer than a second.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Quicker commands show none.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears when it is worth it, and goes with its value.
pub struct Progress {
    what: &'static str,
    total: u64,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing of `total` is done; `what` is being done, as in `searching`.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, since: Instant::now(), bar: None }
    }

    /// So much is done.
    pub fn set(&mut self, done: u64) {
        if self.bar.is_none() && self.since.elapsed() > PATIENCE {
            self.bar = Some(bar(self.what, self.total));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done.min(self.total));
        }
    }

    /// Does what writes to a terminal without the bar in its way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// It draws on stderr, and nowhere if that is no terminal.
fn bar(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
