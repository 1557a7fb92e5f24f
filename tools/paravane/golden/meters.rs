//! How far running cases are, by the instructions that they executed.

use crate::progress::Progress;
use ::golden::Case;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// So often the bar is looked at while no case ends.
pub const GLANCE: Duration = Duration::from_millis(200);
/// A case that nobody accepted is taken to execute so much.
const UNKNOWN_UNITS: u64 = 1_000_000;

/// What several cases execute, and what they executed when they were accepted.
pub struct Meters(Vec<(Arc<AtomicU64>, u64)>);

impl Meters {
    /// Counts in these cases.
    pub fn of(cases: &mut [(String, Result<Case, String>)]) -> Self {
        let meter = |(_, case): &mut (String, Result<Case, String>)| {
            let meter = Arc::new(AtomicU64::new(0));
            let mut expected = 1;
            if let Ok(case) = case {
                case.count_in(Arc::clone(&meter));
                expected = case.accepted_units().unwrap_or(UNKNOWN_UNITS).max(1);
            }
            (meter, expected)
        };
        Self(cases.iter_mut().map(meter).collect())
    }

    /// What they should execute.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, expected)| sum.saturating_add(*expected))
    }

    /// What they have executed of that, of which some have ended. A case that is run again is as good as done.
    pub fn sum(&self, ended: &[bool]) -> u64 {
        self.0.iter().zip(ended).fold(0, |sum, ((meter, expected), ended)| {
            let executed = meter.load(Ordering::Relaxed);
            sum.saturating_add(if *ended { *expected } else { executed.min(*expected) })
        })
    }
}

/// Does something with a case, and shows on a terminal how much is executed for it.
pub fn watched<'a, T: Send + 'a>(case: &'a mut Case, work: impl FnOnce(&'a Case) -> T + Send) -> T {
    let meter = Arc::new(AtomicU64::new(0));
    case.count_in(Arc::clone(&meter));
    let case: &'a Case = case;
    let mut progress = Progress::new("instructions", 0);
    thread::scope(|scope| {
        let (sender, receiver) = channel::<()>();
        let work = scope.spawn(move || {
            // Dropped when the work is done, or has panicked.
            let _sender = sender;
            work(case)
        });
        while receiver.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
            progress.set(meter.load(Ordering::Relaxed));
        }
        work.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
