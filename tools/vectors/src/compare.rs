//! Compares an answer with what a processor did.
//!
//! Transcendental results (group x87t) may be one unit in the last place off, and approximations (group approx) by
//! 3 x 2^-12 of their value; in the strict sense every bit counts.

use crate::answer::{Change, Ending, ExceptionRecord};
use crate::format::{Case, Expected, Fpu, Piece, Sse};
use crate::registers::{EFLAGS, NAMES};
use emulator::flags;
use std::collections::{BTreeMap, BTreeSet};

/// CF, PF, AF, ZF, SF, IF, DF, OF, IOPL, NT, AC and ID. RF, VM and TF are not looked at.
pub(crate) const COMPARED_FLAGS: u32 =
    flags::ARITHMETIC | flags::IF | flags::DF | flags::IOPL | flags::NT | flags::AC | flags::ID;

/// MXCSR after reset.
const MXCSR: u32 = 0x1f80;
/// The x87 control word after FNINIT.
const CONTROL_WORD: u16 = 0x37f;

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    /// Vector, registers and memory, less what the architecture leaves undefined and less memory after a fault.
    Defined,
    /// Also the error code, CR2, and what a faulting instruction wrote before the fault.
    Strict,
}

/// Something that came out otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The case was not finished.
    Unfinished(String),
    /// The exception, or whether there was one.
    Exception {
        /// What the processor raised.
        expected: Option<ExceptionRecord>,
        /// What came out.
        actual: Option<ExceptionRecord>,
    },
    /// A register; `mask` has the bits that were compared.
    Register {
        /// Position in [`crate::REGISTER_NAMES`].
        position: usize,
        /// The value on the processor.
        expected: u32,
        /// The value that came out.
        actual: u32,
        /// The bits that were compared.
        mask: u32,
    },
    /// A byte of memory.
    Memory {
        /// Linear address.
        address: u32,
        /// On the processor; None if it kept its fill byte.
        expected: Option<u8>,
        /// What came out; None if it kept its fill byte.
        actual: Option<u8>,
    },
    /// A part of the x87 or SSE state.
    Vector {
        /// Which part.
        name: String,
        /// On the processor.
        expected: u128,
        /// What came out.
        actual: u128,
    },
}

/// Everything in `ending` that is not as `expected` says. Empty: the answer is right.
#[must_use]
pub fn compare(case: &Case, expected: &Expected, ending: &Ending, sense: Sense) -> Vec<Difference> {
    let (change, exception) = match ending {
        Ending::Finished { change, exception } => (change, *exception),
        Ending::Unimplemented(mnemonic) => {
            return vec![Difference::Unfinished(format!("{mnemonic} is not implemented"))];
        }
        Ending::Panic(message) => return vec![Difference::Unfinished(format!("panic: {message}"))],
    };
    let mut differences = Vec::new();
    if !same_exception(expected.exception, exception, sense) {
        differences.push(Difference::Exception { expected: expected.exception, actual: exception });
    }
    registers(case, expected, change, &mut differences);
    // What a faulting instruction wrote before the fault is left open. The iterations of a REP before it are not.
    if expected.exception.is_none() || sense == Sense::Strict || case.starts_with_repeat() {
        memory(case, expected, change, &mut differences);
    }
    let tolerance = Tolerance::of(case, sense);
    fpu(case, expected, change, tolerance, &mut differences);
    sse(case, expected, change, tolerance, &mut differences);
    differences
}

fn same_exception(expected: Option<ExceptionRecord>, actual: Option<ExceptionRecord>, sense: Sense) -> bool {
    match sense {
        Sense::Strict => expected == actual,
        Sense::Defined => expected.map(|record| record.number) == actual.map(|record| record.number),
    }
}

fn registers(case: &Case, expected: &Expected, change: &Change, differences: &mut Vec<Difference>) {
    for position in 0..NAMES.len() {
        let before = case.initial.regs.value(position);
        let on_processor = expected.change.regs.0[position].unwrap_or(before);
        let actual = change.regs.0[position].unwrap_or(before);
        let looked_at = if position == EFLAGS { COMPARED_FLAGS } else { u32::MAX };
        let mask = looked_at & !expected.undefined.registers[position];
        if (on_processor ^ actual) & mask != 0 {
            differences.push(Difference::Register { position, expected: on_processor, actual, mask });
        }
    }
}

fn memory(case: &Case, expected: &Expected, change: &Change, differences: &mut Vec<Difference>) {
    let on_processor = bytes(&expected.change.ram);
    let actual = bytes(&change.ram);
    if on_processor == actual {
        return;
    }
    let before = bytes(&case.initial.ram);
    let defined = |address: u32| {
        !expected.undefined.ram.iter().any(|(start, length)| address.wrapping_sub(*start) < *length)
    };
    let addresses: BTreeSet<u32> = on_processor.keys().chain(actual.keys()).copied().collect();
    for address in addresses.into_iter().filter(|address| defined(*address)) {
        // A byte that one side leaves out is unchanged there. Where it was not given either it held the fill byte,
        // which the other side's value then differs from.
        let unchanged = before.get(&address).copied();
        let expected = on_processor.get(&address).copied().or(unchanged);
        let actual = actual.get(&address).copied().or(unchanged);
        if expected != actual {
            differences.push(Difference::Memory { address, expected, actual });
        }
    }
}

