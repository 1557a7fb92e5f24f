//! What the command line promises: statuses, messages, streams. Each test runs the built command.

mod calls;
mod check;
mod colours;
mod diff;
mod elf;
mod exit_status;
mod filters;
mod flight;
mod forged;
mod golden;
mod hostile_files;
mod hostile_recordings;
mod input;
mod kit;
mod lockstep;
mod options;
mod paravane;
mod query;
mod readme;
mod recordings;
mod source;
mod streams;
mod systems;
mod terminal;
mod tracing;
mod usage;
