//! The two processors, one instruction after the other.

use super::Region;
use super::native::{Native, Refused, Scope, Stop};
use super::report::Difference;
use super::rules::{Executed, enters_kernel, forgive, is_integer, is_taken_over, signal};
use super::state::{State, WrittenByte, written_bytes};
use crate::arguments::Lockstep;
use crate::output::{Ended, Output, complain};
use crate::quantities::grouped;
use crate::status::Status;
use emulator::{Access, AccessKind, Cpu, Step};
use hypervisor_core::{
    Crash, CrashReason, Effect, Event, Limits, Machine, Outcome, Progress, Recorder, Stamp,
};
use log::{Level, log_enabled};
use std::io;
use std::time::Instant;

/// All of the memory is compared at the end, so much at a time.
const SWEEP_BYTES: u32 = 1 << 16;
/// Of a difference in memory, so many bytes are shown.
const SHOWN_BYTES: usize = 16;

/// Instructions between two looks at how far it is.
const GLANCE_UNITS: u64 = 1 << 10;

/// The emulator and the host, with the program between two instructions.
pub struct Pair<'a> {
    machine: Machine,
    native: Native,
    options: &'a Lockstep,
    console: Output,
    done: Done,
}

/// What the emulator did that the host has not done yet.
#[derive(Debug, Default)]
struct Done {
    /// Instructions, or iterations of a REP. More than one only if an interrupt shadow covers the end of the first.
    units: u32,
    bytes: Vec<u8>,
    eip: u32,
    registers_before: [u32; 8],
    eflags_before: u32,
    accesses: Vec<Access>,
}

impl Recorder for Done {
    fn instruction(&mut self, _: Stamp, step: &Step<'_>) {
        self.units += 1;
        self.eip = step.eip;
        self.registers_before = *step.registers_before;
        self.eflags_before = step.eflags_before;
        self.bytes.clear();
        self.bytes.extend_from_slice(step.bytes);
        self.accesses.extend(step.accesses.iter().filter(|access| access.kind == AccessKind::Write));
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}

impl Done {
    fn clear(&mut self) {
        self.units = 0;
        self.accesses.clear();
    }

    /// The processor before the last instruction. Its x87 and SSE registers are those after it.
    fn before(&self, after: &Cpu) -> Cpu {
        let mut before = after.clone();
        before.registers = self.registers_before;
        before.eip = self.eip;
        before.eflags = self.eflags_before;
        before
    }
}

impl<'a> Pair<'a> {
    /// Both at the program's first instruction.
    ///
    /// # Errors
    /// The host has no place for the program, or does not let it be stepped.
    pub fn new(machine: Machine, regions: &[Region], options: &'a Lockstep) -> Result<Self, Refused> {
        let native = Native::start(regions, &State::of(machine.cpu()), |region| {
            let mut bytes = vec![0; region.length_bytes as usize];
            // All of a region is mapped.
            let _ = machine.peek(region.address, &mut bytes);
            bytes
        })?;
        Ok(Self { machine, native, options, console: Output::stdout(), done: Done::default() })
    }

    /// Runs both to the program's end, or to the first difference.
    ///
    /// # Errors
    /// The host failed.
    pub fn run(mut self) -> Result<Status, Ended> {
        let started = Instant::now();
        let limits = Limits {
            executed_units: self.options.max_instructions,
            slice_units: Some(1),
            ..Limits::default()
        };
        let mut bar = crate::progress::Progress::new("comparing", self.options.max_instructions.unwrap_or(0));
        let outcome = loop {
            let progress = self.machine.run(&limits, &mut self.done);
            self.disturb()?;
            let executed = self.machine.executed();
            if executed.is_multiple_of(GLANCE_UNITS) {
                bar.set(executed);
            }
            if let Some(difference) = hosted(self.follow())? {
                drop(bar);
                self.show_console()?;
                complain(difference.report(&self.machine));
                return Ok(Status::Different);
            }
            match progress {
                Progress::Output => bar.aside(|| self.show_console())?,
                Progress::Slice | Progress::InputWanted | Progress::Idle { .. } => {}
                Progress::Finished(outcome) => break outcome,
            }
        };
        drop(bar);
        self.show_console()?;
        let difference = match &outcome {
            Outcome::Crashed(crash) => self.crashed(crash),
            Outcome::Shutdown { .. }
            | Outcome::LimitReached(_)
            | Outcome::Halted
            | Outcome::StoppedByHealth { .. }
            | Outcome::SystemHalted { .. }
            | Outcome::Unimplemented { .. } => Ok(None),
        };
        let difference = match hosted(difference)? {
            None => hosted(self.sweep())?,
            some => some,
        };
        if let Some(difference) = difference {
            complain(difference.report(&self.machine));
            return Ok(Status::Different);
        }
        self.conclude(&outcome, started)
    }

