//! Costs in instructions, by function, line and address, and who called whom, as Callgrind writes them: read by KCachegrind and
//! callgrind_annotate. A partition is an object (`ob=`).
//!
//! A function's inclusive cost is that of the calls that lead to it. A call that calls itself again by the same way is counted once. A
//! function that another one jumps to counts as called from where that one was called. Handlers of upcalls and traps are called
//! by nobody, and what they cost is no part of what they interrupt.
//!
//! Not here: how the file looks, in `text`.

mod text;

use crate::Export;
use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use trace::{CallStacks, Change, Code, Entry, Frame, FunctionId, Stretches, TracedSystem};

/// More addresses, and more ways to call, are not told apart: a guest must not make the host allocate without bound.
const PLACES_MOST: usize = 1 << 21;

/// Writes costs at the end.
#[derive(Debug)]
pub struct Callgrind<W> {
    system: TracedSystem,
    stacks: CallStacks,
    stretches: Stretches,
    costs: Vec<Costs>,
    out: W,
}

/// What a partition did.
#[derive(Debug, Default)]
struct Costs {
    instructions: u64,
    /// Instructions of which only the number is known.
    left_out: u64,
    own: HashMap<(FunctionId, u32), u64>,
    calls: HashMap<Call, Called>,
    open: Vec<Open>,
    /// In which functions blocks ran as a whole and were not counted by address yet, and how often, by their numbers.
    blocks: Vec<Vec<(FunctionId, u64)>>,
}

/// A way to call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
struct Call {
    caller: FunctionId,
    from: u32,
    callee: FunctionId,
}

#[derive(Clone, Copy, Debug, Default)]
struct Called {
    times: u64,
    instructions: u64,
    /// How many such calls are open.
    open: u32,
}

/// A function that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    function: FunctionId,
    call: Option<Call>,
    /// No other call of this kind was open before it.
    is_outermost: bool,
    is_interrupt: bool,
    /// The instructions of the partition before it.
    since: u64,
    /// Of those after, the ones that handlers ran.
    elsewhere: u64,
}

impl<W: Write> Callgrind<W> {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem, out: W) -> Self {
        Self {
            stacks: CallStacks::new(system),
            stretches: Stretches::new(system.partitions.len()),
            costs: system.partitions.iter().map(|_| Costs::default()).collect(),
            system: system.clone(),
            out,
        }
    }
}

impl<W: Write> Recorder for Callgrind<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let costs = &mut self.costs[stamp.partition.index()];
        let changes = self.stacks.instruction(stamp, step);
        if !changes.is_empty() {
            let changes = changes.to_vec();
            costs.follow(&changes, self.stacks.frames(stamp.partition));
        }
        costs.count(step.eip, 1);
    }

    fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let Self { stacks, stretches, costs, .. } = self;
        let costs = &mut costs[stamp.partition.index()];
        stretches.refresh(stamp, blocks, |codes| costs.settle(codes));
        costs.blocks.resize(blocks.codes.count() as usize, Vec::new());
        stretches.each(stamp, blocks, |stretch| {
            stacks.stretch(stretch, |changes, frames, (since, until)| {
                if !changes.is_empty() {
                    costs.follow(changes, frames);
                }
                if since == 0 && until == stretch.code.count() {
                    costs.count_block(stretch.block, until as u64);
                } else {
                    (since..until).for_each(|place| costs.count(stretch.code.instruction(place).0, 1));
                }
            });
            if stretch.more > 0 {
                costs.count(stretch.last().0, stretch.more);
            }
        });
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let changes = self.stacks.event(stamp, event).to_vec();
        self.costs[stamp.partition.index()].follow(&changes, self.stacks.frames(stamp.partition));
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let changes = self.stacks.elided(stamp, elision).to_vec();
        let costs = &mut self.costs[stamp.partition.index()];
        costs.follow(&changes, self.stacks.frames(stamp.partition));
        match &elision.omission {
            Omission::Repeat(repeat) => costs.count(repeat.eip, elision.instructions),
            _ => costs.left_out += elision.instructions,
        }
    }
}

impl<W: Write> Export for Callgrind<W> {
    fn is_unsure(&self) -> bool {
        // What is not told apart depends on what came first.
        self.stacks.is_unsure() || self.costs.iter().any(|costs| costs.own.len() >= PLACES_MOST)
    }

