//! A recorded run as one HTML page that needs nothing else: no network, no other file.
//!
//! What a run did is collected in bounded memory and written in bounded length, however long the run was: the windows as frames
//! that repeat, how busy each partition was as bins, single events where there is room for them. `bounds` has the numbers; the page says
//! what it leaves out.
//!
//! Not here: reading recordings, running them again, and files.

mod about;
mod arrows;
mod bounds;
mod calls;
mod channels;
mod console;
mod density;
mod details;
mod distribution;
mod functions;
mod interrupts;
mod kept;
mod lines;
mod page;
mod report;
mod schedule;
#[cfg(test)]
mod tests;
mod words;

pub use about::{About, PartitionTotals};
pub use bounds::PAGE_BYTES_MOST;
pub use functions::{FunctionRow, Functions, function_rows};
pub use lines::{LineCounts, LineRow};
pub use report::Report;
