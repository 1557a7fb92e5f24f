//! Samples and made-up instructions whose open functions are known.

use super::{CallStacks, Change, DEPTH_MOST, Entry, Follower, STACKS_MOST};
use crate::functions::{FunctionId, Functions};
use crate::traced_system::TracedSystem;
use emulator::cpu::{ESP, Tls};
use emulator::{Cpu, DescriptorTable, Step};
use hypervisor_core::loader::{Symbol, SymbolKind, Symbols};
use hypervisor_core::record::Repeat;
use hypervisor_core::{
    Config, Elision, Event, Image, Limits, Machine, Omission, PartitionId, Progress, Recorder, Stamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const FIRST: PartitionId = PartitionId(0);

/// Counts instructions by the frames that are open.
struct Paths {
    stacks: CallStacks,
    depth: usize,
    counts: BTreeMap<String, u64>,
    entries: BTreeMap<String, u64>,
}

impl Paths {
    fn of(stacks: &CallStacks) -> String {
        let frames = stacks.frames(FIRST).iter();
        frames.map(|frame| stacks.function(FIRST, frame.function).name.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Left { frames } => self.depth -= frames,
                Change::Entered { function, entry, .. } => {
                    self.depth += 1;
                    let name = &self.stacks.function(FIRST, *function).name;
                    *self.entries.entry(format!("{entry:?} {name}")).or_default() += 1;
                }
            }
        }
        assert_eq!(self.depth, self.stacks.frames(FIRST).len(), "the changes do not make the frames");
    }
}

impl Recorder for Paths {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let changes = self.stacks.instruction(stamp, step).to_vec();
        self.note(&changes);
        *self.counts.entry(Self::of(&self.stacks)).or_default() += 1;
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        let changes = self.stacks.event(stamp, event).to_vec();
        self.note(&changes);
    }
}

fn paths_of(name: &str) -> Paths {
    let path = format!("{}/../../guest-images/prebuilt/{name}.elf", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let image = Arc::new(Image::read(&file).expect("an image"));
    let config = Config { name: name.to_owned(), ..Config::default() };
    let mut machine = Machine::new(image, config).expect("a machine");
    let stacks = CallStacks::new(&TracedSystem::of(&machine, false));
    let mut paths = Paths { stacks, depth: 0, counts: BTreeMap::new(), entries: BTreeMap::new() };
    loop {
        let limits = Limits { executed_units: Some(10_000_000), time_ns: None, slice_units: None };
        match machine.run(&limits, &mut paths) {
            Progress::Finished(_) => return paths,
            Progress::InputWanted => machine.give_whole_input(Vec::new()),
            _ => drop(machine.take_output()),
        }
    }
}

fn sum<'a>(counts: &'a BTreeMap<String, u64>, with: impl Fn(&str) -> bool + 'a) -> u64 {
    counts.iter().filter(|(path, _)| with(path)).map(|(_, count)| count).sum()
}

#[test]
fn threads_that_an_upcall_switches_keep_their_own_frames() {
    let paths = paths_of("switch_in_upcall");
    // No thread is ever seen on the frames of the other, of main, or of a handler that it did not interrupt.
    let interrupted = "thread pv_upcall_entry switch_threads switch_stack";
    for thread in ["first_thread", "second_thread"] {
        assert!(paths.counts[&format!("{thread} thread")] > 17_000);
        assert!(paths.counts[&format!("{thread} {interrupted}")] > 100);
    }
    let in_thread = |path: &str| path.contains("thread thread");
    let of_thread =
        |path: &str| path.starts_with("first_thread thread") || path.starts_with("second_thread thread");
    assert_eq!(sum(&paths.counts, in_thread), sum(&paths.counts, of_thread));
    // After the last switch main goes on where it called.
    assert!(paths.counts["_start pv_begin main pv_print_number"] > 0);
    assert_eq!(paths.entries["Interrupt pv_upcall_entry"], 20);
    assert_eq!(paths.entries["Start enter_thread"], 2);
    assert_eq!(paths.entries["Resumed thread"], 18);
    assert_eq!(sum(&paths.entries, |entry| entry.starts_with("Start")), 3);
}

