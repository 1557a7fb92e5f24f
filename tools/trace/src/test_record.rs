//! For tests of recorders: a run of one's own making, and a recorder that writes down what it is told in short.

use emulator::cpu::{ESP, Tls};
use emulator::{Access, AccessKind, Cpu, DescriptorTable, Step};
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};

/// What it was told: `#3 103` an instruction and its address, `#5 event`, `elided 3+1 since 0: Filter`.
#[derive(Default)]
pub struct Lines {
    pub lines: Vec<String>,
    /// The processor after each instruction.
    pub processors: Vec<Cpu>,
    pub accesses: Vec<Vec<Access>>,
}

impl Lines {
    pub fn text(&self) -> String {
        self.lines.join("; ")
    }
}

fn number(stamp: Stamp) -> String {
    let partition = if stamp.partition.0 == 0 { String::new() } else { stamp.partition.0.to_string() };
    format!("{partition}#{}", stamp.instruction)
}

impl Recorder for Lines {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.lines.push(format!("{} {:x}", number(stamp), step.eip));
        self.processors.push(step.after.clone());
        self.accesses.push(step.accesses.to_vec());
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let word = match event {
            Event::Mark { id, .. } => format!("mark {id}"),
            Event::TraceStart => "start".to_owned(),
            Event::TraceStop => "stop".to_owned(),
            Event::ConsoleOutput(_) => "console".to_owned(),
            Event::Trap { vector, .. } => format!("trap {vector}"),
            _ => "event".to_owned(),
        };
        self.lines.push(format!("{} {word}", number(stamp)));
    }

    fn elided(&mut self, _: Stamp, elision: &Elision) {
        let Elision { since, instructions, events, omission } = elision;
        let why = format!("{omission:?}");
        let why = why.split([' ', '(', '{']).next().unwrap_or_default();
        self.lines.push(format!("elided {instructions}+{events} since {since}: {why}"));
    }
}

/// A partition that does what a test says.
pub struct Run {
    pub stamp: Stamp,
    pub cpu: Cpu,
}

impl Run {
    pub fn new() -> Self {
        Self::of_partition(0)
    }

    pub fn of_partition(partition: u16) -> Self {
        let stamp = Stamp { partition: PartitionId(partition), ..Stamp::default() };
        let mut cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        cpu.registers[ESP] = 0x8000;
        Self { stamp, cpu }
    }

    /// A NOP at `eip`.
    pub fn instruction(&mut self, recorder: &mut impl Recorder, eip: u32) {
        self.step(recorder, eip, &[0x90], eip + 1, &[]);
    }

    /// An instruction at `eip`, after which the processor is at `next`.
    pub fn step(
        &mut self,
        recorder: &mut impl Recorder,
        eip: u32,
        bytes: &[u8],
        next: u32,
        accesses: &[Access],
    ) {
        let (registers_before, eflags_before) = (self.cpu.registers, self.cpu.eflags);
        self.cpu.eip = next;
        let step = Step {
            eip,
            bytes,
            registers_before: &registers_before,
            eflags_before,
            after: &self.cpu,
            accesses,
        };
        recorder.instruction(self.stamp, &step);
        self.stamp.instruction += 1;
        self.stamp.unit += 1;
        self.stamp.now_ns += 10;
    }

    /// `rep stosb` at `eip` to `address`, so many iterations; the last one leaves it.
    pub fn rep(&mut self, recorder: &mut impl Recorder, eip: u32, address: u32, iterations: u32) {
        for iteration in 0..iterations {
            let next = if iteration + 1 == iterations { eip + 2 } else { eip };
            let write =
                Access { kind: AccessKind::Write, address: address + iteration, length_bytes: 1, value: 0 };
            self.step(recorder, eip, &[0xf3, 0xaa], next, &[write]);
        }
    }

    /// An event of no further meaning.
    pub fn event(&mut self, recorder: &mut impl Recorder) {
        self.tell(recorder, &Event::ConsoleEnd);
    }

    pub fn tell(&mut self, recorder: &mut impl Recorder, event: &Event) {
        recorder.event(self.stamp, event);
    }
}
