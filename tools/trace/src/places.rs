//! An address as a person looks for it: `main+0x4`, or `0x00100004` where no symbol says more.

use hypervisor_core::loader::{Located, Symbols};
use std::fmt;

/// An address that a symbol holds; prints as `main+0x4`, and as `main` at its first byte.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a>(pub Located<'a>);

impl<'a> Place<'a> {
    /// The place of `address`, if a symbol holds it.
    #[must_use]
    pub fn of(symbols: &'a Symbols, address: u32) -> Option<Self> {
        symbols.locate(address).map(Self)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.symbol.name)?;
        match self.0.offset {
            0 => Ok(()),
            offset => write!(f, "+0x{offset:x}"),
        }
    }
}

/// Where a call goes on, as a place in the function that made it: that of the byte before, and one more. Behind a call that
/// ends its function, because what it calls never returns, another function may begin.
#[must_use]
pub fn describe_return(symbols: &Symbols, address: u32) -> String {
    let call = address.checked_sub(1).and_then(|last| symbols.locate(last));
    match call {
        Some(Located { symbol, offset }) => {
            Place(Located { symbol, offset: offset.saturating_add(1) }).to_string()
        }
        None => describe(symbols, address),
    }
}

/// The place of `address`, or its digits.
#[must_use]
pub fn describe(symbols: &Symbols, address: u32) -> String {
    Place::of(symbols, address).map_or_else(|| format!("0x{address:08x}"), |place| place.to_string())
}