#[test]
fn an_upcall_returns_to_what_it_interrupted() {
    let paths = paths_of("ticker");
    assert_eq!(paths.entries["Interrupt pv_upcall_entry"], 350);
    let waiting = "_start pv_begin main pv_block hypercall.block";
    assert_eq!(paths.counts[waiting], 3 * 350);
    assert_eq!(paths.counts[&format!("{waiting} pv_upcall_entry pv_dispatch_events on_tick")], 5 * 350);
    assert_eq!(sum(&paths.entries, |entry| entry.starts_with("Resumed")), 0);
}

#[test]
fn a_fault_is_handled_on_top_of_the_function_that_faulted() {
    let paths = paths_of("page_fault");
    assert_eq!(paths.counts["_start pv_begin main pv_trap_common on_page_fault pv_fault_address"], 6);
    assert_eq!(paths.entries["Interrupt pv_trap_entries"], 2);
}

/// Runs made-up instructions.
struct Rig {
    follower: Follower,
    eip: u32,
    esp: u32,
    changes: Vec<Change>,
}

const CALL: &[u8] = &[0xe8, 0, 0, 0, 0];
const RETURN: &[u8] = &[0xc3];
const JUMP: &[u8] = &[0xff, 0xe0];
const LOAD_STACK: &[u8] = &[0x89, 0xd4];
const NOTHING: &[u8] = &[0x90];

impl Rig {
    /// Functions a, b, c... of 256 bytes each, from 1000h.
    fn new() -> Self {
        let symbols = ('a'..='z').enumerate().map(|(place, name)| Symbol {
            address: Self::function(place),
            length_bytes: 0x100,
            kind: SymbolKind::Function,
            name: name.to_string(),
        });
        let follower = Follower::new(Functions::new(&Symbols::default().with(symbols)));
        Self { follower, eip: Self::function(0), esp: 0x8000, changes: Vec::new() }
    }

    fn function(place: usize) -> u32 {
        0x1000 + 0x100 * place as u32
    }

    fn entry(name: char) -> u32 {
        Self::function((name as u8 - b'a').into())
    }

    fn step(&mut self, bytes: &[u8], target: u32, esp: u32) {
        let mut registers_before = [0; 8];
        registers_before[ESP] = self.esp;
        let mut after = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        (after.eip, after.registers[ESP]) = (target, esp);
        self.follower.step(
            &Step {
                eip: self.eip,
                bytes,
                registers_before: &registers_before,
                eflags_before: 0,
                after: &after,
                accesses: &[],
            },
            &mut self.changes,
        );
        (self.eip, self.esp) = (target, esp);
    }

    /// Calls a function; says where its return address lies, and what it is.
    fn call(&mut self, name: char) -> (u32, u32) {
        let back = self.eip + 5;
        self.step(CALL, Self::entry(name), self.esp - 4);
        (self.esp, back)
    }

    fn return_to(&mut self, address: u32) {
        self.step(RETURN, address, self.esp + 4);
    }

    fn jump(&mut self, address: u32) {
        self.step(JUMP, address, self.esp);
    }

    fn load_stack(&mut self, esp: u32) {
        self.step(LOAD_STACK, self.eip + 2, esp);
    }

    /// The open functions when the next instruction runs.
    fn path(&mut self) -> String {
        self.step(NOTHING, self.eip + 1, self.esp);
        let names =
            self.follower.stack.iter().map(|frame| self.follower.functions.get(frame.function).name.as_str());
        names.collect()
    }
}

#[test]
fn calls_returns_and_tail_jumps_are_followed() {
    let mut rig = Rig::new();
    let (_, back) = rig.call('b');
    assert_eq!(rig.path(), "ab");
    rig.jump(Rig::entry('c'));
    assert_eq!(rig.path(), "ac");
    rig.return_to(back);
    assert_eq!(rig.path(), "a");
    assert_eq!(
        rig.changes[1..],
        [
            Change::Entered { function: FunctionId(1), entry: Entry::Call, from: 0x1000 },
            Change::Left { frames: 1 },
            Change::Entered { function: FunctionId(2), entry: Entry::Jump, from: 0x1000 },
            Change::Left { frames: 1 },
        ]
    );
}

