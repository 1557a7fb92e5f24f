//! The campaign in a system: a partition with lines, channels, message ports, a shared area and rights makes every call with every
//! hostile kind of argument in every place. Neighbours that it is not connected with do not notice, and no ledger loses an event.

use super::{BASE, DATA, HYPERCALL_PAGE, NOT_MAPPED, Random, SEED, START_INFO, arguments, is_promised};
use crate::abi::{ArgumentKind, CALLS, Call, CallDescription, CallError, show_call};
use crate::config::{
    Discipline, EventChannel, Flush, Injection, Line, MessageChannel, MessageKind, PartitionConfig,
    PartitionRights, SharedArea, SystemConfig,
};
use crate::schedule::{Plan, Window};
use crate::shared_areas::SHARED_BASE;
use crate::test_images::{Code, Register};
use crate::{Event, Limits, Machine, PartitionId, Progress, Recorder, Stamp};
use emulator::StateDigest;

const BEFORE: PartitionId = PartitionId(0);
const MIDDLE: PartitionId = PartitionId(1);
const AFTER: PartitionId = PartitionId(2);
/// The other end of everything that the partition in the middle is connected with.
const PEER: PartitionId = PartitionId(3);
const WINDOW_UNITS: u64 = 600;
const FRAME_UNITS: u64 = 2_500;
const FRAMES: u64 = 3;
/// Calls that one system makes.
const BATCH: usize = 6;
const NAME: u32 = BASE + 0x3000;
const HANDLER: u32 = BASE + 0x3100;
const SHARED: u32 = 0xf000_2000;
/// Null, unaligned, just past the end, across it, another partition's, the core's, huge, negative, and what wraps.
const HOSTILE: [u32; 14] = [
    0,
    1,
    DATA + 1,
    DATA + 2,
    NOT_MAPPED,
    NOT_MAPPED - 2,
    NOT_MAPPED + 0x1_0000,
    START_INFO,
    HYPERCALL_PAGE,
    SHARED_BASE + 0xffe,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    u32::MAX,
];

/// Number, registers and result of a call that was made.
type Made = (u32, [u32; 5], Option<u32>);
/// A call and its registers.
type Case = (&'static CallDescription, [u32; 5]);

/// Counts its ticks, reads the time, and waits again.
fn neighbour() -> Code {
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[HANDLER])
        .call(Call::EventBindInterrupt, &[0, 5, DATA + 16])
        .call(Call::TimerSetPeriodic, &[3_330, 0, 0]);
    let again = code.here();
    code.call(Call::Block, &[])
        .call(Call::TimeNow, &[DATA + 8])
        .jump(again)
        .at(HANDLER - BASE)
        .increment(DATA)
        .store(SHARED + 4, 0)
        .store(SHARED + 8, 0)
        .store(SHARED + 0x400, 0)
        .iret()
}

/// The calls of the partition in the middle before those of the cases.
const PREPARATIONS: [(Call, [u32; 5]); 9] = [
    (Call::EventBindSelf, [1, DATA, 0, 0, 0]),
    (Call::EventBindInterrupt, [1, 2, DATA, 0, 0]),
    (Call::EventBindInterrupt, [0, 3, DATA, 0, 0]),
    (Call::EventBindLine, [9, 4, DATA, 0, 0]),
    (Call::EventBindChannel, [NAME, 4, 5, DATA, 0]),
    (Call::EventBindChannel, [NAME + 4, 4, 6, DATA, 0]),
    (Call::MessagePortOpen, [NAME + 8, 4, 0, 0, 0]),
    (Call::MessagePortOpen, [NAME + 12, 4, 0, 0, 0]),
    (Call::MessagePortOpen, [NAME + 16, 4, 1, 0, 0]),
];

fn campaigner(cases: &[Case]) -> Code {
    let mut code = Code::default();
    for (call, arguments) in PREPARATIONS {
        code = code.call(call, &arguments);
    }
    let stack = BASE + 0x8000 - 16;
    for (description, registers) in cases {
        let names = [Register::Ebx, Register::Ecx, Register::Edx, Register::Esi, Register::Edi];
        for (register, value) in names.into_iter().zip(registers) {
            code = code.set(register, *value);
        }
        code = code.set(Register::Esp, stack).set(Register::Eax, description.number).raw(&[0xcd, 0x82]);
    }
    code.call(Call::Halt, &[]).at(NAME - BASE).raw(b"ringbellsampfifourge")
}

fn message(name: &str, kind: MessageKind, from: PartitionId, to: PartitionId) -> MessageChannel {
    let name = name.to_owned();
    MessageChannel { name, kind, message_bytes: 16, from, to: vec![to], flush: Flush::Immediate }
}

