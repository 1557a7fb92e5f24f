//! The command line of Paravane.
fn main() {}