fn bytes(pieces: &[Piece]) -> BTreeMap<u32, u8> {
    let mut bytes = BTreeMap::new();
    for piece in pieces {
        let addresses = (0..).map(|offset| piece.address.wrapping_add(offset));
        bytes.extend(addresses.zip(piece.bytes.iter().copied()));
    }
    bytes
}

/// How far a result may be off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tolerance {
    /// Not at all.
    Exact,
    /// One unit in the last place; C1, PE and UE are not looked at.
    LastPlace,
    /// 3 x 2^-12 of the value.
    Approximation,
}

impl Tolerance {
    fn of(case: &Case, sense: Sense) -> Self {
        match (sense, case.group.as_str()) {
            (Sense::Defined, "x87t") => Self::LastPlace,
            (Sense::Defined, "approx") => Self::Approximation,
            _ => Self::Exact,
        }
    }

    /// The bits of the status word that are looked at.
    fn status_mask(self) -> u16 {
        const C1: u16 = 0x200;
        const PRECISION_AND_UNDERFLOW: u16 = 0x30;
        if self == Self::LastPlace { !(C1 | PRECISION_AND_UNDERFLOW) } else { u16::MAX }
    }

    /// Whether an 80-bit number is close enough. The unit is that of the significand; a carry moves the exponent.
    fn allows_extended(self, expected: u128, actual: u128) -> bool {
        let place = |number: u128| {
            let (exponent, significand) = ((number >> 64 & 0x7fff) as i128, (number as u64) as i128);
            (exponent << 63) + (significand & i128::from(i64::MAX))
        };
        expected == actual
            || self == Self::LastPlace
                && expected >> 79 == actual >> 79
                && (place(expected) - place(actual)).abs() <= 1
    }

    /// Whether four single-precision numbers are close enough.
    fn allows_singles(self, expected: u128, actual: u128) -> bool {
        const RELATIVE: f64 = 3.0 / 4096.0;
        expected == actual
            || self == Self::Approximation
                && (0..4).all(|i| {
                    let lane = |number: u128| f32::from_bits((number >> (32 * i)) as u32);
                    let (expected, actual) = (lane(expected), lane(actual));
                    expected.to_bits() == actual.to_bits()
                        || (f64::from(actual) / f64::from(expected) - 1.0).abs() <= RELATIVE
                })
    }
}

fn fpu(
    case: &Case,
    expected: &Expected,
    change: &Change,
    tolerance: Tolerance,
    differences: &mut Vec<Difference>,
) {
    let before = case.initial.fpu.unwrap_or_default();
    let (on_processor, actual) = (settle_fpu(before, expected.change.fpu), settle_fpu(before, change.fpu));
    if on_processor == actual {
        return;
    }
    let defined = !expected.undefined.sw as u16 & tolerance.status_mask();
    let mut words = |name: &str, expected: u16, actual: u16| {
        if expected != actual {
            let (expected, actual) = (u128::from(expected), u128::from(actual));
            differences.push(Difference::Vector { name: name.to_owned(), expected, actual });
        }
    };
    let status = on_processor.1;
    words("cw", on_processor.0, actual.0);
    words("sw", status & defined, actual.1 & defined);
    words("tag", u16::from(on_processor.2), u16::from(actual.2));
    let top = u32::from(status >> 11 & 7);
    for index in 0..8 {
        let in_use = on_processor.2 >> ((top + index) % 8) & 1 != 0;
        let (expected, actual) = (on_processor.3[index as usize], actual.3[index as usize]);
        if in_use && !tolerance.allows_extended(expected, actual) {
            differences.push(Difference::Vector { name: format!("st{index}"), expected, actual });
        }
    }
}

/// Control word, status word, tags and stack after `change`.
fn settle_fpu(before: Fpu, change: Option<Fpu>) -> (u16, u16, u8, [u128; 8]) {
    let change = change.unwrap_or_default();
    (
        change.cw.or(before.cw).unwrap_or(CONTROL_WORD),
        change.sw.or(before.sw).unwrap_or(0),
        change.tag.or(before.tag).unwrap_or(0),
        change.st.or(before.st).unwrap_or_default().map(|number| number.0),
    )
}

fn sse(
    case: &Case,
    expected: &Expected,
    change: &Change,
    tolerance: Tolerance,
    differences: &mut Vec<Difference>,
) {
    let before = case.initial.sse.unwrap_or_default();
    let (on_processor, actual) = (settle_sse(before, expected.change.sse), settle_sse(before, change.sse));
    let mut numbers = |name: String, expected: u128, actual: u128| {
        if !tolerance.allows_singles(expected, actual) {
            differences.push(Difference::Vector { name, expected, actual });
        }
    };
    numbers("mxcsr".to_owned(), u128::from(on_processor.0), u128::from(actual.0));
    for index in 0..8 {
        numbers(format!("xmm{index}"), on_processor.1[index], actual.1[index]);
    }
}

/// MXCSR and registers after `change`.
fn settle_sse(before: Sse, change: Option<Sse>) -> (u32, [u128; 8]) {
    let change = change.unwrap_or_default();
    (
        change.mxcsr.or(before.mxcsr).unwrap_or(MXCSR),
        change.xmm.or(before.xmm).unwrap_or_default().map(|number| number.0),
    )
}
