//! A program, its memory and a way of running it: budgets, interpreters, observation.
//!
//! Exits are answered as simply as can be: they are noted, the registers are made usable again, and the program goes on
//! at one of its instructions.

use super::program::{ANCHORS, ATTENDED, CODE, CODE_ALIAS, DATA, DATA_LOW, Program, READ_ONLY, STACK};
use super::random::Random;
use emulator::decode::{instruction_length, stack_pointer_change};
use emulator::{
    AddressSpace, Attention, BlockRun, Cpu, CpuProfile, DescriptorTable, Exception, Executed, ExecutedBlocks,
    Exit, FrameNumber, Interpreter, Observer, PhysicalMemory, Rights, RunInputs, Settings, StateDigest, Step,
    Unobserved, Vector, Watch,
    cpu::{EDX, Tls},
    flags,
};

/// How many units one run gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// All that are left.
    Whole,
    /// One.
    Single,
    /// Now so many, now so many: 0 to 40.
    Random,
}

/// Which interpreter the next run gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interpreters {
    /// Always the same one.
    One,
    /// A new one for each run.
    New,
    /// Two in turn, over the same memory.
    Two,
    /// Always the same one, over a copy of processor and memory that is made for each run.
    OverCopies,
}

/// What somebody is told meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Nothing,
    Units,
    Blocks,
    BlocksAndStack,
}

/// A way of running a program. None of it may change what the program does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    pub settings: Settings,
    pub split: Split,
    pub interpreters: Interpreters,
    pub told: Told,
    /// Breakpoints and watched ranges end runs, which go on as if nothing had been.
    pub stops: bool,
    /// Flips a bit of EDX at that unit: a wrong engine, for the test of the comparison itself.
    pub wrong_at: Option<u64>,
}

impl Way {
    /// The way of the product: one run as long as can be.
    pub fn plain() -> Self {
        Self {
            settings: Settings::default(),
            split: Split::Whole,
            interpreters: Interpreters::One,
            told: Told::Nothing,
            stops: false,
            wrong_at: None,
        }
    }

    pub fn with(settings: Settings) -> Self {
        Self { settings, ..Self::plain() }
    }
}

/// What a program meets beside its own instructions. Part of what it does, so the same for both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surroundings {
    /// Nothing.
    Quiet,
    /// An attended page in its data.
    Attended,
    /// Watched ranges and the attended page.
    Watched,
    /// Every 61 units somebody else writes a byte of its code, or exchanges its two code pages.
    Disturbed,
}

/// An exit other than an exhausted budget, and the state at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Noted {
    pub unit: u64,
    pub exit: Exit,
    pub digest: u128,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub cpu: Cpu,
    pub digest: u128,
    pub noted: Vec<Noted>,
    /// Digest of all that the observer was told, if there was one.
    pub told: u128,
    /// Digest of the instructions that it was told of, unit by unit, if there was one.
    pub walked: u128,
    /// Bytes at EIP.
    pub next: Vec<u8>,
    /// Contents of all frames.
    pub frames: Vec<u8>,
}

const FRAMES: u32 = 7;
/// CR4: SSE may be used, and #XM is handled.
const OSFXSR_AND_OSXMMEXCPT: u32 = 0x600;
/// x87 status word: all exceptions and their summary.
const PENDING: u16 = 0x80ff;
const DISTURBANCE_UNITS: u64 = 61;

/// The same settings on a processor that has all instructions.
pub fn with_vectors(settings: Settings) -> Settings {
    Settings { profile: CpuProfile::Prescott, ..settings }
}

pub struct Machine<'a> {
    program: &'a Program,
    surroundings: Surroundings,
    cpu: Cpu,
    space: AddressSpace,
    memory: PhysicalMemory,
    units: u64,
    noted: Vec<Noted>,
    exchanged: bool,
    disturbed_at: u64,
    stops: bool,
    breakpoints: Vec<u32>,
}

