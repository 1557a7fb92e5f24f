//! Processor, memory and interpreter of a file's cases, and how an exit becomes the end of a case.

use crate::format::is_repeated_string;
use crate::layout::Layout;
use crate::undefined::UndefinedBits;
use emulator::decode::{Outcome, disassemble};
use emulator::{
    AddressSpace, Cpu, Exception, Exit, FrameNumber, Interpreter, PAGE_BYTES, PhysicalMemory, RunInputs,
    Settings, Unobserved, Vector,
};

/// The error code of a software interrupt whose gate is closed to ring 3 names the gate in the IDT.
const IDT_GATE: u32 = 2;

/// Units of one case: a REP through all memory that a file can ask for, and what else it does.
const UNITS_AT_MOST: u64 = (16 << 20) + (1 << 20);

/// An interpreter and the memory that it runs on.
#[derive(Debug)]
pub(crate) struct Engine {
    interpreter: Interpreter,
    space: AddressSpace,
    pub(crate) memory: PhysicalMemory,
    /// What a case may use; the rest of it is `units_left`.
    pub(crate) units_of_case: u64,
    units_left: u64,
}

/// How the steps of a case ended.
pub(crate) enum Stop {
    Finished(Option<Exception>),
    Unimplemented(String),
    Failed(String),
}

/// How to get through a number of instructions.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// In one run: there is no REP, so that instructions and units are the same.
    Together(u32),
    /// One unit a run, until the instruction is through.
    Single(u32),
}

impl Engine {
    /// Memory with all regions filled.
    pub(crate) fn new(layout: &Layout, settings: Settings) -> Result<Self, String> {
        let mut memory = PhysicalMemory::new();
        let mut space = AddressSpace::new();
        for region in layout.regions() {
            let first =
                memory.allocate(region.pages).ok_or("the host has not enough memory for the regions")?;
            space.map(region.base, region.pages, first, region.rights);
            for page in 0..region.pages {
                memory.write(FrameNumber(first.0 + page), 0, &[region.fill; PAGE_BYTES as usize]);
            }
        }
        Ok(Self {
            interpreter: Interpreter::new(settings),
            space,
            memory,
            units_of_case: UNITS_AT_MOST,
            units_left: UNITS_AT_MOST,
        })
    }

    /// A new case is about to run.
    pub(crate) fn start_case(&mut self) {
        self.units_left = self.units_of_case;
    }

    /// Writes at a position in the bytes of all frames.
    pub(crate) fn write(&mut self, position: usize, bytes: &[u8]) {
        let page = PAGE_BYTES as usize;
        let mut done = 0;
        while done < bytes.len() {
            let at = position + done;
            let length = (bytes.len() - done).min(page - at % page);
            let frame = FrameNumber((at / page) as u32);
            self.memory.write(frame, (at % page) as u32, &bytes[done..done + length]);
            done += length;
        }
    }

    /// Runs the steps of a case.
    pub(crate) fn run(&mut self, cpu: &mut Cpu, steps: Steps) -> Stop {
        match steps {
            Steps::Together(steps) => self.run_units(cpu, u64::from(steps)).unwrap_or(Stop::Finished(None)),
            Steps::Single(steps) => {
                for _ in 0..steps {
                    if let Some(stop) = self.run_instruction(cpu) {
                        return stop;
                    }
                }
                Stop::Finished(None)
            }
        }
    }

    fn run_instruction(&mut self, cpu: &mut Cpu) -> Option<Stop> {
        let start = cpu.eip;
        let mut repeats = is_repeated_string(self.code(cpu, &mut [0; 15]));
        loop {
            if let Some(stop) = self.run_units(cpu, 1) {
                return Some(stop);
            }
            // It may have overwritten itself with an instruction that is no REP.
            repeats = repeats && cpu.eip == start && is_repeated_string(self.code(cpu, &mut [0; 15]));
            if !repeats {
                return None;
            }
        }
    }

    /// As `run_instruction`; adds to `undefined`.
    pub(crate) fn run_noting(&mut self, cpu: &mut Cpu, undefined: &mut UndefinedBits) -> Option<Stop> {
        let before = cpu.clone();
        let mut code = [0; 15];
        let length = self.code(cpu, &mut code).len();
        let stop = self.run_instruction(cpu);
        let raised = match &stop {
            Some(Stop::Finished(exception)) => exception.map(|exception| exception.vector),
            _ => None,
        };
        undefined.add(&code[..length], &before, Outcome { eflags: cpu.eflags, raised });
        stop
    }

    /// None once the units are used up.
    fn run_units(&mut self, cpu: &mut Cpu, units: u64) -> Option<Stop> {
        if units == 0 {
            return None;
        }
        let Some(left) = self.units_left.checked_sub(units) else {
            return Some(Stop::Failed(format!("more than {} units", self.units_of_case)));
        };
        self.units_left = left;
        let inputs = RunInputs { units, ..RunInputs::default() };
        let ran = self.interpreter.run(cpu, &mut self.space, &mut self.memory, &inputs, &mut Unobserved);
        match ran.exit {
            Exit::Budget if ran.units == units => None,
            Exit::Exception(exception) => Some(Stop::Finished(Some(exception))),
            Exit::SoftwareInterrupt { vector, .. } => {
                Some(general_protection(8 * u32::from(vector) + IDT_GATE))
            }
            Exit::Int1 { .. } => {
                Some(Stop::Finished(Some(Exception { vector: Vector::Debug, error_code: 0, address: 0 })))
            }
            Exit::Privileged(_) => Some(general_protection(0)),
            Exit::Unimplemented => Some(Stop::Unimplemented(self.mnemonic(cpu))),
            Exit::Budget | Exit::Breakpoint | Exit::Watch(_) | Exit::Attention => Some(Stop::Failed(
                format!("a run of {units} units ended with {:?} after {}", ran.exit, ran.units),
            )),
        }
    }

    /// The bytes at EIP, up to the longest instruction or the first byte that is not mapped.
    fn code<'a>(&self, cpu: &Cpu, bytes: &'a mut [u8; 15]) -> &'a [u8] {
        let address = cpu.eip;
        let length = match self.space.peek(&self.memory, address, bytes) {
            Ok(()) => bytes.len(),
            Err(error) => error.address.wrapping_sub(address) as usize,
        };
        &bytes[..length.min(15)]
    }

    fn mnemonic(&self, cpu: &Cpu) -> String {
        let text = disassemble(self.code(cpu, &mut [0; 15]), cpu.eip).text;
        let mut words = text.split(' ');
        let prefixes = ["lock", "rep", "repe", "repne", "o16", "a16", "cs", "ds", "es", "ss", "fs", "gs"];
        words.find(|word| !prefixes.contains(word)).unwrap_or("(bad)").to_owned()
    }
}

fn general_protection(error: u32) -> Stop {
    let vector = Vector::GeneralProtection;
    Stop::Finished(Some(Exception { vector, error_code: error, address: 0 }))
}
