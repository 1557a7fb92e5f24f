//! Each export says what happened, and its real reader reads it. A check that needs a reader that is not installed says so
//! and passes; `.ci/run` names what has to be installed.

mod blocks;
mod callgrind;
mod command;
mod coverage;
mod csv;
mod folded;
mod lcov;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod program;
mod python;
mod run;
mod tenet;
mod trace_reader;