impl<'a> Machine<'a> {
    pub fn new(program: &'a Program, surroundings: Surroundings) -> Self {
        let mut memory = PhysicalMemory::new();
        let first = memory.allocate(FRAMES).expect("the host has seven frames");
        let frame = |index: u32| FrameNumber(first.0 + index);
        let mut space = AddressSpace::new();
        space.map(CODE, 2, frame(0), Rights::ALL);
        space.map(CODE_ALIAS, 2, frame(0), Rights::READ_WRITE);
        space.map(DATA, 2, frame(2), Rights::READ_WRITE);
        space.map(DATA_LOW, 2, frame(2), Rights::READ_WRITE);
        space.map(READ_ONLY, 1, frame(4), Rights::READ);
        space.map(STACK, 2, frame(5), Rights::READ_WRITE);
        let mut random = Random::new(program.seed ^ 0x5eed);
        let data: Vec<u8> = (0..0x3000).map(|_| random.byte()).collect();
        space.poke(&mut memory, DATA, &data).expect("data is mapped");
        // As if its owner had just answered the last request for attention.
        space.poke(&mut memory, ATTENDED, &[1, 0, 0, 0]).expect("data is mapped");
        space.poke(&mut memory, CODE + program.start, &program.code).expect("the code fits into two pages");
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        cpu.system.cr4 |= OSFXSR_AND_OSXMMEXCPT;
        cpu.registers = ANCHORS;
        cpu.eip = CODE + program.start;
        // Some programs start out with their accesses checked for alignment.
        cpu.eflags |= if program.seed.is_multiple_of(8) { flags::AC } else { 0 };
        let breakpoints = program.starts.iter().step_by(3).map(|start| CODE + start).collect();
        Self {
            program,
            surroundings,
            cpu,
            space,
            memory,
            units: 0,
            noted: Vec::new(),
            exchanged: false,
            disturbed_at: 0,
            stops: false,
            breakpoints,
        }
    }

    /// Runs until `units` are used up, the exits answered.
    pub fn run(mut self, way: &Way, units: u64) -> Outcome {
        let settings = with_vectors(way.settings);
        let mut engines = [Interpreter::new(settings), Interpreter::new(settings)];
        let mut random = Random::new(self.program.seed ^ 0x0b0d_9e70);
        let mut teller = Teller { told: StateDigest::new(), walked: StateDigest::new() };
        let mut walker = Walker::<false>::new();
        let mut stack_walker = Walker::<true>::new();
        let mut runs = 0;
        self.stops = way.stops;
        while self.units < units {
            let mut until = self.next_disturbance(units);
            if let Some(wrong) = way.wrong_at.filter(|wrong| *wrong > self.units) {
                until = until.min(wrong - self.units);
            }
            let budget = match way.split {
                Split::Whole => until,
                Split::Single => until.min(1),
                Split::Random => until.min(u64::from(random.below(41))),
            };
            let engine = match way.interpreters {
                Interpreters::One => 0,
                Interpreters::New => {
                    engines[0] = Interpreter::new(settings);
                    0
                }
                Interpreters::Two => runs % 2,
                Interpreters::OverCopies => {
                    self.copy();
                    0
                }
            };
            match way.told {
                Told::Nothing => _ = self.step(&mut engines[engine], budget, &mut Unobserved),
                Told::Units => _ = self.step(&mut engines[engine], budget, &mut teller),
                Told::Blocks => {
                    let (units, _) = self.step(&mut engines[engine], budget, &mut walker);
                    assert_eq!(walker.take_units(), units, "seed {}", self.program.seed);
                }
                Told::BlocksAndStack => {
                    let (units, _) = self.step(&mut engines[engine], budget, &mut stack_walker);
                    assert_eq!(stack_walker.take_units(), units, "seed {}", self.program.seed);
                }
            }
            if way.wrong_at == Some(self.units) {
                self.cpu.registers[EDX] ^= 1;
            }
            self.disturb();
            runs += 1;
        }
        let walked = match way.told {
            Told::Blocks => walker.walked,
            Told::BlocksAndStack => stack_walker.walked,
            Told::Nothing | Told::Units => teller.walked,
        };
        self.outcome(teller.told.value(), walked.value())
    }

    /// Goes on with a processor that was bytes, and with as much of the memory as anybody can tell.
    fn copy(&mut self) {
        let bytes = postcard::to_allocvec(&self.cpu).expect("a processor is plain data");
        self.cpu = postcard::from_bytes(&bytes).expect("the bytes of a processor");
        let (mut memory, mut space) = (PhysicalMemory::new(), AddressSpace::new());
        memory.allocate(FRAMES).expect("the host has seven frames");
        for frame in self.memory.written_frames() {
            let mut bytes = [0; 4096];
            self.memory.read(frame, 0, &mut bytes);
            memory.write(frame, 0, &bytes);
        }
        for (address, frame, rights) in self.space.pages() {
            space.map(address, 1, frame, rights);
        }
        (self.memory, self.space) = (memory, space);
    }