fn system(middle: &Code, rights: PartitionRights) -> SystemConfig {
    let partition = |name: &str, code: &Code, memory_bytes: u64| PartitionConfig {
        memory_bytes,
        console_input: false,
        ..PartitionConfig::new(name, code.image())
    };
    let campaigner = PartitionConfig {
        console_input: true,
        rights,
        io_ports: vec![0x60..=0x6f],
        ..partition("middle", middle, (NOT_MAPPED - BASE).into())
    };
    let window = |partition, place: u64, length| Window { partition, start: place * WINDOW_UNITS, length };
    let windows = vec![
        window(BEFORE, 0, WINDOW_UNITS),
        window(MIDDLE, 1, WINDOW_UNITS),
        window(AFTER, 2, WINDOW_UNITS),
        window(PEER, 3, WINDOW_UNITS / 2),
    ];
    let ring =
        |name: &str, from, to| EventChannel { name: name.to_owned(), from, to, flush: Flush::Immediate };
    let queue = |discipline| MessageKind::Queuing { depth: 2, discipline };
    let injection = |line| Injection { line, at_ns: 777, every_ns: 3_770, count: 50 };
    SystemConfig {
        // Neighbours have memory where the one in the middle has none.
        partitions: vec![
            partition("before", &neighbour(), 1 << 18),
            campaigner,
            partition("after", &neighbour(), 1 << 18),
            partition("peer", &neighbour(), 1 << 18),
        ],
        plans: vec![Plan { name: "plan".to_owned(), frame: FRAME_UNITS, windows, actions: Vec::new() }],
        event_channels: vec![ring("ring", MIDDLE, PEER), ring("bell", PEER, MIDDLE)],
        message_channels: vec![
            message("samp", MessageKind::Sampling { refresh_ns: 50_000 }, MIDDLE, PEER),
            message("fifo", queue(Discipline::Fifo), MIDDLE, PEER),
            message("urge", queue(Discipline::Priority), PEER, MIDDLE),
        ],
        shared_areas: vec![SharedArea {
            name: "area".to_owned(),
            bytes: 4096,
            members: vec![(MIDDLE, true), (PEER, false)],
        }],
        lines: vec![Line { number: 9, name: "line".to_owned(), owner: Some(MIDDLE) }],
        injections: vec![injection(9)],
        ..SystemConfig::default()
    }
}

/// What the neighbours did, and the calls of the one in the middle with their results.
#[derive(Default)]
struct Observed {
    neighbours: StateDigest,
    calls: Vec<Made>,
}

impl Observed {
    fn note(&mut self, stamp: Stamp) -> bool {
        let is_neighbour = stamp.partition == BEFORE || stamp.partition == AFTER;
        if is_neighbour {
            self.neighbours.number(u64::from(stamp.partition.0));
            self.neighbours.number(stamp.instruction);
            self.neighbours.number(stamp.now_ns);
        }
        is_neighbour
    }
}

