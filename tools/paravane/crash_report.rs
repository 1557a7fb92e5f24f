//! What a person needs to see when a guest has crashed: what, where, the registers, the way there, the stack.

use crate::quantities::{grouped, time};
use anstyle::{AnsiColor, Style};
use emulator::cpu::{EAX, EBP, EBX, ECX, EDI, EDX, ESI, ESP, REGISTER_NAMES};
use emulator::decode::{self, Disassembly, PrivilegedOperation};
use emulator::{Cpu, Exception, SegmentRegister, Vector, flags};
use hypervisor_core::abi::sensitive;
use hypervisor_core::boot::boot_stack;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Crash, CrashReason, TrailEntry};
use std::fmt::{self, Display, Formatter};
use trace::{Place, instruction_text};

const HEADING: Style = Style::new().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();

/// EFLAGS from the highest bit down.
pub const FLAGS: [(u32, &str); 12] = [
    (flags::ID, "ID"),
    (flags::AC, "AC"),
    (flags::NT, "NT"),
    (flags::OF, "OF"),
    (flags::DF, "DF"),
    (flags::IF, "IF"),
    (flags::TF, "TF"),
    (flags::SF, "SF"),
    (flags::ZF, "ZF"),
    (flags::AF, "AF"),
    (flags::PF, "PF"),
    (flags::CF, "CF"),
];

/// A crash, with what is known about the guest besides. Prints with colours; who prints it strips them where they do not belong.
pub struct CrashReport<'a> {
    /// Who crashed: `the guest`, or a partition's name.
    pub who: &'a str,
    /// What happened.
    pub crash: &'a Crash,
    /// The instructions before, oldest first.
    pub trail: &'a [TrailEntry],
    /// The guest's symbols.
    pub symbols: &'a Symbols,
    /// Virtual time of the crash.
    pub now_ns: u64,
}

impl Display for CrashReport<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Crash { reason, cpu, instruction, .. } = self.crash;
        let (first, rest) = self.who.split_at_checked(1).unwrap_or_default();
        let who = format!("{}{rest}", first.to_ascii_uppercase());
        writeln!(f, "{WRONG}{who} crashed{WRONG:#}: {}", self.what(reason))?;
        let place = Place::of(self.symbols, cpu.eip).map(|place| format!("{place}, ")).unwrap_or_default();
        let time = time(self.now_ns);
        // Not grouped: a trace has the number so, to be found by it.
        writeln!(
            f,
            "  at {place}address 0x{:08x}, instruction #{instruction}, virtual time {time}",
            cpu.eip
        )?;
        if let Some(advice) = self.advice() {
            writeln!(f, "  {advice}")?;
        }
        self.registers(f, cpu)?;
        self.way(f, cpu.eip)?;
        self.stack(f)
    }
}

