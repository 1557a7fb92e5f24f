//! Instructions counted by the functions that were open: a tree with a node for each path of calls, under a node for each partition.
//!
//! Bounded: past [`NODES_MOST`] paths what runs counts for its deepest caller that has a node.
//!
//! Not here: how the tree is written.

use emulator::Step;
use hypervisor_core::{Event, PartitionId, Stamp};
use std::collections::HashMap;
use trace::{CallStacks, Change, FunctionId, TracedSystem, readable_name};

/// Paths that are told apart: far more than programs have, unless they want to.
const NODES_MOST: usize = 1 << 16;

/// The paths of a run.
#[derive(Debug)]
pub struct CallTree {
    stacks: CallStacks,
    partitions: Vec<String>,
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
            partitions: system.partitions.iter().map(|partition| partition.name.clone()).collect(),
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
        if let Some(innermost) = self.shape.open[partition].last() {
            self.shape.nodes[*innermost].instructions += 1;
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
            self.path_of(&below, (&self.name(place), place), &mut path, &mut line);
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
    use std::collections::HashMap;
    use trace::{Change, Entry, FunctionId};

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
