//! What an export made of an instruction, remembered by partition, address and bytes; code that changes is asked for anew.
//!
//! Not here: what is remembered. A place holds one instruction, so that a run of any length needs the same memory.

use hypervisor_core::PartitionId;

/// How many instructions are remembered: a power of two.
const SLOTS: usize = 1 << 14;

/// Remembers a `Value` for each instruction.
#[derive(Debug)]
pub struct CodeCache<Value> {
    slots: Vec<Option<Slot<Value>>>,
}

#[derive(Debug)]
struct Slot<Value> {
    partition: PartitionId,
    eip: u32,
    bytes: Box<[u8]>,
    value: Value,
}

impl<Value> CodeCache<Value> {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { slots: std::iter::repeat_with(|| None).take(SLOTS).collect() }
    }

    /// What is remembered of this instruction; if nothing is, what `make` makes of it.
    pub fn of(
        &mut self,
        partition: PartitionId,
        (eip, bytes): (u32, &[u8]),
        make: impl FnOnce() -> Value,
    ) -> &mut Value {
        let slot = &mut self.slots[place_of(partition, eip)];
        let is_it =
            |slot: &Slot<Value>| slot.partition == partition && slot.eip == eip && *slot.bytes == *bytes;
        if !slot.as_ref().is_some_and(is_it) {
            *slot = None;
        }
        let slot = slot.get_or_insert_with(|| Slot { partition, eip, bytes: bytes.into(), value: make() });
        &mut slot.value
    }
}

fn place_of(partition: PartitionId, eip: u32) -> usize {
    let key = eip ^ u32::from(partition.0) << 20;
    key.wrapping_mul(0x9e37_79b1) as usize >> 8 & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::CodeCache;
    use hypervisor_core::PartitionId;

    #[test]
    fn an_instruction_is_made_once_until_its_code_changes() {
        let mut cache = CodeCache::new();
        let (here, there) = (PartitionId(0), PartitionId(1));
        assert_eq!(*cache.of(here, (0x1000, &[0x90]), || 1), 1);
        assert_eq!(*cache.of(here, (0x1000, &[0x90]), || 2), 1);
        assert_eq!(*cache.of(here, (0x1000, &[0x40]), || 3), 3);
        assert_eq!(*cache.of(there, (0x1000, &[0x40]), || 4), 4);
        assert_eq!(*cache.of(here, (0x1000, &[0x40]), || 5), 3);
    }
}
