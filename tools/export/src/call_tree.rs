//! Instructions counted by the functions that were open: a tree with a node for each path of calls, under a node for each partition.
//!
//! Bounded: past [`NODES_MOST`] paths what runs counts for its deepest caller that has a node.
//!
//! Not here: how the tree is written.

use emulator::{ExecutedBlocks, Step};
use hypervisor_core::{Elision, Event, Omission, PartitionId, Stamp};
use std::collections::HashMap;
use trace::{CallStacks, Change, FunctionId, Stretches, TracedSystem, readable_name};

/// Paths that are told apart: far more than programs have, unless they want to.
const NODES_MOST: usize = 1 << 16;

/// The paths of a run.
#[derive(Debug)]
pub struct CallTree {
    stacks: CallStacks,
    stretches: Stretches,
    partitions: Vec<String>,
    /// Of each partition the instructions of which only the number is known.
    left_out: Vec<u64>,
    shape: Shape,
}

#[derive(Debug)]
struct Shape {
    /// The first are the partitions.
    nodes: Vec<Node>,
    children: HashMap<(usize, FunctionId), usize>,
    /// For each partition the nodes of its open frames, the partition's own first.
    open: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Node {
    parent: usize,
    function: Option<FunctionId>,
    instructions: u64,
}

impl CallTree {
    /// Nothing ran yet.
    pub fn new(system: &TracedSystem) -> Self {
        let count = system.partitions.len();
        let root = |place| Node { parent: place, function: None, instructions: 0 };
        Self {
            stacks: CallStacks::new(system),
            stretches: Stretches::new(count),
            partitions: system.partitions.iter().map(|partition| partition.name.clone()).collect(),
            left_out: vec![0; count],
            shape: Shape {
                nodes: (0..count).map(root).collect(),
                children: HashMap::new(),
                open: (0..count).map(|place| vec![place]).collect(),
            },
        }
    }

    /// Counts an instruction.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let partition = stamp.partition.index();
        self.shape.apply(partition, self.stacks.instruction(stamp, step));
        self.shape.count(partition, 1);
    }

    /// Counts blocks.
    pub fn blocks(&mut self, stamp: Stamp, blocks: &ExecutedBlocks<'_>) {
        let Self { stacks, stretches, shape, .. } = self;
        let partition = stamp.partition.index();
        stretches.refresh(stamp, blocks, |_| ());
        stretches.each(stamp, blocks, |stretch| {
            stacks.stretch(stretch, |changes, _, (since, until)| {
                shape.apply(partition, changes);
                shape.count(partition, (until - since) as u64);
            });
            if stretch.more > 0 {
                shape.count(partition, stretch.more);
            }
        });
    }

    /// Whether blocks did not tell enough.
    pub fn is_unsure(&self) -> bool {
        self.stacks.is_unsure()
    }

    /// Counts what was left out: the iterations of a REP where they ran, the rest by itself.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let partition = stamp.partition.index();
        self.shape.apply(partition, self.stacks.elided(stamp, elision));
        match elision.omission {
            Omission::Repeat(_) => self.shape.count(partition, elision.instructions),
            _ => self.left_out[partition] += elision.instructions,
        }
    }

    /// Follows an event.
    pub fn event(&mut self, stamp: Stamp, event: &Event) {
        self.shape.apply(stamp.partition.index(), self.stacks.event(stamp, event));
    }

    /// Calls `line` with each path that ran itself, `partition;outermost;...;innermost`, and its instructions, in the order of the names.
    pub fn paths(&self, mut line: impl FnMut(&str, u64)) {
        let mut below: Vec<Vec<(String, usize)>> = self.shape.nodes.iter().map(|_| Vec::new()).collect();
        for (place, node) in self.shape.nodes.iter().enumerate().skip(self.partitions.len()) {
            below[node.parent].push((self.name(place), place));
        }
        for children in &mut below {
            children.sort_unstable();
        }
        let mut path = String::new();
        for place in 0..self.partitions.len() {
            let name = self.name(place);
            if self.left_out[place] > 0 {
                line(&format!("{name};(left out)"), self.left_out[place]);
            }
            self.path_of(&below, (&name, place), &mut path, &mut line);
        }
    }

    fn path_of(
        &self,
        below: &[Vec<(String, usize)>],
        (name, place): (&str, usize),
        path: &mut String,
        line: &mut impl FnMut(&str, u64),
    ) {
        let length = path.len();
        if length > 0 {
            path.push(';');
        }
        path.push_str(name);
        let instructions = self.shape.nodes[place].instructions;
        if instructions > 0 {
            line(path, instructions);
        }
        for (name, child) in &below[place] {
            self.path_of(below, (name, *child), path, line);
        }
        path.truncate(length);
    }

    /// A semicolon would end the name.
    fn name(&self, place: usize) -> String {
        let node = &self.shape.nodes[place];
        let Some(function) = node.function else { return self.partitions[place].replace(';', ":") };
        let mut root = place;
        while self.shape.nodes[root].parent != root {
            root = self.shape.nodes[root].parent;
        }
        let name = &self.stacks.function(PartitionId(root as u16), function).name;
        readable_name(name).replace(';', ":")
    }
}