    /// The host does what the emulator did, and both are compared.
    fn follow(&mut self) -> io::Result<Option<Difference>> {
        // The host cannot stop behind an instruction with an interrupt shadow: it does the next one, too.
        if self.done.units == 0 || self.machine.cpu().interrupt_shadow {
            return Ok(None);
        }
        let ours = State::of(self.machine.cpu());
        if is_taken_over(&self.done.bytes) {
            // INT 80h; after any other instruction they are those of a call before.
            if self.done.bytes.ends_with(&[0xcd, 0x80]) {
                for effect in self.machine.system_call_effects() {
                    imitate(&self.machine, &mut self.native, effect)?;
                }
            }
            self.native.set_state(&ours)?;
            for access in &self.done.accesses {
                let length = usize::from(access.length_bytes).min(8);
                self.native.write(access.address, &access.value.to_le_bytes()[..length])?;
            }
            self.done.clear();
            return Ok(None);
        }
        let stop = self.native.step()?;
        let difference = self.compare(&ours, stop)?;
        self.done.clear();
        Ok(difference)
    }

    fn compare(&mut self, ours: &State, stop: Stop) -> io::Result<Option<Difference>> {
        let integer = self.done.units == 1 && stop == Stop::Step && is_integer(&self.done.bytes);
        let mut theirs = self.native.state(if integer { Scope::Integer } else { Scope::All })?;
        let mut bytes =
            written_bytes(&self.done.accesses, |address, bytes| self.native.read(address, bytes))?;
        if let Stop::Signal(number) = stop {
            let what = format!("the emulator went on, this processor raised signal {number}");
            return Ok(Some(Difference { what, ours: ours.clone(), theirs, bytes }));
        }
        if is_equal(ours, &theirs, &bytes) {
            return Ok(None);
        }
        let before = self.done.before(self.machine.cpu());
        let executed = Executed { bytes: &self.done.bytes, before: &before, raised: None };
        forgive(executed, ours, &mut theirs, &mut bytes);
        if !is_equal(ours, &theirs, &bytes) {
            let what = "the emulator and this processor differ after the last instruction".to_owned();
            return Ok(Some(Difference { what, ours: ours.clone(), theirs, bytes }));
        }
        // What is undefined must not come back as a difference later.
        self.native.set_state(ours)?;
        for access in &self.done.accesses {
            let length = usize::from(access.length_bytes).min(8);
            self.native.write(access.address, &access.value.to_le_bytes()[..length])?;
        }
        Ok(None)
    }

    /// The emulator raised an exception: so must the host.
    fn crashed(&mut self, crash: &Crash) -> io::Result<Option<Difference>> {
        let CrashReason::Unhandled(exception) = crash.reason else { return Ok(None) };
        let vector = exception.vector;
        let expected = signal(vector);
        let ours = State::of(&crash.cpu);
        // A trap: the instruction was compared when it retired.
        let compared = expected == libc::SIGTRAP || vector == emulator::Vector::Overflow;
        if compared || enters_kernel(&crash.code) {
            return Ok(None);
        }
        let stop = self.native.step()?;
        let mut theirs = self.native.state(Scope::All)?;
        let executed = Executed { bytes: &crash.code, before: &crash.cpu, raised: Some(vector) };
        forgive(executed, &ours, &mut theirs, &mut Vec::new());
        if stop == Stop::Signal(expected) && is_equal(&ours, &theirs, &[]) {
            return Ok(None);
        }
        let what = match stop {
            Stop::Step => format!("the emulator raised {}, this processor went on", vector.name()),
            Stop::Signal(number) => format!(
                "the emulator raised {} (signal {expected}), this processor signal {number}",
                vector.name()
            ),
        };
        Ok(Some(Difference { what, ours, theirs, bytes: Vec::new() }))
    }

    /// Compares all memory: what the host wrote and the emulator did not is found here.
    fn sweep(&mut self) -> io::Result<Option<Difference>> {
        let mut differing = Vec::new();
        for region in &super::regions(&self.machine) {
            for offset in (0..region.length_bytes).step_by(SWEEP_BYTES as usize) {
                let length = SWEEP_BYTES.min(region.length_bytes - offset) as usize;
                let address = region.address + offset;
                let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
                // All of a region is mapped.
                let _ = self.machine.peek(address, &mut ours);
                self.native.read(address, &mut theirs)?;
                if ours != theirs {
                    let pairs = (address..).zip(ours.into_iter().zip(theirs));
                    let bytes = pairs.filter(|(_, (ours, theirs))| ours != theirs);
                    differing.extend(bytes.map(|(address, (emulator, host))| WrittenByte {
                        address,
                        emulator,
                        host,
                    }));
                }
                if differing.len() >= SHOWN_BYTES {
                    break;
                }
            }
        }
        if differing.is_empty() {
            return Ok(None);
        }
        differing.truncate(SHOWN_BYTES);
        let what = "the memory differs at the end, where the emulator wrote nothing different".to_owned();
        let (ours, theirs) = (State::of(self.machine.cpu()), self.native.state(Scope::All)?);
        Ok(Some(Difference { what, ours, theirs, bytes: differing }))
    }

