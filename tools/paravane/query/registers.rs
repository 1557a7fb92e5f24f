//! The registers that can be asked for: general ones and their parts, flags, segments, x87, MMX, SSE, and the fake registers.

use emulator::cpu::REGISTER_NAMES;
use emulator::{Cpu, SegmentRegister, Step};
use hypervisor_core::{Machine, PartitionId};
use system_file::suggestion::nearest;
use trace::FLAGS;

/// The parts of general registers that have names, with where they are.
const PARTS: [(&str, usize, u32, u128); 16] = [
    ("ax", 0, 0, 0xffff),
    ("cx", 1, 0, 0xffff),
    ("dx", 2, 0, 0xffff),
    ("bx", 3, 0, 0xffff),
    ("sp", 4, 0, 0xffff),
    ("bp", 5, 0, 0xffff),
    ("si", 6, 0, 0xffff),
    ("di", 7, 0, 0xffff),
    ("al", 0, 0, 0xff),
    ("cl", 1, 0, 0xff),
    ("dl", 2, 0, 0xff),
    ("bl", 3, 0, 0xff),
    ("ah", 0, 8, 0xff),
    ("ch", 1, 8, 0xff),
    ("dh", 2, 8, 0xff),
    ("bh", 3, 8, 0xff),
];
const BASES: [&str; 6] = ["es.base", "cs.base", "ss.base", "ds.base", "fs.base", "gs.base"];
const X87: [&str; 8] = ["st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"];
const MMX: [&str; 8] = ["mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7"];
const SSE: [&str; 8] = ["xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"];
const DEBUG: [(&str, usize); 6] = [("dr0", 0), ("dr1", 1), ("dr2", 2), ("dr3", 3), ("dr6", 6), ("dr7", 7)];

/// Reads a register that there is once.
type Read = fn(&Cpu) -> u128;

/// Those that there are once: the name, its bits, and how it is read.
const SINGLE: [(&str, u32, Read); 13] = [
    ("fctrl", 16, |cpu| cpu.fpu.control.into()),
    ("fstat", 16, |cpu| cpu.fpu.status.into()),
    ("ftag", 8, |cpu| cpu.fpu.tags.into()),
    ("mxcsr", 32, |cpu| cpu.sse.mxcsr.into()),
    ("cr0", 32, |cpu| cpu.system.cr0.into()),
    ("cr2", 32, |cpu| cpu.system.cr2.into()),
    ("cr3", 32, |cpu| cpu.system.cr3.into()),
    ("cr4", 32, |cpu| cpu.system.cr4.into()),
    ("gdtr", 32, |cpu| cpu.system.gdtr.0.into()),
    ("idtr", 32, |cpu| cpu.system.idtr.0.into()),
    ("ldtr", 16, |cpu| cpu.system.ldtr.into()),
    ("tr", 16, |cpu| cpu.system.tr.into()),
    ("iopl", 2, |cpu| cpu.system.iopl.into()),
];

/// A register, a part of one, or a flag.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Its name.
    pub name: &'static str,
    place: Place,
    shift: u32,
    mask: u128,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    General(usize),
    Flags,
    Selector(usize),
    Base(usize),
    /// ST(0) is the one at the top.
    X87(usize),
    Mmx(usize),
    Sse(usize),
    Debug(usize),
    Single(Read),
}

impl Register {
    /// The register of this name, however it is written: `eax`, `$eax`, `ZF`, `zf`, `st(0)`.
    ///
    /// # Errors
    /// There is none.
    pub fn named(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix(['$', '%']).unwrap_or(text).replace(['(', ')'], "");
        let known = all().find(|register| register.name.eq_ignore_ascii_case(&name));
        known.ok_or_else(|| {
            if name.eq_ignore_ascii_case("eip") {
                return "eip has another value at each instruction: ask for `first-visit 0xADDRESS`".to_owned();
            }
            let names: Vec<&str> = all().map(|register| register.name).collect();
            let meant = nearest(&name, names.iter().copied());
            let meant = meant.map(|meant| format!(" did you mean `{meant}`?")).unwrap_or_default();
            format!(
                "there is no register `{name}`:{meant} There are eax to edi and their parts, eflags, flags such as ZF, cs to gs and \
                 cs.base to gs.base, st0 to st7, fctrl, fstat, ftag, mm0 to mm7, xmm0 to xmm7, mxcsr, and the fake registers cr0 to \
                 cr4, dr0 to dr7, gdtr, idtr, ldtr, tr and iopl"
            )
        })
    }

    /// How many hexadecimal digits it has.
    pub fn digits(&self) -> usize {
        (self.mask.count_ones() as usize).div_ceil(4)
    }

