//! Runs cases through the emulator. Processor, memory and interpreter are set up once for a file.

use crate::answer::{Answer, Change, Ending, ExceptionRecord};
use crate::engine::{Engine, Steps, Stop};
use crate::floating_point;
use crate::format::{Case, Header, Piece, TABLE_LENGTH};
use crate::layout::Layout;
use crate::registers::{EFLAGS, EIP, NAMES, Registers, SEGMENTS};
use crate::undefined::UndefinedBits;
use emulator::{Cpu, CpuProfile, DescriptorTable, FrameNumber, PAGE_BYTES, Segment, Settings};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// OSFXSR and OSXMMEXCPT: the only bits of CR4 that cases have set.
const CR4: u32 = 0x600;

/// Runs the cases of one file.
#[derive(Debug)]
pub struct Runner {
    layout: Layout,
    settings: Settings,
    engine: Engine,
    /// The processor that every case starts from, before its own registers.
    processor: Cpu,
    /// What all regions hold before the case that runs.
    before: Vec<u8>,
    /// Ranges of `before` to fill again before the next case.
    touched: Vec<(usize, usize)>,
}

impl Runner {
    /// A runner for the cases under `header`, on a processor that has all instructions of them.
    ///
    /// # Errors
    /// The host has not enough memory.
    pub fn new(header: &Header) -> Result<Self, String> {
        Self::with_settings(header, Settings { profile: CpuProfile::Prescott, ..Settings::default() })
    }

    /// A runner whose interpreter works as `settings` say.
    ///
    /// # Errors
    /// The host has not enough memory.
    pub fn with_settings(header: &Header, settings: Settings) -> Result<Self, String> {
        let mut processor =
            Cpu::ring3(DescriptorTable { entries: header.descriptors, length: TABLE_LENGTH as u8 });
        processor.system.cr4 = CR4;
        let layout = header.layout.clone();
        let before = layout.filled();
        let engine = Engine::new(&layout, settings)?;
        Ok(Self { layout, settings, engine, processor, before, touched: Vec::new() })
    }

    /// Runs a case. Whatever it does, the next one finds everything as if it had not run.
    ///
    /// # Errors
    /// What is wrong with the case, which did not run; or the host has not enough memory to go on after a panic.
    pub fn run(&mut self, case: &Case) -> Result<Answer, String> {
        let whole = !self.layout.has_writable_code() && !may_hold_repeat(&case.initial.ram);
        let steps = if whole { Steps::Together(case.steps) } else { Steps::Single(case.steps) };
        self.run_with(case, |engine, cpu| engine.run(cpu, steps))
    }