    fn finish(&mut self) -> io::Result<()> {
        for (place, costs) in self.costs.iter_mut().enumerate() {
            costs.leave(costs.open.len());
            costs.settle(self.stretches.codes(PartitionId(place as u16)));
        }
        let mut out = BufWriter::new(&mut self.out);
        let mut text = text::Text::new(&self.system, &mut out);
        let all = self.costs.iter().map(|costs| costs.instructions + costs.left_out).sum();
        text.header(&self.system, all)?;
        for (place, costs) in self.costs.iter().enumerate() {
            let partition = PartitionId(place as u16);
            text.left_out(costs.left_out)?;
            let function = |id| self.stacks.function(partition, id).clone();
            text.partition(partition, &self.system.partition(partition).name)?;
            for (id, lines) in costs.by_function() {
                text.function(&function(id), id)?;
                for (address, line) in lines {
                    text.own(address, line.own)?;
                    for (callee, called) in line.calls {
                        text.call(address, (&function(callee), callee), called.times, called.instructions)?;
                    }
                }
            }
        }
        out.flush()
    }
}

/// What is to be told of an address in a function.
#[derive(Debug, Default)]
struct Line {
    own: u64,
    calls: Vec<(FunctionId, Called)>,
}

impl Costs {
    fn count(&mut self, eip: u32, instructions: u64) {
        self.instructions += instructions;
        let Some(open) = self.open.last() else { return };
        self.count_own(open.function, eip, instructions);
    }

    /// Counts a block that ran as a whole.
    fn count_block(&mut self, block: u32, instructions: u64) {
        self.instructions += instructions;
        let Some(open) = self.open.last() else { return };
        let Some(functions) = self.blocks.get_mut(block as usize) else { return };
        match functions.iter_mut().find(|(function, _)| *function == open.function) {
            Some((_, times)) => *times += 1,
            None => functions.push((open.function, 1)),
        }
    }

    /// Counts by address what ran of these blocks.
    fn settle(&mut self, codes: &[Code]) {
        let blocks = std::mem::take(&mut self.blocks);
        for (code, functions) in codes.iter().zip(blocks) {
            for (function, times) in functions {
                for place in 0..code.count() {
                    self.count_own(function, code.instruction(place).0, times);
                }
            }
        }
    }

    fn count_own(&mut self, function: FunctionId, eip: u32, instructions: u64) {
        let is_full = self.own.len() >= PLACES_MOST;
        // Address 0 stands for the rest of the function.
        let eip = if is_full && !self.own.contains_key(&(function, eip)) { 0 } else { eip };
        *self.own.entry((function, eip)).or_default() += instructions;
    }

    /// Follows changes that end in these frames.
    fn follow(&mut self, changes: &[Change], frames: &[Frame]) {
        for change in changes {
            match *change {
                Change::Left { frames } => self.leave(frames),
                Change::Entered { function, entry, from } => {
                    let origin = frames.get(self.open.len()).map_or(Entry::Call, |frame| frame.entry);
                    self.enter(function, (entry, origin), from);
                }
            }
        }
    }

    fn enter(&mut self, function: FunctionId, (entry, origin): (Entry, Entry), from: u32) {
        let caller = self.open.last().filter(|_| origin == Entry::Call);
        let call = caller.map(|caller| Call { caller: caller.function, from, callee: function });
        let is_full = self.calls.len() >= PLACES_MOST;
        let call = call.filter(|call| !is_full || self.calls.contains_key(call));
        let mut is_outermost = false;
        if let Some(call) = call {
            let called = self.calls.entry(call).or_default();
            called.times += u64::from(entry != Entry::Resumed);
            is_outermost = called.open == 0;
            called.open += 1;
        }
        self.open.push(Open {
            function,
            call,
            is_outermost,
            is_interrupt: origin == Entry::Interrupt,
            since: self.instructions,
            elsewhere: 0,
        });
    }

    fn leave(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(left) = self.open.pop() else { return };
            let all = self.instructions - left.since;
            if let Some(outer) = self.open.last_mut() {
                outer.elsewhere += if left.is_interrupt { all } else { left.elsewhere };
            }
            if let Some(called) = left.call.and_then(|call| self.calls.get_mut(&call)) {
                called.open -= 1;
                if left.is_outermost {
                    called.instructions += all - left.elsewhere;
                }
            }
        }
    }

    /// What is to be told, by function and address.
    fn by_function(&self) -> BTreeMap<FunctionId, BTreeMap<u32, Line>> {
        let mut functions: BTreeMap<FunctionId, BTreeMap<u32, Line>> = BTreeMap::new();
        for (&(function, address), own) in &self.own {
            functions.entry(function).or_default().entry(address).or_default().own = *own;
        }
        for (call, called) in &self.calls {
            let line = functions.entry(call.caller).or_default().entry(call.from).or_default();
            line.calls.push((call.callee, *called));
        }
        for line in functions.values_mut().flat_map(BTreeMap::values_mut) {
            line.calls.sort_unstable_by_key(|(callee, _)| *callee);
        }
        functions
    }
}