impl CrashReport<'_> {
    /// What happened and where, on a line.
    pub fn headline(&self) -> String {
        let eip = self.crash.cpu.eip;
        let place = Place::of(self.symbols, eip).map(|place| format!("{place}, ")).unwrap_or_default();
        format!("{}, at {place}address 0x{eip:08x}", self.what(&self.crash.reason))
    }

    fn what(&self, reason: &CrashReason) -> String {
        match reason {
            CrashReason::Unhandled(exception) => {
                format!("{}; it has no handler for that", exception_words(exception))
            }
            CrashReason::TrapFrame { vector, error_code, address } => format!(
                "its handler for vector {vector} (error code 0x{error_code:x}) needs a frame at 0x{address:08x}, \
                 where the stack cannot be written"
            ),
            CrashReason::UpcallFrame { address } => {
                format!("an upcall needs a frame at 0x{address:08x}, where the stack cannot be written")
            }
            CrashReason::Deadlock => {
                "it waits, and no timer, input or event can ever wake it (deadlock)".to_owned()
            }
        }
    }

    /// What to do about it, where that is known.
    fn advice(&self) -> Option<String> {
        match self.crash.reason {
            CrashReason::Unhandled(Exception { vector: Vector::GeneralProtection, error_code, .. }) => {
                self.protection_advice(error_code)
            }
            CrashReason::Unhandled(Exception { vector: Vector::PageFault, address, .. })
            | CrashReason::TrapFrame { address, .. }
            | CrashReason::UpcallFrame { address } => stack_advice(address),
            CrashReason::Unhandled(_) | CrashReason::Deadlock => None,
        }
    }

    fn protection_advice(&self, error_code: u32) -> Option<String> {
        let Crash { code, cpu, .. } = self.crash;
        let Disassembly { length, text } = decode::disassemble(code, cpu.eip);
        let instead = sensitive(&text)?.instead;
        if let [0xcd, vector] = code[..length.min(code.len())] {
            let named = error_code == 8 * u32::from(vector) + 2;
            return named.then(|| {
                format!(
                    "int 0x{vector:x} reaches no handler (error code 0x{error_code:x} is 8 x 0x{vector:x} + 2): {instead}"
                )
            });
        }
        let instruction = decode::privileged(code).filter(|_| error_code == 0)?;
        Some(match instruction.operation {
            PrivilegedOperation::In { .. }
            | PrivilegedOperation::Out { .. }
            | PrivilegedOperation::InString(_)
            | PrivilegedOperation::OutString(_) => {
                format!("`{text}` uses a port that the partition was not granted: {instead}")
            }
            _ => format!(
                "`{text}` is privileged: {instead}. `privileged = \"settle\"` in the partition's configuration does \
                 such instructions in the guest's place, as far as there is a way"
            ),
        })
    }

    /// `<main+0x4>`, or nothing.
    fn name(&self, address: u32) -> String {
        Place::of(self.symbols, address).map(|place| format!("<{place}>")).unwrap_or_default()
    }

    fn registers(&self, f: &mut Formatter<'_>, cpu: &Cpu) -> fmt::Result {
        writeln!(f, "\n{HEADING}Registers{HEADING:#}")?;
        for row in [[EAX, EBX, ECX, EDX], [ESI, EDI, EBP, ESP]] {
            let cells = row.map(|number| format!("{} {:08x}", REGISTER_NAMES[number], cpu.registers[number]));
            writeln!(f, "  {}", cells.join("   "))?;
        }
        // A fault that no handler gets leaves CR2 as it was.
        let cr2 = match self.crash.reason {
            CrashReason::Unhandled(fault) if fault.vector == Vector::PageFault => fault.address,
            _ => cpu.system.cr2,
        };
        let set: Vec<_> =
            FLAGS.iter().filter(|(bit, _)| cpu.eflags & bit != 0).map(|(_, name)| *name).collect();
        writeln!(f, "  eip {:08x}   cr2 {:08x}   eflags {:08x} {}", cpu.eip, cr2, cpu.eflags, set.join(" "))?;
        let segments = SegmentRegister::ALL.map(|register| {
            let segment = cpu.segment(register);
            let base =
                if segment.base == 0 { String::new() } else { format!(" (base {:08x})", segment.base) };
            format!("{} {:04x}{base}", register.name(), segment.selector)
        });
        writeln!(f, "  {}", segments.join("   "))
    }

    fn way(&self, f: &mut Formatter<'_>, eip: u32) -> fmt::Result {
        writeln!(f, "\n{HEADING}Last instructions{HEADING:#}")?;
        for entry in self.trail {
            let times = if entry.iterations > 1 {
                format!("  x{}", grouped(entry.iterations))
            } else {
                String::new()
            };
            let line = self.line(entry.instruction, entry.eip, &entry.bytes);
            writeln!(f, "  {}{times}", line.trim_end())?;
        }
        if !blames_next(&self.crash.reason) {
            return Ok(());
        }
        let next = self.line(self.crash.instruction, eip, &self.crash.code);
        writeln!(f, "{WRONG}>{WRONG:#} {}", next.trim_end())
    }

    fn line(&self, number: u64, eip: u32, bytes: &[u8]) -> String {
        let place = Place::of(self.symbols, eip).map(|place| place.to_string()).unwrap_or_default();
        let text = instruction_text(self.symbols, eip, bytes);
        format!("#{number:<10} {eip:08x} {place:<24} {text}")
    }

    fn stack(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{HEADING}Stack{HEADING:#}")?;
        if self.crash.stack.is_empty() {
            writeln!(f, "  nothing: there is no memory at esp")?;
        }
        for (address, word) in &self.crash.stack {
            let line = format!("  {address:08x}  {word:08x}  {}", self.name(*word));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Where nothing lies below the boot stack, it is the stack that has grown too far.
fn stack_advice(address: u32) -> Option<String> {
    const REACH_BYTES: u32 = 32 << 10;
    let stack = boot_stack();
    (stack.start - REACH_BYTES..stack.start).contains(&address).then(|| {
        format!(
            "that is below the boot stack, which is used up: {} bytes from 0x{:08x} on. Use less of it, or a stack of the guest's own",
            stack.len(),
            stack.start
        )
    })
}

/// Whether the instruction at EIP is the one that did it: so it is with faults, and not with traps, which come after.
fn blames_next(reason: &CrashReason) -> bool {
    match reason {
        CrashReason::Unhandled(exception) => {
            !matches!(exception.vector, Vector::Debug | Vector::Breakpoint | Vector::Overflow)
        }
        CrashReason::TrapFrame { .. } => true,
        CrashReason::UpcallFrame { .. } | CrashReason::Deadlock => false,
    }
}

/// `page fault (#PF) writing to 0x00000000, where there is no memory`
fn exception_words(exception: &Exception) -> String {
    let Exception { vector, error_code, address } = *exception;
    let name = format!("{} ({})", vector_words(vector), vector.name());
    if vector == Vector::PageFault {
        let verb = match (error_code & 1 << 4 != 0, error_code & 1 << 1 != 0) {
            (true, _) => "executing",
            (_, true) => "writing to",
            _ => "reading from",
        };
        let why =
            if error_code & 1 == 0 { "where there is no memory" } else { "which its page does not allow" };
        return format!("{name} {verb} 0x{address:08x}, {why}");
    }
    if vector.has_error_code() && error_code != 0 {
        return format!("{name} with error code 0x{error_code:x}");
    }
    name
}

fn vector_words(vector: Vector) -> &'static str {
    match vector {
        Vector::DivideError => "divide error",
        Vector::Debug => "debug trap",
        Vector::Breakpoint => "breakpoint",
        Vector::Overflow => "overflow trap",
        Vector::BoundRange => "bound range exceeded",
        Vector::InvalidOpcode => "invalid opcode",
        Vector::DeviceNotAvailable => "no coprocessor",
        Vector::DoubleFault => "double fault",
        Vector::InvalidTss => "invalid TSS",
        Vector::SegmentNotPresent => "segment not present",
        Vector::StackFault => "stack fault",
        Vector::GeneralProtection => "general protection fault",
        Vector::PageFault => "page fault",
        Vector::FloatingPoint => "x87 error",
        Vector::AlignmentCheck => "alignment check",
        Vector::MachineCheck => "machine check",
        Vector::SimdFloatingPoint => "SIMD floating-point error",
    }
}