    /// Runs a case one instruction at a time and adds up what the architecture leaves undefined in it.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_undefined(&mut self, case: &Case) -> Result<(Answer, UndefinedBits), String> {
        let mut undefined = UndefinedBits::default();
        let answer = self.run_with(case, |engine, cpu| {
            (0..case.steps)
                .find_map(|_| engine.run_noting(cpu, &mut undefined))
                .unwrap_or(Stop::Finished(None))
        })?;
        Ok((answer, undefined))
    }

    fn run_with(
        &mut self,
        case: &Case,
        run: impl FnOnce(&mut Engine, &mut Cpu) -> Stop,
    ) -> Result<Answer, String> {
        let mut cpu = self.initial_processor(&case.initial.regs)?;
        floating_point::load(&case.initial, &mut cpu);
        self.check_memory(&case.initial.ram)?;
        self.write_memory(&case.initial.ram);
        let Self { engine, .. } = self;
        engine.start_case();
        let stop = catch_unwind(AssertUnwindSafe(|| run(engine, &mut cpu)));
        let ending = match stop {
            Ok(stop) => self.ending(stop, case, &cpu),
            Err(payload) => {
                self.engine = Engine::new(&self.layout, self.settings)?;
                self.before = self.layout.filled();
                self.touched.clear();
                let message = payload.downcast_ref::<String>().map(String::as_str);
                let message = message.or_else(|| payload.downcast_ref::<&str>().copied());
                Ending::Panic(message.unwrap_or("a panic without a message").to_owned())
            }
        };
        self.restore_memory();
        Ok(Answer { id: case.id, ending })
    }

    fn ending(&mut self, stop: Stop, case: &Case, cpu: &Cpu) -> Ending {
        let ram = self.changed_memory();
        match stop {
            Stop::Finished(exception) => {
                let regs = changed_registers(&case.initial.regs, cpu);
                let (fpu, sse) = floating_point::changed(&case.initial, cpu);
                let change = Box::new(Change { regs, ram, fpu, sse });
                let exception = exception.map(|exception| ExceptionRecord {
                    number: exception.vector as u8,
                    error: exception.error_code,
                    address: exception.address,
                });
                Ending::Finished { change, exception }
            }
            Stop::Unimplemented(mnemonic) => Ending::Unimplemented(mnemonic),
            Stop::Failed(message) => Ending::Panic(message),
        }
    }

    fn initial_processor(&self, registers: &Registers) -> Result<Cpu, String> {
        let mut cpu = self.processor.clone();
        for (position, register) in cpu.registers.iter_mut().enumerate() {
            *register = registers.value(position);
        }
        for (index, segment) in cpu.segments.iter_mut().enumerate() {
            let selector = registers.value(SEGMENTS + index);
            *segment = self
                .segment(selector)
                .ok_or_else(|| format!("{} cannot start as {selector:#x}", NAMES[SEGMENTS + index]))?;
        }
        cpu.eip = registers.value(EIP);
        cpu.eflags = registers.value(EFLAGS);
        Ok(cpu)
    }

    /// The segment register that a load of `selector` leaves: flat ones of ring 3, or null.
    fn segment(&self, selector: u32) -> Option<Segment> {
        let selector = u16::try_from(selector).ok()?;
        if selector < 4 {
            return Some(Segment { selector, ..Segment::NULL });
        }
        let index = usize::from(selector >> 3);
        let exists = selector & 4 == 0 && index < TABLE_LENGTH;
        let raw = if exists { self.processor.descriptors.entries[index] } else { 0 };
        match raw >> 40 & 0xff {
            0xfb => Some(Segment::flat_code(selector)),
            0xf3 => Some(Segment::flat_data(selector)),
            _ => None,
        }
    }

    fn check_memory(&self, pieces: &[Piece]) -> Result<(), String> {
        for Piece { address, bytes } in pieces {
            let Some(more) = (bytes.len() as u32).checked_sub(1) else { continue };
            let first = self.layout.position(*address);
            let last = address.checked_add(more).and_then(|last| self.layout.position(last));
            // The same distance in the map and in the regions: there is no gap between.
            if first.zip(last).is_none_or(|(first, last)| last.wrapping_sub(first) != more as usize) {
                return Err(format!(
                    "initial.ram at {address:#x}, {} bytes, leaves the regions",
                    bytes.len()
                ));
            }
        }
        Ok(())
    }

    fn write_memory(&mut self, pieces: &[Piece]) {
        for Piece { address, bytes } in pieces {
            let Some(position) = self.layout.position(*address) else { continue };
            self.before[position..position + bytes.len()].copy_from_slice(bytes);
            self.engine.write(position, bytes);
            self.touched.push((position, bytes.len()));
        }
    }

    /// The bytes that differ from before, which are from now on to be restored.
    fn changed_memory(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut page = [0; PAGE_BYTES as usize];
        let mut frame = FrameNumber(0);
        for region in self.layout.regions() {
            for address in (0..region.pages).map(|index| region.base + index * PAGE_BYTES) {
                let position = frame.0 as usize * page.len();
                self.engine.memory.read(frame, 0, &mut page);
                let before = &self.before[position..position + page.len()];
                if page != *before {
                    for (offset, length) in differences(&page, before) {
                        let bytes = page[offset..offset + length].to_vec();
                        pieces.push(Piece { address: address + offset as u32, bytes });
                        self.touched.push((position + offset, length));
                    }
                }
                frame.0 += 1;
            }
        }
        pieces
    }

    fn restore_memory(&mut self) {
        for (position, length) in std::mem::take(&mut self.touched) {
            let fill = self.layout.fill_at(position);
            let bytes = &mut self.before[position..position + length];
            bytes.fill(fill);
            self.engine.write(position, bytes);
        }
    }
}

/// Whether any byte could be the prefix of a repeated string instruction.
fn may_hold_repeat(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| piece.bytes.iter().any(|byte| matches!(byte, 0xf2 | 0xf3)))
}

/// The registers that differ from before.
fn changed_registers(before: &Registers, cpu: &Cpu) -> Registers {
    let mut changed = Registers::default();
    let general = cpu.registers.iter().copied();
    let segments = cpu.segments.iter().map(|segment| u32::from(segment.selector));
    let after = general.chain(segments).chain([cpu.eip, cpu.eflags]);
    for (position, value) in after.enumerate() {
        if before.value(position) != value {
            changed.0[position] = Some(value);
        }
    }
    changed
}

