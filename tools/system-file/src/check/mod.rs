//! What can be known of a system before it runs.
//!
//! Each file here proves one kind of thing. Where a proof fails it shows how: with the instants at which it goes wrong.

mod board;
mod channels;
mod health;
mod partitions;
mod queue;
mod restarts;
mod sampling;
mod schedule;
mod timeline;
mod windows;

use crate::diagnostic::Diagnostic;
use crate::model::System;

/// Reports everything that is wrong with the system as a whole.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    partitions::check(system, diagnostics);
    schedule::check(system, diagnostics);
    channels::check(system, diagnostics);
    let mut effort = windows::Effort::new();
    queue::check(system, &mut effort, diagnostics);
    sampling::check(system, &mut effort, diagnostics);
    if effort.is_spent {
        diagnostics.push(
            Diagnostic::warning("this system is too large to prove everything about its queues and messages")
                .at(0..0, "")
                .help(
                    "make frames and periods parts of each other, or check parts of the system by themselves",
                ),
        );
    }
    board::check(system, diagnostics);
    health::check(system, diagnostics);
    restarts::check(system, diagnostics);
}