    /// For tests: changes the host's EAX behind the back of both.
    fn disturb(&mut self) -> Result<(), Ended> {
        if self.options.disturb == Some(self.machine.stamp().instruction) && self.done.units > 0 {
            let mut state = hosted(self.native.state(Scope::All))?;
            state.registers[0] ^= 1;
            hosted(self.native.set_state(&state))?;
        }
        Ok(())
    }

    fn show_console(&mut self) -> Result<(), Ended> {
        self.console.write(&self.machine.take_output())?;
        self.console.flush()?;
        self.console.write_errors(&self.machine.take_errors());
        Ok(())
    }

    /// Says on stderr how far both were equal.
    fn conclude(&self, outcome: &Outcome, started: Instant) -> Result<Status, Ended> {
        let count = self.machine.stamp().instruction;
        let (end, status) = match outcome {
            Outcome::Shutdown { code } => (format!("the program ended with code {code}"), Status::Success),
            // Only partitions end so.
            Outcome::Halted | Outcome::StoppedByHealth { .. } | Outcome::SystemHalted { .. } => {
                ("the program was stopped".to_owned(), Status::Failure)
            }
            Outcome::LimitReached(_) => ("--max-instructions ran out".to_owned(), Status::Limit),
            Outcome::Crashed(crash) => {
                let name = match crash.reason {
                    CrashReason::Unhandled(exception) => exception.vector.name(),
                    CrashReason::TrapFrame { .. }
                    | CrashReason::UpcallFrame { .. }
                    | CrashReason::Deadlock => "an exception",
                };
                let who = if enters_kernel(&crash.code) { "the emulator" } else { "both" };
                (format!("{who} raised {name} at 0x{:08x}", crash.cpu.eip), Status::Success)
            }
            Outcome::Unimplemented { eip, text, .. } => {
                return Err(Ended::Failed(format!(
                    "`{text}` at 0x{eip:08x}, after {} equal instructions, is not implemented yet: build the \
                     program without it",
                    grouped(count)
                )));
            }
        };
        if log_enabled!(Level::Warn) {
            let seconds = started.elapsed().as_secs_f64();
            let speed = grouped((count as f64 / seconds.max(1e-9)) as u64);
            complain(format_args!(
                "paravane: equal for {} instructions ({end}) in {seconds:.1} s, {speed} a second",
                grouped(count)
            ));
        }
        Ok(status)
    }
}

/// The host takes over what a system call did.
fn imitate(machine: &Machine, native: &mut Native, effect: &Effect) -> io::Result<()> {
    match *effect {
        Effect::Wrote { address, length_bytes } => copy(machine, native, address, length_bytes),
        Effect::Mapped { address, length_bytes, rights } => {
            native.map(&Region { address, length_bytes, rights })?;
            copy(machine, native, address, length_bytes)
        }
        Effect::Unmapped { address, length_bytes } => native.unmap(address, length_bytes),
        Effect::Protected { address, length_bytes, rights } => {
            native.protect(&Region { address, length_bytes, rights })
        }
        Effect::ThreadArea { entry, words } => native.set_thread_area(entry, words),
    }
}

/// Copies memory to the host.
fn copy(machine: &Machine, native: &Native, address: u32, length_bytes: u32) -> io::Result<()> {
    for offset in (0..length_bytes).step_by(SWEEP_BYTES as usize) {
        let mut bytes = vec![0; SWEEP_BYTES.min(length_bytes - offset) as usize];
        // A later effect of the same call may have unmapped it.
        if machine.peek(address + offset, &mut bytes).is_ok() {
            native.write(address + offset, &bytes)?;
        }
    }
    Ok(())
}

fn is_equal(ours: &State, theirs: &State, bytes: &[WrittenByte]) -> bool {
    ours.compared() == theirs.compared() && bytes.iter().all(|byte| byte.emulator == byte.host)
}

fn hosted<T>(result: io::Result<T>) -> Result<T, Ended> {
    result.map_err(|error| Ended::Failed(format!("the host's side of the lockstep failed: {error}")))
}
