//! Two runs, compared row by row: where they part, and where they go on alike.
//!
//! Rows come in as far as they are there and leave when they were compared, so memory stays small whatever the length.
//! Not here: machines, files, and how lines are coloured.

mod alignment;
mod collector;
mod comparison;
mod counts;
mod endings;
mod extended;
mod hunk;
mod row;
mod row_text;
mod rules;
mod side;
#[cfg(test)]
mod tests;

pub use collector::{Collector, Wanted};
pub use comparison::{Comparison, Settings};
pub use counts::Counts;
pub use endings::Ending;
pub use extended::Extended;
pub use hunk::{Line, Mark};
pub use row::{Instruction, Logged, Row, What};
pub use rules::{By, Ignored, Rules};
pub use side::View;