/// Start and length of each run of different bytes.
fn differences(now: &[u8], before: &[u8]) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (offset, _) in now.iter().zip(before).enumerate().filter(|(_, (now, before))| now != before) {
        match ranges.last_mut() {
            Some((start, length)) if *start + *length == offset => *length += 1,
            _ => ranges.push((offset, 1)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::Runner;
    use crate::{EIP, Ending, Piece, parse_case, parse_header};

    /// `inc eax` across a page, and bytes that nothing reads.
    const CASE: &str = r#"{"id":1,"initial":{"regs":{"eax":0,"ebx":0,"ecx":0,"edx":0,"esi":0,"edi":0,"ebp":0,"esp":0,"fs":0,"gs":0,"eflags":2,"cs":35,"ds":43,"es":43,"ss":43,"eip":8191},"ram":[[8191,"ffc0"],[65536,"01"],[12287,9]]}}"#;

    fn runner() -> Runner {
        let header = r#"{"format":"v32","version":1,"mode":"ring3-flat32","regions":[[4096,8192,"rwx",204],[65536,4096,"r",7]]}"#;
        Runner::new(&parse_header(header).unwrap()).unwrap()
    }

    #[test]
    fn a_panic_costs_one_case() {
        let case = parse_case(CASE).unwrap();
        let mut runner = runner();
        let right = runner.run(&case).unwrap();
        let answer = runner.run_with(&case, |_, _| panic!("a bug")).unwrap();
        assert_eq!(answer.ending, Ending::Panic("a bug".to_owned()));
        assert_eq!(runner.run(&case), Ok(right));
    }

    #[test]
    fn a_case_leaves_no_memory_behind_for_the_next() {
        let mut runner = runner();
        runner.run(&parse_case(CASE).unwrap()).unwrap();
        assert_eq!(runner.before, runner.layout.filled());
        assert_eq!(runner.changed_memory(), []);
    }

    #[test]
    fn a_repeated_string_instruction_is_one_step() {
        let case = CASE.replace("ffc0", "f3aa").replace("\"ecx\":0", "\"ecx\":3");
        let case = case.replace("\"edi\":0", "\"edi\":4096").replace("\"eax\":0", "\"eax\":90");
        let mut runner = runner();
        let answer = runner.run(&parse_case(&case).unwrap()).unwrap();
        let Ending::Finished { change, exception: None } = answer.ending else { panic!("{answer:?}") };
        assert_eq!(change.regs.0[1], Some(0));
        assert_eq!(change.regs.0[EIP], Some(8193));
        assert_eq!(change.ram, [Piece { address: 4096, bytes: vec![90; 3] }]);
    }

    #[test]
    fn a_repeated_instruction_that_becomes_a_jump_to_itself_is_through() {
        // rep stosw over itself, with the bytes of `jmp $`.
        let case = CASE.replace("ffc0", "f366ab").replace(r#""ecx":0"#, r#""ecx":3"#);
        let case = case.replace(r#""edi":0"#, r#""edi":8191"#).replace(r#""eax":0"#, r#""eax":65259"#);
        let answer = runner().run(&parse_case(&case).unwrap()).unwrap();
        let Ending::Finished { change, exception: None } = answer.ending else { panic!("{answer:?}") };
        assert_eq!((change.regs.0[1], change.regs.0[EIP]), (Some(2), None));
    }

    #[test]
    fn a_case_that_repeats_almost_for_ever_is_ended() {
        // again: mov ecx, ffffh; rep lodsb by SI; jmp again
        let header = r#"{"format":"v32","version":1,"mode":"ring3-flat32","regions":[[0,65536,"rwx",204]]}"#;
        let mut runner = Runner::new(&parse_header(header).unwrap()).unwrap();
        runner.engine.units_of_case = 200_000;
        let case = CASE.replace(r#"[65536,"01"],"#, "").replace("ffc0", "b9ffff000067f3acebf6");
        let case = case.replace(r#""id":1,"#, r#""id":1,"steps":1000000,"#);
        let answer = runner.run(&parse_case(&case).unwrap()).unwrap();
        let Ending::Panic(what) = answer.ending else { panic!("{answer:?}") };
        assert_eq!(what, "more than 200000 units");
    }
}
