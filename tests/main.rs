//! The promises of the product, one module each.

mod equivalences;
mod layers;
