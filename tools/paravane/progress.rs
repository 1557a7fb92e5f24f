//! How far a command is, as a bar on stderr: only on a terminal, and only if it takes longer than a second.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Quicker commands show none.
const PATIENCE: Duration = Duration::from_secs(1);
/// Tests have none: this variable is set in their environment.
const NO_PATIENCE: &str = "PARAVANE_SHOWS_PROGRESS_AT_ONCE";

/// A bar that appears when it is worth it, and goes with its value.
pub struct Progress {
    what: &'static str,
    total: u64,
    since: Instant,
    patience: Duration,
    state: State,
}

enum State {
    /// It was not worth it yet.
    Waiting,
    Shown(ProgressBar),
    /// It would be in the way.
    Gone,
}

impl Progress {
    /// Nothing of `total` is done; `what` is being done, as in `searching`. A total of 0 is not known.
    pub fn new(what: &'static str, total: u64) -> Self {
        let patience = if std::env::var_os(NO_PATIENCE).is_some() { Duration::ZERO } else { PATIENCE };
        Self { what, total, since: Instant::now(), patience, state: State::Waiting }
    }

    /// So much is done.
    pub fn set(&mut self, done: u64) {
        if matches!(self.state, State::Waiting) && self.since.elapsed() > self.patience {
            self.state = State::Shown(bar(self.what, self.total));
        }
        if let State::Shown(bar) = &self.state {
            bar.set_position(if self.total == 0 { done } else { done.min(self.total) });
        }
    }

    /// Does what writes to a terminal without the bar in its way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.state {
            State::Shown(bar) => bar.suspend(write),
            State::Waiting | State::Gone => write(),
        }
    }

    /// What is done shows itself on a terminal from now on.
    pub fn leave(&mut self) {
        if let State::Shown(bar) = &self.state {
            bar.finish_and_clear();
        }
        self.state = State::Gone;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.leave();
    }
}

/// It draws on stderr, and nowhere if that is no terminal.
fn bar(what: &'static str, total: u64) -> ProgressBar {
    let (bar, template) = match total {
        0 => (ProgressBar::no_length(), "{spinner} {msg}: {human_pos}"),
        total => (ProgressBar::new(total), "{msg} {wide_bar} {percent}% {eta} left"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
