//! What the tests of the exports are made of: a system of two partitions, and an instruction that reads and writes.

use emulator::cpu::Tls;
use emulator::{Access, AccessKind, Cpu, DescriptorTable, Step};
use hypervisor_core::clock::Rate;
use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
use hypervisor_core::{Image, PartitionId, Stamp};
use std::sync::Arc;
use trace::{TracedPartition, TracedSystem};

pub const STAMP: Stamp = Stamp { partition: PartitionId(0), instruction: 12, unit: 100, now_ns: 1_000 };

const ACCESSES: [Access; 2] = [
    Access { kind: AccessKind::Read, address: 0x10_4000, length_bytes: 2, value: 0x1f },
    Access { kind: AccessKind::Write, address: 0xf000_0000, length_bytes: 8, value: u64::MAX },
];

/// Two partitions, `one` and `"two", the second`, with `main` at 0x10_0000.
pub fn system() -> TracedSystem {
    let image = include_bytes!("../../../guest-images/prebuilt/hello.elf");
    let image = Arc::new(Image::read(image).expect("the sample can be read"));
    let main =
        Symbol { address: 0x10_0000, length_bytes: 16, kind: SymbolKind::Function, name: "main".to_owned() };
    let partition = |name: &str| TracedPartition {
        name: name.to_owned(),
        image: Arc::clone(&image),
        symbols: Symbols::default().with([main.clone()]),
    };
    TracedSystem {
        is_system: true,
        rate: Rate::default(),
        names: Arc::default(),
        partitions: vec![partition("one"), partition("\"two\", the second")],
    }
}

pub fn processor() -> Cpu {
    Cpu::ring3(DescriptorTable::ring3(Tls::Present))
}

/// An instruction that leaves `after` behind, from registers that were zero.
pub fn step<'a>(eip: u32, bytes: &'a [u8], after: &'a Cpu) -> Step<'a> {
    Step { eip, bytes, registers_before: &[0; 8], eflags_before: after.eflags, after, accesses: &ACCESSES }
}