#[test]
fn a_long_jump_leaves_all_that_it_jumps_over() {
    let mut rig = Rig::new();
    rig.call('b');
    let (esp, eip) = (rig.esp - 16, rig.eip + 0x20);
    rig.esp = esp;
    for name in ['c', 'd', 'e'] {
        rig.call(name);
    }
    assert_eq!(rig.path(), "abcde");
    rig.load_stack(esp);
    assert_eq!(rig.path(), "abcde");
    rig.jump(eip);
    assert_eq!(rig.path(), "ab");
}

#[test]
fn a_return_past_frames_leaves_them() {
    let mut rig = Rig::new();
    let (slot, back) = rig.call('b');
    rig.call('c');
    rig.call('d');
    // The frame pointer takes down all frames at once.
    rig.step(&[0x89, 0xec], rig.eip + 2, slot);
    rig.return_to(back);
    assert_eq!(rig.path(), "a");
}

#[test]
fn threads_that_call_a_switch_are_told_apart() {
    let mut rig = Rig::new();
    let (first_slot, first_back) = rig.call('s');
    // A new thread, whose stack was made by hand, above and then below that of the first.
    for (stack, name) in [(0xa000, 'f'), (0x4000, 'g')] {
        rig.load_stack(stack);
        rig.return_to(Rig::entry(name));
        assert_eq!(rig.path(), name.to_string());
        rig.call('h');
        let (slot, back) = rig.call('s');
        assert_eq!(rig.path(), format!("{name}hs"));
        rig.load_stack(first_slot);
        rig.return_to(first_back);
        assert_eq!(rig.path(), "a");
        // To the thread again, and back for good.
        rig.eip = first_back - 5;
        rig.follower.expected = Some(rig.eip);
        assert_eq!(rig.call('s'), (first_slot, first_back));
        rig.load_stack(slot);
        rig.return_to(back);
        assert_eq!(rig.path(), format!("{name}h"));
        rig.call('s');
        rig.load_stack(first_slot);
        rig.return_to(first_back);
        rig.eip = first_back - 5;
        rig.follower.expected = Some(rig.eip);
        rig.call('s');
    }
}

#[test]
fn a_handler_on_a_stack_of_its_own_stays_on_top_of_what_it_interrupted() {
    let mut rig = Rig::new();
    rig.call('b');
    let (interrupted, esp) = (rig.eip, rig.esp);
    rig.follower.interrupt(interrupted, Rig::entry('i'), 0, &mut rig.changes);
    (rig.eip, rig.esp) = (Rig::entry('i'), esp - 12);
    assert_eq!(rig.path(), "abi");
    rig.load_stack(0x2_0000);
    let (_, back) = rig.call('j');
    assert_eq!(rig.path(), "abij");
    rig.return_to(back);
    rig.load_stack(esp - 12);
    rig.step(&[0xcf], interrupted, esp);
    assert_eq!(rig.path(), "ab");
}

#[test]
fn an_interrupt_on_top_of_a_fault_returns_through_both() {
    let mut rig = Rig::new();
    let (interrupted, esp) = (rig.eip, rig.esp);
    rig.path();
    let interrupted = interrupted + 1;
    rig.follower.interrupt(interrupted, Rig::entry('t'), 4, &mut rig.changes);
    rig.follower.interrupt(Rig::entry('t'), Rig::entry('u'), 0, &mut rig.changes);
    (rig.eip, rig.esp) = (Rig::entry('u'), esp - 28);
    assert_eq!(rig.path(), "atu");
    rig.step(&[0xcd, 0x82], Rig::entry('t'), esp - 16);
    assert_eq!(rig.path(), "at");
    rig.step(&[0x83, 0xc4, 4], rig.eip + 3, esp - 12);
    rig.step(&[0xcf], interrupted, esp);
    assert_eq!(rig.path(), "a");
}

#[test]
fn recursion_is_followed_up_to_a_bound_and_back() {
    let mut rig = Rig::new();
    rig.esp = 0x10_0000;
    let calls: Vec<_> = (0..2 * DEPTH_MOST).map(|_| rig.call('b')).collect();
    assert_eq!(rig.path().len(), DEPTH_MOST);
    for (slot, back) in calls.into_iter().rev() {
        assert_eq!(rig.esp, slot);
        rig.return_to(back);
        assert!(rig.follower.stack.len() <= DEPTH_MOST);
    }
    assert_eq!(rig.path(), "a");
}

