//! Partitions, hypercalls, event channels, clock and loader.

pub mod abi;
