//! Tables and differences for a person.

use crate::answer::{Ending, ExceptionRecord};
use crate::compare::{Difference, Sense, compare};
use crate::format::{Case, Expected};
use crate::registers::{EFLAGS, NAMES};
use emulator::decode::disassemble;
use emulator::flags;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Right answers by group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    groups: BTreeMap<String, Counts>,
}

/// Cases of one group, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Cases that say what is right.
    pub cases: u64,
    /// Of these, right in the sense [`Sense::Defined`].
    pub defined: u64,
    /// Of these, right in the sense [`Sense::Strict`].
    pub strict: u64,
    /// Of these, ended at an instruction that is not implemented.
    pub unimplemented: u64,
    /// Of these, ended in a panic.
    pub panics: u64,
}

impl Report {
    /// Counts an answer and returns the differences in `sense`.
    pub fn add(
        &mut self,
        case: &Case,
        expected: &Expected,
        ending: &Ending,
        sense: Sense,
    ) -> Vec<Difference> {
        if !self.groups.contains_key(&case.group) {
            self.groups.insert(case.group.clone(), Counts::default());
        }
        let defined = compare(case, expected, ending, Sense::Defined);
        let strict = compare(case, expected, ending, Sense::Strict);
        if let Some(counts) = self.groups.get_mut(&case.group) {
            counts.cases += 1;
            counts.defined += u64::from(defined.is_empty());
            counts.strict += u64::from(strict.is_empty());
            counts.unimplemented += u64::from(matches!(ending, Ending::Unimplemented(_)));
            counts.panics += u64::from(matches!(ending, Ending::Panic(_)));
        }
        match sense {
            Sense::Defined => defined,
            Sense::Strict => strict,
        }
    }

    /// All groups together.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.groups.values().fold(Counts::default(), |sum, group| Counts {
            cases: sum.cases + group.cases,
            defined: sum.defined + group.defined,
            strict: sum.strict + group.strict,
            unimplemented: sum.unimplemented + group.unimplemented,
            panics: sum.panics + group.panics,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "group       cases   defined    strict  unimplemented  panics")?;
        let total = self.total();
        for (name, counts) in
            self.groups.iter().map(|(name, counts)| (name.as_str(), counts)).chain([("all", &total)])
        {
            let Counts { cases, defined, strict, unimplemented, panics } = counts;
            writeln!(f, "{name:8} {cases:8}  {defined:8}  {strict:8}  {unimplemented:13}  {panics:6}")?;
        }
        Ok(())
    }
}

/// A case and what came out otherwise, in lines.
#[must_use]
pub fn describe(case: &Case, differences: &[Difference]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "case {} ({}) {}", case.id, case.group, case.name);
    describe_start(&mut text, case);
    for difference in differences {
        let _ = writeln!(text, "  {difference}");
    }
    text
}

fn describe_start(text: &mut String, case: &Case) {
    let registers = case.initial.regs.0.iter().zip(NAMES).take(8);
    let registers: Vec<_> =
        registers.filter_map(|(value, name)| value.map(|value| format!("{name}={value:08x}"))).collect();
    let _ =
        writeln!(text, "  before: {} {}", registers.join(" "), flag_letters(case.initial.regs.value(EFLAGS)));
    let mut code = case.code();
    let mut eip = case.initial.regs.value(crate::EIP);
    for _ in 0..case.steps.min(40) {
        if code.is_empty() {
            break;
        }
        let disassembly = disassemble(code, eip);
        let length = disassembly.length.min(code.len());
        let bytes: String = code[..length].iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "  {eip:08x} {bytes:<20} {}", disassembly.text);
        eip = eip.wrapping_add(length as u32);
        code = &code[length..];
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished(what) => f.write_str(what),
            Self::Exception { expected, actual } => {
                write!(f, "exception: expected {}, got {}", exception(*expected), exception(*actual))
            }
            Self::Register { position: EFLAGS, expected, actual, mask } => {
                let wrong = flag_letters((expected ^ actual) & mask);
                write!(f, "eflags: expected {}, got {}", flag_letters(*expected), flag_letters(*actual))?;
                write!(f, "; wrong {wrong}")
            }
            Self::Register { position, expected, actual, mask } => {
                write!(f, "{}: expected {expected:08x}, got {actual:08x}", NAMES[*position])?;
                if *mask == u32::MAX { Ok(()) } else { write!(f, "; compared {mask:08x}") }
            }
            Self::Memory { address, expected, actual } => {
                write!(f, "[{address:08x}]: expected {}, got {}", byte(*expected), byte(*actual))
            }
            Self::Vector { name, expected, actual } => {
                write!(f, "{name}: expected {expected:x}, got {actual:x}")
            }
        }
    }
}

fn byte(byte: Option<u8>) -> String {
    byte.map_or_else(|| "no change".to_owned(), |byte| format!("{byte:02x}"))
}

fn exception(exception: Option<ExceptionRecord>) -> String {
    exception.map_or_else(
        || "none".to_owned(),
        |ExceptionRecord { number, error, address }| {
            format!("{number} (error {error:#x}, address {address:#x})")
        },
    )
}

fn flag_letters(eflags: u32) -> String {
    let known = [
        (flags::ID, "ID"),
        (flags::AC, "AC"),
        (flags::NT, "NT"),
        (flags::IOPL, "IOPL"),
        (flags::OF, "OF"),
        (flags::DF, "DF"),
        (flags::IF, "IF"),
        (flags::SF, "SF"),
        (flags::ZF, "ZF"),
        (flags::AF, "AF"),
        (flags::PF, "PF"),
        (flags::CF, "CF"),
    ];
    let letters: Vec<_> =
        known.iter().filter(|(mask, _)| eflags & mask != 0).map(|(_, name)| *name).collect();
    format!("[{}]", letters.join(" "))
}
