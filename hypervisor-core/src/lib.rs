//! Partitions, hypercalls, event channels, clock and loader.