impl Shape {
    fn count(&mut self, partition: usize, instructions: u64) {
        if let Some(innermost) = self.open[partition].last() {
            self.nodes[*innermost].instructions += instructions;
        }
    }

    fn apply(&mut self, partition: usize, changes: &[Change]) {
        for change in changes {
            match *change {
                Change::Left { frames } => {
                    let length = self.open[partition].len();
                    self.open[partition].truncate(length - frames);
                }
                Change::Entered { function, .. } => {
                    let parent = self.open[partition].last().copied().unwrap_or(partition);
                    let child = self.child(parent, function);
                    self.open[partition].push(child);
                }
            }
        }
    }

    fn child(&mut self, parent: usize, function: FunctionId) -> usize {
        if let Some(child) = self.children.get(&(parent, function)) {
            return *child;
        }
        let child = self.nodes.len();
        if child >= NODES_MOST {
            return parent;
        }
        self.nodes.push(Node { parent, function: Some(function), instructions: 0 });
        self.children.insert((parent, function), child);
        child
    }
}

#[cfg(test)]
mod tests {
    use super::{NODES_MOST, Node, Shape};
    use crate::tests::{STAMP, processor, step, system};
    use crate::{Callgrind, Export, Folded};
    use hypervisor_core::record::Repeat;
    use hypervisor_core::{Elision, Omission, Recorder};
    use std::collections::HashMap;
    use trace::{Change, Entry, FunctionId};

    /// An instruction in `main`, 7 iterations of a REP after it, and 100 instructions of which nothing is known.
    fn record(recorder: &mut impl Recorder) {
        let mut after = processor();
        after.eip = 0x10_0001;
        recorder.instruction(STAMP, &step(0x10_0000, &[0x90], &after));
        let repeat = Repeat {
            eip: 0x10_0001,
            bytes: vec![0xf3, 0xa4],
            read: None,
            written: None,
            registers_before: [0; 8],
            registers_after: [0; 8],
            eflags_before: 0,
            eflags_after: 0,
        };
        for (instructions, omission) in [(7, Omission::Repeat(Box::new(repeat))), (100, Omission::Filter)] {
            recorder.elided(STAMP, &Elision { since: 13, instructions, events: 2, omission });
        }
    }

    #[test]
    fn what_was_left_out_is_counted_where_it_ran_or_by_itself() {
        let (mut folded, mut callgrind) = (Vec::new(), Vec::new());
        let mut export = Folded::new(&system(), &mut folded);
        record(&mut export);
        export.finish().expect("a vector takes all");
        let mut export = Callgrind::new(&system(), &mut callgrind);
        record(&mut export);
        export.finish().expect("a vector takes all");
        assert_eq!(String::from_utf8_lossy(&folded), "one;(left out) 100\none;main 8\n");
        let callgrind = String::from_utf8_lossy(&callgrind).into_owned();
        for lines in ["summary: 108\n", " (left out)\n0x0 0 100\n", " main\n0x100000 0 1\n0x100001 0 7\n"] {
            assert!(callgrind.contains(lines), "{lines}\n{callgrind}");
        }
    }

    #[test]
    fn paths_without_end_are_counted_for_callers_and_lead_back() {
        let root = Node { parent: 0, function: None, instructions: 0 };
        let mut shape = Shape { nodes: vec![root], children: HashMap::new(), open: vec![vec![0]] };
        let enter =
            |function| Change::Entered { function: FunctionId(function), entry: Entry::Call, from: 0 };
        for function in 0..NODES_MOST as u32 + 1000 {
            shape.apply(0, &[enter(function), enter(1), Change::Left { frames: 2 }]);
            assert_eq!(shape.open[0], [0]);
        }
        assert_eq!(shape.nodes.len(), NODES_MOST);
        shape.apply(0, &[enter(u32::MAX)]);
        assert_eq!(shape.open[0], [0, 0]);
    }
}
