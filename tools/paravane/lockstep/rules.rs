//! Where two right processors may differ, and which instructions only one of them runs.
//!
//! What the architecture leaves undefined comes from the emulator's table; here is how far results may be off, and what
//! depends on the host and not on the program.

use super::state::{State, WrittenByte};
use emulator::decode::{self, UndefinedResult};
use emulator::{Cpu, Vector};

/// Bits of the x87 status word that no rule asks of an approximate result: UE, PE and C1.
const OPEN_IF_APPROXIMATE: u16 = 1 << 4 | 1 << 5 | 1 << 9;

/// x87 instructions whose result the architecture allows to be off by one unit in the last place.
const APPROXIMATE: [&str; 8] = ["f2xm1", "fcos", "fpatan", "fptan", "fsin", "fsincos", "fyl2x", "fyl2xp1"];

/// SSE instructions whose result is an approximation.
const RECIPROCAL: [&str; 4] = ["rcpps", "rcpss", "rsqrtps", "rsqrtss"];

/// What the disassembler writes before a mnemonic.
const WRITTEN_PREFIX: [&str; 11] = ["o16", "a16", "lock", "rep", "repne", "es", "cs", "ss", "ds", "fs", "gs"];

const EVERY_PREFIX: [u8; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];

/// The instruction that was just compared.
#[derive(Clone, Copy, Debug)]
pub struct Executed<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The processor before it.
    pub before: &'a Cpu,
    /// The exception that it raised.
    pub raised: Option<Vector>,
}

/// Whether only the emulator runs an instruction, and the host takes over what it did: system calls, and what tells
/// something about the processor or its tables instead of computing.
pub fn is_taken_over(bytes: &[u8]) -> bool {
    match without_prefixes(bytes) {
        // INT n, that is a system call; INTO, whose trap has no signal of its own; INT1, whose trap a hypervisor below
        // the host reports in front of it.
        [0xcd | 0xce | 0xf1, ..] => true,
        // RDTSC, RDPMC, CPUID; LAR, LSL.
        [0x0f, 0x31 | 0x33 | 0xa2 | 0x02 | 0x03, ..] => true,
        // SLDT, STR, VERR, VERW.
        [0x0f, 0x00, operand, ..] => matches!(operand >> 3 & 7, 0 | 1 | 4 | 5),
        // SGDT, SIDT, SMSW.
        [0x0f, 0x01, operand, ..] => matches!(operand >> 3 & 7, 0 | 1 | 4),
        // BSF and BSR behind a REP, as compilers write them, are TZCNT and LZCNT on newer processors.
        [0x0f, 0xbc | 0xbd, ..] => bytes.iter().take_while(|byte| **byte != 0x0f).any(|byte| *byte == 0xf3),
        _ => false,
    }
}

/// Whether the host's kernel would take an instruction for a system call. To the emulator it is a fault.
pub fn enters_kernel(bytes: &[u8]) -> bool {
    // SYSCALL, SYSENTER.
    matches!(without_prefixes(bytes), [0x0f, 0x05 | 0x34, ..])
}

/// Whether an instruction surely leaves the x87, MMX and SSE registers of a real processor alone.
pub fn is_integer(bytes: &[u8]) -> bool {
    match without_prefixes(bytes) {
        // WAIT and the x87 instructions.
        [] | [0x9b | 0xd8..=0xdf, ..] => false,
        // CMOVcc; Jcc, SETcc and what follows them up to SHRD; IMUL up to XADD; BSWAP. FXSAVE and LDMXCSR are 0F AE.
        [0x0f, second, ..] => {
            matches!(second, 0x40..=0x4f | 0x80..=0xad | 0xaf..=0xc1 | 0xc8..=0xcf)
        }
        _ => true,
    }
}