    /// One run, and the answer to its exit. Returns the units that it retired.
    pub fn step<O: Observer>(
        &mut self,
        engine: &mut Interpreter,
        budget: u64,
        observer: &mut O,
    ) -> (u64, Exit) {
        let watches = [
            Watch { address: DATA + 0x7fe, length_bytes: 9, reads: true },
            Watch { address: STACK + 0x1000 - 64, length_bytes: 60, reads: false },
        ];
        let (watched, attended) = match self.surroundings {
            Surroundings::Quiet | Surroundings::Disturbed => (false, false),
            Surroundings::Attended => (false, true),
            Surroundings::Watched => (true, true),
        };
        let inputs = RunInputs {
            units: budget,
            time_stamp: self.units,
            breakpoints: if self.stops { &self.breakpoints } else { &[] },
            watches: if watched || self.stops { &watches } else { &[] },
            attention: attended.then_some(Attention { address: ATTENDED }),
        };
        let ran = engine.run(&mut self.cpu, &mut self.space, &mut self.memory, &inputs, observer);
        assert!(ran.units <= budget, "seed {}: {} units of {budget}", self.program.seed, ran.units);
        if ran.exit == Exit::Budget {
            assert_eq!(ran.units, budget, "seed {}: a budget is exact", self.program.seed);
        }
        self.units += ran.units;
        let exit = match ran.exit {
            // The watch took the place of the #DB of a single step, which is due all the same.
            Exit::Watch(hit) if self.stops && hit.stepped => {
                Exit::Exception(Exception { vector: Vector::Debug, error_code: 0, address: 0 })
            }
            exit => exit,
        };
        let stop = self.stops && matches!(exit, Exit::Breakpoint | Exit::Watch(_));
        if exit != Exit::Budget && !stop {
            let digest = self.digest();
            self.noted.push(Noted { unit: self.units, exit, digest });
            self.answer(exit);
        }
        (ran.units, exit)
    }

    fn answer(&mut self, exit: Exit) {
        match exit {
            Exit::Budget | Exit::Watch(_) => {}
            Exit::Attention => {
                self.space.poke(&mut self.memory, ATTENDED, &[1, 0, 0, 0]).expect("data is mapped");
            }
            Exit::Exception(exception) if is_trap(exception.vector) => self.cpu.eflags &= !flags::TF,
            Exit::Exception(_)
            | Exit::SoftwareInterrupt { .. }
            | Exit::Int1 { .. }
            | Exit::Privileged(_)
            | Exit::Breakpoint
            | Exit::Unimplemented => self.resume_elsewhere(),
        }
    }

    /// Goes on at an instruction that depends on how many exits there were, so that no fault repeats for ever.
    fn resume_elsewhere(&mut self) {
        let starts = &self.program.starts;
        let at = starts[(self.noted.len() * 7) % starts.len()];
        let Cpu { segments, .. } = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        self.cpu.registers = ANCHORS;
        self.cpu.segments = segments;
        self.cpu.eip = CODE + at;
        self.cpu.eflags &= !(flags::TF | flags::AC);
        // Or every x87 instruction from now on would end a run.
        self.cpu.fpu.status &= !PENDING;
        // It retired nothing; without a price a program of faults would never end.
        self.units += 1;
    }

    fn next_disturbance(&self, units: u64) -> u64 {
        let left = units - self.units;
        match self.surroundings {
            Surroundings::Disturbed => left.min(DISTURBANCE_UNITS - self.units % DISTURBANCE_UNITS),
            Surroundings::Quiet | Surroundings::Attended | Surroundings::Watched => left,
        }
    }

    fn disturb(&mut self) {
        let due = self.units.is_multiple_of(DISTURBANCE_UNITS) && self.units != self.disturbed_at;
        if self.surroundings != Surroundings::Disturbed || !due {
            return;
        }
        // A run of no units must not disturb the same unit again.
        self.disturbed_at = self.units;
        let mut random = Random::new(self.units);
        if random.once_in(4) {
            self.exchanged = !self.exchanged;
            let (first, second) = if self.exchanged { (1, 0) } else { (0, 1) };
            self.space.map(CODE, 1, FrameNumber(first), Rights::ALL);
            self.space.map(CODE + 0x1000, 1, FrameNumber(second), Rights::ALL);
        } else {
            let at = CODE + self.program.start + random.below(self.program.code.len() as u32);
            self.space.poke(&mut self.memory, at, &[0x40 | random.byte() & 3]).expect("code is mapped");
        }
    }

    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    pub fn digest(&self) -> u128 {
        let mut digest = StateDigest::new();
        digest.cpu(&self.cpu);
        digest.memory(&self.memory);
        digest.value()
    }

    pub fn units(&self) -> u64 {
        self.units
    }

    pub fn noted(&self) -> &[Noted] {
        &self.noted
    }

    /// The bytes at EIP, fewer than 15 where a page ends the mapping.
    pub fn next_bytes(&self) -> Vec<u8> {
        let mut next = vec![0; 15];
        if let Err(error) = self.space.peek(&self.memory, self.cpu.eip, &mut next) {
            next.truncate(error.address.wrapping_sub(self.cpu.eip) as usize);
        }
        next
    }

