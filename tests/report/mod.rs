//! What `paravane report` writes: a browser shows it, and its numbers are those of the machine.

mod browser;
mod ledger;