#[test]
fn where_instructions_are_missing_nothing_is_guessed() {
    let mut rig = Rig::new();
    rig.call('b');
    rig.call('c');
    assert_eq!(rig.path(), "abc");
    rig.eip = Rig::entry('k') + 8;
    assert_eq!(rig.path(), "k");
    let entered = rig.changes[rig.changes.len() - 2..].to_vec();
    assert_eq!(entered[0], Change::Left { frames: 3 });
    assert!(matches!(entered[1], Change::Entered { entry: Entry::Start, .. }));
}

/// Tells that something was left out before the next instruction.
fn elided(rig: Rig, omission: Omission) -> Rig {
    let Rig { follower, eip, esp, mut changes } = rig;
    let mut stacks = CallStacks { partitions: vec![follower], changes: Vec::new() };
    let elision = Elision { since: 1, instructions: 7, events: 0, omission };
    changes.extend_from_slice(stacks.elided(Stamp::default(), &elision));
    Rig { follower: stacks.partitions.remove(0), eip, esp, changes }
}

#[test]
fn a_repeat_without_its_iterations_runs_in_the_function_that_holds_it() {
    let mut rig = Rig::new();
    rig.call('b');
    let mut registers = [0; 8];
    registers[ESP] = rig.esp;
    let mut rig = elided(
        Rig { eip: rig.eip + 2, ..rig },
        Omission::Repeat(Box::new(Repeat {
            eip: Rig::entry('b'),
            bytes: vec![0xf3, 0xa4],
            read: None,
            written: None,
            registers_before: registers,
            registers_after: registers,
            eflags_before: 0,
            eflags_after: 0,
        })),
    );
    assert_eq!(rig.follower.stack.len(), 2, "the call comes before the repeat");
    assert_eq!(rig.path(), "ab");
}

#[test]
fn a_loop_without_its_turns_ends_in_a_function_that_was_open() {
    for (name, expected) in [('b', "ab"), ('a', "a"), ('k', "k")] {
        let mut rig = Rig::new();
        rig.call('b');
        rig.call('c');
        rig.path();
        let mut rig = elided(rig, Omission::Loop { head: Rig::entry('b'), turns: 3 });
        rig.eip = Rig::entry(name) + 0x40;
        assert_eq!(rig.path(), expected);
    }
}

#[test]
fn a_partition_that_starts_again_has_no_frames() {
    let mut rig = Rig::new();
    rig.call('b');
    rig.path();
    rig.follower.restart(&mut rig.changes);
    assert_eq!(rig.changes.last(), Some(&Change::Left { frames: 2 }));
    (rig.eip, rig.esp) = (Rig::entry('a'), 0x8000);
    assert_eq!(rig.path(), "a");
}

/// Whatever a guest does: the changes make the frames, and what is kept is bounded.
#[test]
fn random_control_flow_keeps_the_frames_consistent() {
    let seed = std::env::var("PARAVANE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    println!("PARAVANE_SEED={seed}");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let mut rig = Rig::new();
    let mut depth = 0_usize;
    for _ in 0..50_000 {
        let target = 0x1000 + random(0x1c00);
        let esp = rig.esp.wrapping_add(4 * random(64)).wrapping_sub(4 * random(64));
        match random(8) {
            0 => rig.step(CALL, target, rig.esp.wrapping_sub(4)),
            1 => rig.step(RETURN, target, rig.esp.wrapping_add(4)),
            2 => rig.jump(target),
            3 => rig.load_stack(random(u32::MAX)),
            4 => rig.follower.interrupt(rig.eip, target, 4 * random(2), &mut rig.changes),
            5 => rig.eip = target,
            _ => rig.step(NOTHING, rig.eip.wrapping_add(1), esp),
        }
        for change in rig.changes.drain(..) {
            match change {
                Change::Left { frames } => depth -= frames,
                Change::Entered { .. } => depth += 1,
            }
        }
        assert_eq!(depth, rig.follower.stack.len());
        assert!(depth <= DEPTH_MOST && rig.follower.suspended.len() <= STACKS_MOST);
    }
    assert!(!rig.follower.suspended.is_empty());
}
