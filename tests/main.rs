//! The promises of the product, one module each.

mod cli;
mod equivalences;
mod golden;
mod layers;
mod vectors;
