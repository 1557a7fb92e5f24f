//! What of the processor a partition may use: privileged instructions, ports, bits of CR4. And which of its places it
//! was told about.

use crate::config::{PartitionConfig, PrivilegedPolicy};
use crate::fake_registers;
use crate::snapshot::{Damaged, holds};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// So many places are told about; a guest that makes more of them, by writing code, costs no more memory.
const TOLD_MOST: usize = 4096;

/// What a partition may use.
#[derive(Debug)]
pub struct Privileges {
    policy: PrivilegedPolicy,
    ports: Vec<RangeInclusive<u16>>,
    cr4_changeable: u32,
    told: BTreeSet<u32>,
}

impl Privileges {
    /// As the configuration says.
    #[must_use]
    pub fn of(config: &PartitionConfig) -> Self {
        Self {
            policy: config.privileged,
            ports: config.io_ports.clone(),
            cr4_changeable: fake_registers::cr4_changeable(config.profile),
            told: BTreeSet::new(),
        }
    }

    /// Whether the core does privileged instructions in the guest's place.
    #[must_use]
    pub fn settles(&self) -> bool {
        self.policy == PrivilegedPolicy::Settle
    }

    /// Bits of CR4 that the guest may change.
    #[must_use]
    pub fn cr4_changeable(&self) -> u32 {
        self.cr4_changeable
    }

    /// Whether all of `width` ports from `port` on may be used, as the bits of an I/O bitmap say.
    #[must_use]
    pub fn grants(&self, port: u16, width: u8) -> bool {
        (0..u16::from(width)).all(|byte| {
            let port = port.checked_add(byte);
            port.is_some_and(|port| self.ports.iter().any(|range| range.contains(&port)))
        })
    }

    /// The places that it was told about.
    pub(crate) fn told(&self) -> BTreeSet<u32> {
        let Self { policy: _, ports: _, cr4_changeable: _, told } = self;
        told.clone()
    }

    /// The same where only these were told about.
    pub(crate) fn having_told(self, told: BTreeSet<u32>) -> Result<Self, Damaged> {
        holds(told.len() <= TOLD_MOST, "it was told of too many instructions")?;
        Ok(Self { told, ..self })
    }

    /// Whether this is the first time at this place, so that a person is to be told.
    pub fn tells_of(&mut self, eip: u32) -> bool {
        self.told.len() < TOLD_MOST && self.told.insert(eip)
    }
}

#[cfg(test)]
mod tests {
    use super::{Privileges, TOLD_MOST};
    use crate::config::PartitionConfig;
    use crate::test_images::Code;

    fn privileges() -> Privileges {
        let mut config = PartitionConfig::new("one", Code::default().raw(&[0x90]).image());
        config.io_ports = vec![0x60..=0x60, 0x3f8..=0x3fb, 0x3fc..=0x3ff, 0xfffe..=0xffff];
        Privileges::of(&config)
    }

    #[test]
    fn an_access_needs_every_port_that_it_touches() {
        let privileges = privileges();
        for (port, width, granted) in [
            (0x60, 1, true),
            (0x60, 2, false),
            (0x5f, 2, false),
            (0x3f8, 4, true),
            (0x3fa, 4, true),
            (0x3fe, 4, false),
            (0xfffe, 2, true),
            (0xffff, 2, false),
            (0, 1, false),
        ] {
            assert_eq!(privileges.grants(port, width), granted, "{port:x} {width}");
        }
    }

    #[test]
    fn each_place_is_told_once_and_not_without_end() {
        let mut privileges = privileges();
        assert!(privileges.tells_of(5));
        assert!(!privileges.tells_of(5));
        assert_eq!(
            (0..2 * TOLD_MOST as u32).filter(|place| privileges.tells_of(*place)).count(),
            TOLD_MOST - 1
        );
    }
}
