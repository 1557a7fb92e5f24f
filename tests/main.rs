//! The promises of the product, one module each.

mod cli;
mod equivalences;
mod exports;
mod isolation;
mod layers;
mod report;
mod samples;
mod soak;
mod transparency;
mod vectors;