impl Recorder for Observed {
    fn instruction(&mut self, stamp: Stamp, step: &emulator::Step<'_>) {
        if self.note(stamp) {
            self.neighbours.number(step.eip.into());
            self.neighbours.cpu(step.after);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if self.note(stamp) {
            self.neighbours.bytes(format!("{event:?}").as_bytes());
        }
        if let (MIDDLE, Event::Call { number, arguments, result, .. }) = (stamp.partition, event) {
            self.calls.push((*number, *arguments, *result));
        }
    }
}

/// Runs the cases; returns a digest of the neighbours, what they did and what is left of them, and the calls.
fn run(cases: &[Case], rights: PartitionRights) -> (u128, Vec<Made>) {
    let mut machine = Machine::of_system(system(&campaigner(cases), rights)).unwrap();
    machine.give_whole_input(b"input".to_vec());
    let mut observed = Observed::default();
    let rate = machine.clock().rate();
    let limits = Limits { time_ns: Some(rate.nanoseconds(FRAMES * FRAME_UNITS)), ..Limits::default() };
    // Each return to the caller shows a line or a chunk of output, or takes input: there are few.
    let ended = (0..10_000).any(|_| matches!(machine.run(&limits, &mut observed), Progress::Finished(_)));
    assert!(ended, "the system does not come to its end");
    for (place, partition) in machine.partitions().iter().enumerate() {
        let ledger = partition.ledger().unwrap();
        assert!(ledger.balances(), "partition {place}: {ledger:?}");
    }
    for id in [BEFORE, AFTER] {
        machine.partition(id).digest(&mut observed.neighbours);
    }
    (observed.neighbours.value(), observed.calls)
}

fn is_tried(description: &CallDescription, registers: [u32; 5]) -> bool {
    // The guest would start again and make the same calls.
    description.call != Call::PartitionSetMode || !(1..3).contains(&registers[0])
}

/// Gives most arguments a value that is likely to do something, so that a call comes to its hostile one.
fn make_fit(description: &CallDescription, registers: &mut [u32; 5], random: &mut Random) {
    let mut place = 0;
    for argument in description.arguments {
        let small = (random.next() % 4) as u32;
        let (first, second) = match argument.kind {
            ArgumentKind::Integer | ArgumentKind::Hexadecimal => (small, None),
            ArgumentKind::BytesFromGuest => (NAME + 4 * small, Some(4)),
            ArgumentKind::BytesToGuest | ArgumentKind::ArrayFromGuest(_) => (DATA, Some(16)),
            ArgumentKind::StructToGuest(_) | ArgumentKind::IntegerToGuest(_) => (DATA + 64, None),
            ArgumentKind::Pages => (BASE + 0x6000, Some(0x1000)),
            ArgumentKind::PageAddress => (BASE + 0x7000, None),
            ArgumentKind::Code => (HANDLER, None),
            ArgumentKind::Enumeration(_)
            | ArgumentKind::Port
            | ArgumentKind::Level
            | ArgumentKind::Integer64 => (registers[place], None),
        };
        if !random.next().is_multiple_of(4) {
            registers[place] = first;
            if let Some(second) = second {
                registers[place + 1] = second;
            }
        }
        place += argument.kind.registers();
    }
}

/// Each hostile value in each place twice, the others now fitting and now not.
fn cases_of(description: &'static CallDescription, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    let places: usize = description.arguments.iter().map(|argument| argument.kind.registers()).sum();
    for place in 0..places {
        for hostile in HOSTILE.into_iter().chain(HOSTILE) {
            let mut registers = arguments(description, random);
            make_fit(description, &mut registers, random);
            registers[place] = hostile;
            if is_tried(description, registers) {
                cases.push((description, registers));
            }
        }
    }
    if cases.is_empty() {
        cases.push((description, [u32::MAX; 5]));
    }
    cases
}

/// Tries every case; one whose call does not return ends its system, and the next one goes on after it. Returns how many calls
/// were tried, and in how many systems a neighbour noticed.
fn campaign(rights: PartitionRights) -> (usize, usize) {
    let (expected, prepared) = run(&[], rights);
    assert_eq!(prepared.len(), PREPARATIONS.len() + 1, "{prepared:x?}");
    let succeeds = |result: &Option<u32>| result.is_none_or(|value| value <= i32::MAX.cast_unsigned());
    assert!(prepared.iter().all(|(_, _, result)| succeeds(result)), "{prepared:x?}");
    let mut random = Random(SEED);
    let (mut tried, mut reached) = (0, 0);
    for description in CALLS {
        let cases = cases_of(description, &mut random);
        let mut left = &cases[..];
        while !left.is_empty() {
            let batch = &left[..left.len().min(BATCH)];
            let (neighbours, calls) = run(batch, rights);
            let names: Vec<String> = batch
                .iter()
                .map(|(call, registers)| {
                    show_call(call.number, *registers, |address| format!("{address:x}h"))
                })
                .collect();
            assert!(
                neighbours == expected || rights.control,
                "seed {SEED:x}: one of {names:?} reaches a neighbour"
            );
            reached += usize::from(neighbours != expected);
            let made = &calls[calls.len().min(PREPARATIONS.len())..];
            let returned = made.iter().zip(batch).take_while(|(call, (description, registers))| {
                (call.0, call.1) == (description.number, *registers) && call.2.is_some()
            });
            let mut count = 0;
            for ((call, name), (description, _)) in
                returned.zip(&names).map(|((call, case), name)| ((call, name), case))
            {
                let value = call.2.unwrap();
                let documented = match CallError::from_code(value) {
                    Some(error) => description.errors.contains(&error),
                    None => is_promised(description.result, value),
                };
                assert!(documented, "seed {SEED:x}: {name} returned {value:x}h");
                count += 1;
            }
            let done = (count + 1).min(batch.len());
            tried += done;
            left = &left[done..];
        }
    }
    (tried, reached)
}

#[test]
fn no_call_with_hostile_arguments_reaches_a_neighbour() {
    let rights = PartitionRights { status: true, plans: true, health_log: true, control: false };
    let (tried, reached) = campaign(rights);
    assert!(tried > 3_000 && reached == 0, "{tried} calls, {reached} systems, seed {SEED:x}");
}

#[test]
fn the_right_to_control_others_reaches_them_and_loses_nothing() {
    let rights = PartitionRights { status: true, plans: true, health_log: true, control: true };
    let (tried, reached) = campaign(rights);
    assert!(tried > 1_000 && reached > 0, "{tried} calls, {reached} systems");
}
