//! The partition of a format that has room for one.
//!
//! Not here: the names that a user gives.

use hypervisor_core::PartitionId;
use std::fmt;
use trace::TracedSystem;

/// A file holds one partition, and none was chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeveralPartitions {
    format: &'static str,
    names: Vec<String>,
}

impl fmt::Display for SeveralPartitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(", ");
        write!(f, "{} holds one partition: choose one of {names}", self.format)
    }
}

impl std::error::Error for SeveralPartitions {}

/// The chosen partition, or the only one. `format` is what the file is called.
pub(crate) fn chosen_partition(
    system: &TracedSystem,
    chosen: Option<PartitionId>,
    format: &'static str,
) -> Result<PartitionId, SeveralPartitions> {
    match (chosen, system.partitions.len()) {
        (Some(chosen), _) => Ok(chosen),
        (None, 0 | 1) => Ok(PartitionId(0)),
        (None, _) => {
            let names = system.partitions.iter().map(|partition| partition.name.clone()).collect();
            Err(SeveralPartitions { format, names })
        }
    }
}
