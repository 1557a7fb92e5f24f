//! What a trace is of: the partitions, their images and names. It is all that a reader of a trace needs beside the trace.
//!
//! Not here: how the system is configured.

use crate::names::Names;
use hypervisor_core::clock::Rate;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Image, Machine, PartitionId};
use std::sync::Arc;

/// A system that was, or is being, traced.
#[derive(Clone, Debug)]
pub struct TracedSystem {
    /// Whether it was described by a system file; else it is a single guest, and its partition's name is not shown.
    pub is_system: bool,
    /// How fast virtual time passes.
    pub rate: Rate,
    /// The names of its parts.
    pub names: Arc<Names>,
    /// The partitions, by their numbers.
    pub partitions: Vec<TracedPartition>,
}

/// A partition that was, or is being, traced.
#[derive(Clone, Debug)]
pub struct TracedPartition {
    /// Its name.
    pub name: String,
    /// Its image: ELF file, hash, build id, DWARF sections.
    pub image: Arc<Image>,
    /// The names of the image and of the core's own pages.
    pub symbols: Symbols,
}

impl TracedSystem {
    /// The system of a machine.
    #[must_use]
    pub fn of(machine: &Machine, is_system: bool) -> Self {
        let config = machine.config();
        let partitions = config.partitions.iter().enumerate().map(|(place, partition)| TracedPartition {
            name: partition.name.clone(),
            image: Arc::clone(&partition.image),
            symbols: machine.symbols_of(PartitionId(place as u16)),
        });
        let names = if is_system { Names::of(config) } else { Names::default() };
        Self { is_system, rate: config.rate, names: Arc::new(names), partitions: partitions.collect() }
    }

    /// A partition.
    ///
    /// # Panics
    /// If there is none of this number.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> &TracedPartition {
        &self.partitions[id.index()]
    }
}