/// Takes out of the host's side what it need not have in common with `ours`.
pub fn forgive(executed: Executed<'_>, ours: &State, theirs: &mut State, bytes: &mut Vec<WrittenByte>) {
    let outcome = decode::Outcome { eflags: ours.eflags, raised: executed.raised };
    let undefined = decode::undefined(executed.bytes, executed.before, outcome);
    take_bits(&mut theirs.eflags, ours.eflags, undefined.flags);
    match undefined.result {
        Some(UndefinedResult::Register { number, mask }) => {
            take_bits(&mut theirs.registers[number], ours.registers[number], mask);
        }
        Some(UndefinedResult::Memory { address, length_bytes }) => {
            bytes.retain(|byte| byte.address.wrapping_sub(address) >= length_bytes);
        }
        None => {}
    }
    if let [0x9c, ..] = without_prefixes(executed.bytes)
        && let [_, second, ..] = bytes.as_mut_slice()
    {
        // PUSHF shows the trap flag by which the host is held.
        second.host &= !1;
        second.host |= second.emulator & 1;
    }
    theirs.status = theirs.status & !undefined.status | ours.status & undefined.status;
    if let Some(image) = undefined.image {
        bytes.retain(|byte| {
            let offset = byte.address.wrapping_sub(image.address);
            !image.ranges.iter().any(|(start, length)| offset.wrapping_sub(*start) < *length)
        });
    }
    let text = decode::disassemble(executed.bytes, executed.before.eip).text;
    let mnemonic = text.split(' ').find(|word| !WRITTEN_PREFIX.contains(word)).unwrap_or_default();
    if APPROXIMATE.contains(&mnemonic) {
        theirs.status = theirs.status & !OPEN_IF_APPROXIMATE | ours.status & OPEN_IF_APPROXIMATE;
        for (ours, theirs) in ours.stack.iter().zip(&mut theirs.stack) {
            if is_next_to(*ours, *theirs) {
                *theirs = *ours;
            }
        }
    }
    if RECIPROCAL.contains(&mnemonic) {
        for (ours, theirs) in ours.xmm.iter().zip(&mut theirs.xmm) {
            if (0..4).all(|lane| is_close((*ours >> (32 * lane)) as u32, (*theirs >> (32 * lane)) as u32)) {
                *theirs = *ours;
            }
        }
    }
}

/// Whether two numbers of the same sign have no other between them.
fn is_next_to(one: u128, other: u128) -> bool {
    // Past the explicit integer bit: after 1.111... comes 1.000... with the next exponent.
    let ordinal = |value: u128| (value >> 64 & 0x7fff) << 63 | value & (u128::MAX >> 65);
    one >> 79 == other >> 79 && ordinal(one).abs_diff(ordinal(other)) <= 1
}

/// Whether two single-precision numbers are at most as far apart as two approximations of one value, each with a
/// relative error of 1.5 x 2^-12 (SDM Vol. 2B, "RCPPS").
fn is_close(one: u32, other: u32) -> bool {
    let (first, second) = (f32::from_bits(one), f32::from_bits(other));
    one == other || (first - second).abs() <= first.abs() * (3.0 / 4096.0)
}

fn take_bits(theirs: &mut u32, ours: u32, mask: u32) {
    *theirs = *theirs & !mask | ours & mask;
}

fn without_prefixes(bytes: &[u8]) -> &[u8] {
    let count = bytes.iter().take_while(|byte| EVERY_PREFIX.contains(byte)).count();
    &bytes[count..]
}

/// The signal that Linux makes of an exception.
pub fn signal(vector: Vector) -> i32 {
    match vector {
        Vector::DivideError | Vector::FloatingPoint | Vector::SimdFloatingPoint => libc::SIGFPE,
        Vector::Debug | Vector::Breakpoint => libc::SIGTRAP,
        Vector::InvalidOpcode => libc::SIGILL,
        Vector::SegmentNotPresent | Vector::StackFault | Vector::AlignmentCheck | Vector::MachineCheck => {
            libc::SIGBUS
        }
        Vector::Overflow
        | Vector::BoundRange
        | Vector::DeviceNotAvailable
        | Vector::DoubleFault
        | Vector::InvalidTss
        | Vector::GeneralProtection
        | Vector::PageFault => libc::SIGSEGV,
    }
}

#[cfg(test)]
mod tests {
    use super::{Executed, forgive, is_integer, is_next_to, is_taken_over};
    use crate::lockstep::state::{State, WrittenByte};
    use emulator::cpu::{self, DescriptorTable, Tls};
    use emulator::{Cpu, flags};

    fn forgiven(code: &[u8], ours: &State, theirs: &State) -> State {
        let mut after = theirs.clone();
        let before = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        let executed = Executed { bytes: code, before: &before, raised: None };
        forgive(executed, ours, &mut after, &mut Vec::new());
        after
    }

    #[test]
    fn system_calls_and_what_depends_on_the_host_are_taken_over() {
        for code in [
            &[0xcd, 0x80][..],
            &[0xf1],
            &[0x0f, 0xa2],
            &[0x0f, 0x31],
            &[0x66, 0x0f, 0x02, 0xc1],
            &[0x0f, 0x01, 0xe0],
            &[0xf3, 0x0f, 0xbc, 0xcf],
        ] {
            assert!(is_taken_over(code), "{code:02x?}");
        }
        for code in [&[0x90][..], &[0xcc], &[0x0f, 0x01, 0xd0], &[0xf3, 0xa4], &[0x0f, 0xaf, 0xc1]] {
            assert!(!is_taken_over(code), "{code:02x?}");
        }
    }

