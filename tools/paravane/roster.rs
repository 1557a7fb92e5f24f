//! The partitions of a run as a person is told of them.

use hypervisor_core::loader::Symbols;
use hypervisor_core::{Machine, PartitionId};
use std::cell::OnceCell;
use trace::Place;

/// Names and symbols of the partitions.
pub struct Roster {
    /// The file that is run, as the user named it.
    pub shown: String,
    /// Whether it is a system file.
    pub is_system: bool,
    /// The partitions' names.
    pub names: Vec<String>,
    symbols: Vec<OnceCell<Symbols>>,
}

impl Roster {
    /// The roster of a machine.
    pub fn new(machine: &Machine, shown: String, is_system: bool) -> Self {
        let names: Vec<String> =
            machine.config().partitions.iter().map(|partition| partition.name.clone()).collect();
        Self { shown, is_system, symbols: vec![OnceCell::new(); names.len()], names }
    }

    /// The subject of a sentence about a partition: `the guest`, or its name.
    pub fn subject(&self, id: PartitionId) -> String {
        if self.is_system { format!("`{}`", self.names[id.index()]) } else { "the guest".to_owned() }
    }

    /// The symbols of a partition.
    pub fn symbols(&self, machine: &Machine, id: PartitionId) -> &Symbols {
        self.symbols[id.index()].get_or_init(|| machine.symbols_of(id))
    }

    /// ` <main+0x4>`, or nothing.
    pub fn place(&self, machine: &Machine, id: PartitionId, address: u32) -> String {
        let symbols = self.symbols(machine, id);
        Place::of(symbols, address).map(|place| format!(" <{place}>")).unwrap_or_default()
    }
}
