//! The sixteen registers of a case, by name, each present or not.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// The names: the general registers and the segment registers in encoding order, EIP, EFLAGS.
pub const NAMES: [&str; 16] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "es", "cs", "ss", "ds", "fs", "gs", "eip",
    "eflags",
];

/// Position of the first segment register.
pub(crate) const SEGMENTS: usize = 8;
/// Position of EIP.
pub const EIP: usize = 14;
/// Position of EFLAGS.
pub const EFLAGS: usize = 15;

/// A value for some of the registers, in the order of [`NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Registers(pub [Option<u32>; 16]);

impl Registers {
    /// The name of the first register that has no value.
    pub(crate) fn first_missing(&self) -> Option<&'static str> {
        self.0.iter().position(Option::is_none).map(|position| NAMES[position])
    }

    /// The value of the register at `position`, 0 if it has none.
    #[must_use]
    pub fn value(&self, position: usize) -> u32 {
        self.0[position].unwrap_or(0)
    }
}

/// The position of a register's name.
pub(crate) fn position(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;

        impl<'de> Visitor<'de> for ByName {
            type Value = Registers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of register values")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Registers, M::Error> {
                let mut registers = Registers::default();
                while let Some(name) = map.next_key::<crate::format::Text<'de>>()? {
                    match position(&name.0) {
                        Some(position) => registers.0[position] = Some(map.next_value()?),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(registers)
            }
        }

        deserializer.deserialize_map(ByName)
    }
}