    fn outcome(self, told: u128, walked: u128) -> Outcome {
        let mut frames = vec![0; FRAMES as usize * 4096];
        for (index, frame) in frames.chunks_exact_mut(4096).enumerate() {
            self.memory.read(FrameNumber(index as u32), 0, frame);
        }
        let next = self.next_bytes();
        let digest = self.digest();
        Outcome { cpu: self.cpu, digest, noted: self.noted, told, walked, next, frames }
    }
}

/// Whether EIP is already after the instruction.
pub fn is_trap(vector: Vector) -> bool {
    matches!(vector, Vector::Debug | Vector::Breakpoint | Vector::Overflow)
}

/// Digests all that it is told, and checks that the steps join.
struct Teller {
    told: StateDigest,
    walked: StateDigest,
}

impl Observer for Teller {
    fn step(&mut self, step: &Step<'_>) {
        note_walked(&mut self.walked, step.eip, step.bytes);
        self.told.number(u64::from(step.eip));
        self.told.bytes(step.bytes);
        for register in step.registers_before {
            self.told.number(u64::from(*register));
        }
        self.told.number(u64::from(step.eflags_before));
        self.told.cpu(step.after);
        for access in step.accesses {
            self.told.number(access.kind as u64);
            self.told.number(u64::from(access.address) | u64::from(access.length_bytes) << 32);
            self.told.number(access.value);
        }
    }
}

/// Makes instructions of the blocks that it is told of; with `STACK` it is told ESP, too.
struct Walker<const STACK: bool> {
    walked: StateDigest,
    units: u64,
}

impl<const STACK: bool> Walker<STACK> {
    fn new() -> Self {
        Self { walked: StateDigest::new(), units: 0 }
    }

    fn take_units(&mut self) -> u64 {
        std::mem::take(&mut self.units)
    }

    /// The runs of a log without ESP.
    fn runs(blocks: &ExecutedBlocks<'_>) -> Vec<BlockRun> {
        let mut runs: Vec<BlockRun> = Vec::new();
        for entry in blocks.log {
            let executed = entry.executed();
            if let Executed::Block(number) = executed {
                runs.push(BlockRun { number, esp: 0, cut: 0, more: 0 });
                continue;
            }
            let run = runs.last_mut().expect("a block comes before what is said of it");
            match executed {
                Executed::Cut(units) => run.cut += units,
                Executed::More(units) => run.more += units,
                Executed::Block(_) => unreachable!("seen above"),
            }
        }
        runs
    }
}

impl<const STACK: bool> Observer for Walker<STACK> {
    fn told(&self) -> emulator::Told {
        if STACK { emulator::Told::BlocksAndStack } else { emulator::Told::Blocks }
    }

    fn step(&mut self, _: &Step<'_>) {}

    fn blocks(&mut self, blocks: &ExecutedBlocks<'_>) {
        let runs = if STACK { blocks.runs().collect() } else { Self::runs(blocks) };
        let mut walked: Vec<(u32, &[u8])> = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            let before = walked.len();
            let (mut eip, mut bytes) = blocks.codes.code(run.number);
            while !bytes.is_empty() {
                let (instruction, rest) = bytes.split_at(instruction_length(bytes));
                walked.push((eip, instruction));
                eip = eip.wrapping_add(instruction.len() as u32);
                bytes = rest;
            }
            let last = *walked.last().expect("a block has an instruction");
            walked.extend((0..run.more).map(|_| last));
            walked.truncate(walked.len() - run.cut as usize);
            let (eip, esp) = match runs.get(place + 1) {
                Some(next) => (blocks.codes.code(next.number).0, next.esp),
                None => (blocks.eip, blocks.esp),
            };
            let changes = walked[before..].iter().map(|(_, bytes)| stack_pointer_change(bytes));
            let change = changes.sum::<Option<i32>>().filter(|_| STACK);
            if let Some(change) = change {
                assert_eq!(run.esp.wrapping_add_signed(change), esp, "{:x?}", &walked[before..]);
            }
            if run.cut > 0 && walked.len() > before {
                let (last, bytes) = walked[walked.len() - 1];
                assert!(eip == last || eip == last.wrapping_add(bytes.len() as u32));
            }
        }
        assert_eq!(walked.len() as u64, blocks.units);
        self.units += blocks.units;
        for (eip, bytes) in walked {
            note_walked(&mut self.walked, eip, bytes);
        }
    }
}

fn note_walked(walked: &mut StateDigest, eip: u32, bytes: &[u8]) {
    walked.number(u64::from(eip));
    walked.bytes(bytes);
}
