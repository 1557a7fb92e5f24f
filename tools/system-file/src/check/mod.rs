//! What can be known of a system before it runs.
//!
//! Each file here proves one kind of thing. Where a proof fails it shows how: with the instants at which it goes wrong.

mod board;
mod channels;
mod health;
mod partitions;
mod queue;
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
    board::check(system, diagnostics);
    health::check(system, diagnostics);
}