    #[test]
    fn what_may_touch_x87_or_sse_registers_is_no_integer_instruction() {
        for code in
            [&[0xd9, 0xe8][..], &[0x9b], &[0x66, 0x0f, 0x6f, 0xc1], &[0xf3, 0x0f, 0x58, 0xc1], &[0x0f, 0x77]]
        {
            assert!(!is_integer(code), "{code:02x?}");
        }
        for code in [&[0x0f, 0xae, 0x00][..], &[0x0f, 0xc2, 0xc1, 0], &[0x0f, 0xd0, 0xc1]] {
            assert!(!is_integer(code), "{code:02x?}");
        }
        for code in
            [&[0x90][..], &[0xf3, 0xa4], &[0x0f, 0xaf, 0xc1], &[0x0f, 0xb6, 0xc1], &[0x0f, 0x84, 0, 0, 0, 0]]
        {
            assert!(is_integer(code), "{code:02x?}");
        }
    }

    #[test]
    fn undefined_flags_are_forgiven_and_defined_ones_are_not() {
        let ours = State::default();
        let theirs = State { eflags: flags::AF | flags::ZF, ..State::default() };
        // AND leaves AF undefined.
        assert_eq!(forgiven(&[0x21, 0xc8], &ours, &theirs).eflags, flags::ZF);
        assert_eq!(forgiven(&[0x01, 0xc8], &ours, &theirs).eflags, flags::AF | flags::ZF);
    }

    #[test]
    fn transcendental_results_may_be_off_by_one_and_others_may_not() {
        let one = 0x3fff << 64 | 1 << 63;
        let ours = State { stack: [one; 8], ..State::default() };
        let theirs = State { stack: [one + 1; 8], ..State::default() };
        assert_eq!(forgiven(&[0xd9, 0xfe], &ours, &theirs), ours, "fsin");
        assert_eq!(forgiven(&[0xd9, 0xfa], &ours, &theirs), theirs, "fsqrt");
        let below_one = 0x3ffe << 64 | u128::from(u64::MAX);
        assert!(is_next_to(one, below_one) && !is_next_to(one, below_one - 1));
        assert!(!is_next_to(one, one | 1 << 79));
    }

    #[test]
    fn approximations_may_be_off_by_their_error_and_other_results_may_not() {
        let lanes = |value: f32| u128::from(value.to_bits());
        let ours = State { xmm: [lanes(0.5); 8], ..State::default() };
        let close = State { xmm: [lanes(0.5003); 8], ..State::default() };
        let far = State { xmm: [lanes(0.501); 8], ..State::default() };
        assert_eq!(forgiven(&[0x0f, 0x53, 0xc1], &ours, &close), ours, "rcpps");
        assert_eq!(forgiven(&[0x0f, 0x53, 0xc1], &ours, &far), far, "rcpps");
        assert_eq!(forgiven(&[0x0f, 0x51, 0xc1], &ours, &close), close, "sqrtps");
    }

    #[test]
    fn the_pointers_of_a_saved_environment_are_forgiven_in_both_sizes() {
        type Defined = fn(u32) -> bool;
        let table: [(&[u8], u32, Defined); 3] = [
            (&[0xd9, 0x37], 28, |offset| offset < 10 && offset % 4 < 2),
            (&[0x66, 0xd9, 0x37], 14, |offset| offset < 6),
            (&[0x66, 0xdd, 0x37], 94, |offset| !(6..14).contains(&offset)),
        ];
        for (code, length, defined) in table {
            let byte = |address| WrittenByte { address, emulator: 1, host: 2 };
            let mut bytes: Vec<_> = (0x1000..0x1000 + length).map(byte).collect();
            let mut before = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
            before.registers[cpu::EDI] = 0x1000;
            let executed = Executed { bytes: code, before: &before, raised: None };
            forgive(executed, &State::default(), &mut State::default(), &mut bytes);
            let left: Vec<_> = bytes.iter().map(|byte| byte.address - 0x1000).collect();
            let expected: Vec<u32> = (0..length).filter(|offset| defined(*offset)).collect();
            assert_eq!(left, expected, "{code:02x?}");
        }
    }

    #[test]
    fn conditions_are_forgiven_where_the_table_leaves_them_open() {
        let (ours, theirs) = (State::default(), State { status: 0x4700, ..State::default() });
        // FLD1 leaves all but C1 open, FCOM none, FLDCW all.
        for (code, left) in [(&[0xd9, 0xe8][..], 0x200), (&[0xd8, 0xd1], 0x4700), (&[0xd9, 0x2f], 0)] {
            assert_eq!(forgiven(code, &ours, &theirs).status, left, "{code:02x?}");
        }
    }

    #[test]
    fn the_trap_flag_that_pushf_shows_is_forgiven() {
        let byte = |address, emulator, host| WrittenByte { address, emulator, host };
        let mut bytes = vec![byte(8, 2, 2), byte(9, 2, 3), byte(10, 0, 0), byte(11, 0, 0)];
        let before = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        let executed = Executed { bytes: &[0x9c], before: &before, raised: None };
        forgive(executed, &State::default(), &mut State::default(), &mut bytes);
        assert!(bytes.iter().all(|byte| byte.emulator == byte.host), "{bytes:?}");
    }
}