    /// A value as a person writes it for this register: `5`, `0x1f`, `-1`.
    ///
    /// # Errors
    /// It is no number, or none that the register holds.
    pub fn value(&self, text: &str) -> Result<u128, String> {
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let number = match digits.strip_prefix("0x") {
            Some(digits) => u128::from_str_radix(digits, 16).ok(),
            None => digits.parse::<u128>().ok(),
        };
        let number = number.filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
        let number =
            number.ok_or_else(|| format!("`{text}` is no value: write {}=5 or {0}=0x1f", self.name))?;
        let most = if is_negative { self.mask / 2 + 1 } else { self.mask };
        if number > most {
            return Err(format!(
                "`{text}` does not fit {}, which has {} bit{}",
                self.name,
                self.mask.count_ones(),
                if self.mask == 1 { "" } else { "s" }
            ));
        }
        Ok(if is_negative { number.wrapping_neg() & self.mask } else { number })
    }

    /// What a partition has in it now.
    pub fn of_partition(&self, machine: &Machine, partition: PartitionId) -> u128 {
        self.of_processor(machine.partition(partition).cpu())
    }

    /// What was in it before an instruction; None if that is not told.
    pub fn before(&self, step: &Step<'_>) -> Option<u128> {
        match self.place {
            Place::General(number) => step.registers_before.get(number).map(|value| self.part(*value)),
            Place::Flags => Some(self.part(step.eflags_before)),
            _ => None,
        }
    }

    /// What a processor has in it.
    pub fn of_processor(&self, cpu: &Cpu) -> u128 {
        match self.place {
            Place::General(number) => self.part(cpu.registers[number]),
            Place::Flags => self.part(cpu.eflags),
            Place::Selector(number) => cpu.segments[number].selector.into(),
            Place::Base(number) => cpu.segments[number].base.into(),
            Place::X87(number) => {
                let register = cpu.fpu.registers[cpu.fpu.physical(number)];
                u128::from(register.sign_exponent) << 64 | u128::from(register.significand)
            }
            Place::Mmx(number) => cpu.fpu.registers[number].significand.into(),
            Place::Sse(number) => cpu.sse.xmm[number],
            Place::Debug(number) => cpu.system.dr[number].into(),
            Place::Single(read) => read(cpu),
        }
    }

    fn part(&self, value: u32) -> u128 {
        u128::from(value) >> self.shift & self.mask
    }
}

fn all() -> impl Iterator<Item = Register> {
    let register =
        |name, place, bits: u32| Register { name, place, shift: 0, mask: u128::MAX >> (128 - bits) };
    let numbered = move |names: &'static [&'static str], place: fn(usize) -> Place, bits| {
        names.iter().enumerate().map(move |(number, name)| register(name, place(number), bits))
    };
    let parts = PARTS.iter().map(|(name, number, shift, mask)| Register {
        name,
        place: Place::General(*number),
        shift: *shift,
        mask: *mask,
    });
    let flags = FLAGS.iter().map(|(bit, name)| Register {
        name,
        place: Place::Flags,
        shift: bit.trailing_zeros(),
        mask: 1,
    });
    let whole = register("eflags", Place::Flags, 32);
    let selectors = SegmentRegister::ALL.into_iter();
    let selectors = selectors.map(move |one| register(one.name(), Place::Selector(one as usize), 16));
    numbered(&REGISTER_NAMES, Place::General, 32)
        .chain(parts)
        .chain(flags)
        .chain([whole])
        .chain(selectors)
        .chain(numbered(&BASES, Place::Base, 32))
        .chain(numbered(&X87, Place::X87, 80))
        .chain(numbered(&MMX, Place::Mmx, 64))
        .chain(numbered(&SSE, Place::Sse, 128))
        .chain(DEBUG.iter().map(move |(name, number)| register(name, Place::Debug(*number), 32)))
        .chain(SINGLE.iter().map(move |(name, bits, read)| register(name, Place::Single(*read), *bits)))
}

#[cfg(test)]
mod tests {
    use super::Register;

    #[test]
    fn values_are_those_that_the_register_holds() {
        let value = |name: &str, text: &str| Register::named(name).and_then(|register| register.value(text));
        for (name, text, expected) in [
            ("$eax", "-1", 0xffff_ffff),
            ("EAX", "0xffffffff", 0xffff_ffff),
            ("ah", "-128", 0x80),
            ("zf", "1", 1),
            ("gs", "0x33", 0x33),
            ("gs.base", "-1", 0xffff_ffff),
            ("st(0)", "0x3fff8000000000000000", 0x3fff_8000_0000_0000_0000),
            ("xmm7", "-1", u128::MAX),
            ("xmm7", "0xffffffffffffffffffffffffffffffff", u128::MAX),
            ("iopl", "3", 3),
        ] {
            assert_eq!(value(name, text), Ok(expected), "{name}={text}");
        }
        for (name, text) in [
            ("al", "256"),
            ("zf", "2"),
            ("eax", ""),
            ("eax", "+5"),
            ("eax", "0x1ffffffff"),
            ("eip", "5"),
            ("al", "-129"),
            ("st0", "0x100000000000000000000"),
            ("st8", "0"),
        ] {
            assert!(value(name, text).is_err(), "{name}={text}");
        }
    }
}
