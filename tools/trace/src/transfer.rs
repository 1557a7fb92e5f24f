//! What an instruction does to the flow of control and to the stack, as far as a call stack has to know it.
//!
//! Not here: which function is entered, and to which frame a return belongs.

use emulator::Step;
use emulator::cpu::ESP;

/// An instruction that continues elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Transfer {
    pub kind: TransferKind,
    /// Where it stands.
    pub from: u32,
    /// Where the run goes on.
    pub target: u32,
    /// ESP afterwards.
    pub esp: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransferKind {
    /// The return address is on the stack.
    Call {
        return_address: u32,
    },
    /// The address to go on at was taken from the stack, at this address: RET, IRET and the `iret` call.
    Return {
        slot: u32,
    },
    Jump,
}

/// What a step is to a call stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StepKind {
    Plain,
    /// ESP was loaded, and not with the frame pointer: perhaps that of another stack.
    StackLoaded,
    Transfer(Transfer),
}

/// Classifies an instruction by its bytes and by where the run goes on.
pub(crate) fn classify(step: &Step<'_>) -> StepKind {
    let esp = (step.registers_before[ESP], step.after.registers[ESP]);
    classify_parts((step.eip, step.bytes), esp, step.after.eip)
}

/// Whether an instruction with these bytes can be something else than plain.
pub(crate) fn may_transfer(bytes: &[u8]) -> bool {
    // A call of what follows, and a branch that is not taken, are plain: this is behind no instruction.
    const ELSEWHERE: u32 = 1 << 31;
    classify_parts((0, bytes), (0, 0), ELSEWHERE) != StepKind::Plain
}

/// The same of address and bytes, ESP before and after, and where the run goes on.
pub(crate) fn classify_parts((eip, bytes): (u32, &[u8]), (slot, esp): (u32, u32), target: u32) -> StepKind {
    let after_it = eip.wrapping_add(bytes.len() as u32);
    let bytes = without_prefixes(bytes);
    let transfer = |kind| StepKind::Transfer(Transfer { kind, from: eip, target, esp });
    let modrm = bytes.get(1).copied().unwrap_or(0);
    let (register, is_register, operand) = (modrm >> 3 & 7, modrm >> 6 == 3, modrm & 7);
    match bytes.first() {
        // A call of what follows only asks for the address.
        Some(0xe8) if target == after_it => StepKind::Plain,
        Some(0xe8 | 0x9a) => transfer(TransferKind::Call { return_address: after_it }),
        Some(0xff) => match register {
            2 | 3 => transfer(TransferKind::Call { return_address: after_it }),
            4 | 5 => transfer(TransferKind::Jump),
            _ => StepKind::Plain,
        },
        Some(0xc2 | 0xc3 | 0xca | 0xcb | 0xcf) => transfer(TransferKind::Return { slot }),
        // Only a call that restores a frame goes on elsewhere.
        Some(0xcd) if target != after_it => transfer(TransferKind::Return { slot }),
        Some(0x70..=0x7f | 0xe0..=0xe3 | 0xe9 | 0xea | 0xeb) if target != after_it => {
            transfer(TransferKind::Jump)
        }
        Some(0x0f) if (0x80..=0x8f).contains(&modrm) && target != after_it => transfer(TransferKind::Jump),
        Some(0x0f) if modrm == 0xb2 => StepKind::StackLoaded,
        // MOV ESP, EBP takes a frame down.
        Some(0x8b) if register == 4 && !(is_register && operand == 5) => StepKind::StackLoaded,
        Some(0x89) if is_register && operand == 4 && register != 5 => StepKind::StackLoaded,
        Some(0x87) if register == 4 || (is_register && operand == 4) => StepKind::StackLoaded,
        Some(0x5c | 0x94) => StepKind::StackLoaded,
        _ => StepKind::Plain,
    }
}

fn without_prefixes(bytes: &[u8]) -> &[u8] {
    let is_prefix = |byte: &u8| {
        matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3)
    };
    let count = bytes.iter().take_while(|byte| is_prefix(byte)).count();
    &bytes[count..]
}

#[cfg(test)]
mod tests {
    use super::{StepKind, TransferKind, classify};
    use emulator::cpu::{ESP, Tls};
    use emulator::{Cpu, DescriptorTable, Step};

    fn kind(bytes: &[u8], target: u32) -> StepKind {
        let mut after = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        after.eip = target;
        let mut registers_before = [0; 8];
        registers_before[ESP] = 0x8000;
        classify(&Step {
            eip: 0x1000,
            bytes,
            registers_before: &registers_before,
            eflags_before: 0,
            after: &after,
            accesses: &[],
        })
    }

    fn transfer(bytes: &[u8], target: u32) -> Option<TransferKind> {
        match kind(bytes, target) {
            StepKind::Transfer(transfer) => {
                assert_eq!((transfer.from, transfer.target), (0x1000, target));
                Some(transfer.kind)
            }
            _ => None,
        }
    }

    #[test]
    fn calls_returns_and_jumps_are_told_by_their_bytes() {
        let back = Some(TransferKind::Return { slot: 0x8000 });
        let call = |return_address| Some(TransferKind::Call { return_address });
        for (bytes, expected) in [
            (&[0xe8, 0, 1, 0, 0][..], call(0x1005)),
            (&[0xff, 0xd0], call(0x1002)),
            (&[0x65, 0xff, 0x15, 0x10, 0, 0, 0], call(0x1007)),
            (&[0xff, 0xe0], Some(TransferKind::Jump)),
            (&[0xff, 0x70, 4], None),
            (&[0xeb, 0x10], Some(TransferKind::Jump)),
            (&[0x0f, 0x84, 0, 1, 0, 0], Some(TransferKind::Jump)),
            (&[0x0f, 0xb6, 0xc0], None),
            (&[0xc3], back),
            (&[0xf3, 0xc3], back),
            (&[0xc2, 8, 0], back),
            (&[0xcf], back),
            (&[0xcd, 0x82], back),
        ] {
            assert_eq!(transfer(bytes, 0x2000), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn what_goes_on_behind_itself_is_no_transfer() {
        for bytes in [&[0xe8, 0, 0, 0, 0][..], &[0x74, 0x10], &[0x0f, 0x84, 0, 1, 0, 0], &[0xcd, 0x80]] {
            assert_eq!(kind(bytes, 0x1000 + bytes.len() as u32), StepKind::Plain, "{bytes:x?}");
        }
    }

    #[test]
    fn loading_the_stack_pointer_is_seen_and_taking_down_a_frame_is_none() {
        for (bytes, loads) in [
            (&[0x89, 0xd4][..], true),
            (&[0x89, 0xec], false),
            (&[0x89, 0x24, 0x24], false),
            (&[0x8b, 0xe5], false),
            (&[0x8b, 0xe2], true),
            (&[0x8b, 0x62, 0x10], true),
            (&[0x8b, 0x44, 0x24, 4], false),
            (&[0x94], true),
            (&[0x5c], true),
            (&[0x87, 0xe1], true),
            (&[0x83, 0xc4, 0x10], false),
        ] {
            let expected = if loads { StepKind::StackLoaded } else { StepKind::Plain };
            assert_eq!(kind(bytes, 0x1000 + bytes.len() as u32), expected, "{bytes:x?}");
        }
    }
}
