//! The promises of the product, one module each.

mod cli;
mod equivalences;
mod exports;
mod golden;
mod isolation;
mod layers;
mod soak;
mod transparency;
mod vectors;
