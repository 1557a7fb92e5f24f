//! The digest ladder: a digest of what a partition did up to an instruction, for some instructions of its run. It says
//! between which two of them two runs part.
//!
//! Rungs stand close at first, and further apart the longer the run gets, so that a ladder of a short run tells the place
//! nearly to the instruction and one of a long run stays short.

use crate::tolerance::Masks;
use emulator::{AccessKind, StateDigest, Step};
use hypervisor_core::Stamp;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Rungs are never further apart, in instructions.
pub const WIDEST_UNITS: u64 = 65_536;
/// Rungs are so far apart at first.
const NARROWEST_UNITS: u64 = 64;
/// With so many rungs every other one is dropped, until they are as far apart as they may be.
const RUNGS_MOST: usize = 64;
/// So much waits for the digest at most, beside one record.
const WAITING_BYTES: usize = 16 << 10;
/// Number and time of an instruction, in bytes.
const INSTANT_BYTES: usize = 16;
/// General registers, EIP and EFLAGS, in bytes.
const STATE_BYTES: usize = 40;

const HEADER: &str =
    "paravane-ladder 2: PARTITION INSTRUCTION DIGEST, of all that the partition did before that instruction";

/// The digest of what a partition did up to an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// The partition's number.
    pub partition: u16,
    /// Up to which instruction; those that are left out do not count.
    pub at: u64,
    /// The number of that instruction in this run.
    pub instruction: u64,
    /// When it came, in units of virtual time.
    pub unit: u64,
    /// The digest, shortened to what a line needs.
    pub digest: u64,
}

/// Where a partition leaves the accepted path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The partition's number.
    pub partition: u16,
    /// The first instruction that can be the one.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// When the first one came.
    pub unit: u64,
}

/// Collects the rungs of a run.
#[derive(Debug)]
pub struct Ladder {
    partitions: Vec<Side>,
    has_instants: bool,
    /// Virtual time at the first record.
    start_ns: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Side {
    partition: u16,
    digest: StateDigest,
    /// What the digest does not have yet: it takes much at once faster than little often.
    waiting: Vec<u8>,
    rungs: Vec<Rung>,
    distance: u64,
    next: u64,
    left_out: u64,
    /// The last instruction that counts.
    last: Option<Reached>,
}

/// An instruction. Not its whole stamp: that is just being written, and reading it as a whole would have to wait.
#[derive(Clone, Copy, Debug)]
struct Reached {
    position: u64,
    instruction: u64,
    unit: u64,
}

impl Ladder {
    /// The ladder of a run of so many partitions. Without instants only what was done counts, not when.
    #[must_use]
    pub fn new(partitions: usize, has_instants: bool) -> Self {
        let side = |partition: usize| Side {
            partition: partition as u16,
            distance: NARROWEST_UNITS,
            next: NARROWEST_UNITS,
            ..Side::default()
        };
        Self { partitions: (0..partitions).map(side).collect(), has_instants, start_ns: None }
    }

    /// An instruction that is not compared.
    pub fn leave_out(&mut self, stamp: Stamp) {
        self.partitions[stamp.partition.index()].left_out += 1;
    }

    /// An instruction, and what of the state after it is not compared.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>, masks: Masks) {
        let instant = self.instant(stamp);
        let side = &mut self.partitions[stamp.partition.index()];
        side.reach(stamp);
        if self.has_instants {
            side.waiting.extend_from_slice(&instant);
        }
        side.number(u64::from(step.eip) | (step.bytes.len() as u64) << 32);
        side.waiting.extend_from_slice(step.bytes);
        side.waiting.extend_from_slice(&state_after(step, masks));
        for access in step.accesses {
            let kind = match access.kind {
                AccessKind::Read => 1,
                AccessKind::Write => 2,
            };
            side.number(u64::from(access.address) | u64::from(access.length_bytes) << 32 | kind << 40);
            side.number(access.value);
        }
        side.settle_much();
    }

    /// Something happened that is no instruction.
    pub fn event(&mut self, stamp: Stamp) {
        if self.has_instants {
            let instant = self.instant(stamp);
            let side = &mut self.partitions[stamp.partition.index()];
            side.waiting.extend_from_slice(&instant);
            side.settle_much();
        }
    }

    /// All rungs, by partition; the run is over.
    #[must_use]
    pub fn finish(self) -> Vec<Rung> {
        self.partitions.into_iter().flat_map(Side::finish).collect()
    }

    /// When a record comes, counted from the first one that is compared.
    fn instant(&mut self, stamp: Stamp) -> [u8; INSTANT_BYTES] {
        let start_ns = *self.start_ns.get_or_insert(stamp.now_ns);
        let left_out = self.partitions[stamp.partition.index()].left_out;
        let number = stamp.instruction.saturating_sub(left_out);
        (u128::from(number) | u128::from(stamp.now_ns.saturating_sub(start_ns)) << 64).to_le_bytes()
    }
}

fn state_after(step: &Step<'_>, masks: Masks) -> [u8; STATE_BYTES] {
    let mut state = [0; STATE_BYTES];
    let after = step.after;
    let rest = [after.eip, after.eflags & !masks.flags];
    for (place, register) in after.registers.iter().chain(&rest).enumerate() {
        let kept = if u32::from(masks.registers) >> place & 1 != 0 { 0 } else { *register };
        state[4 * place..4 * place + 4].copy_from_slice(&kept.to_le_bytes());
    }
    state
}

impl Side {
    fn reach(&mut self, stamp: Stamp) {
        let position = stamp.instruction.saturating_sub(self.left_out);
        let reached = Reached { position, instruction: stamp.instruction, unit: stamp.unit };
        self.last = Some(reached);
        if position < self.next {
            return;
        }
        let at = position / self.distance * self.distance;
        self.push(at, reached);
        if self.rungs.len() >= RUNGS_MOST && self.distance < WIDEST_UNITS {
            self.distance *= 2;
            self.rungs.retain(|rung| rung.at.is_multiple_of(self.distance));
        }
        self.next = (at / self.distance + 1) * self.distance;
    }

    fn number(&mut self, number: u64) {
        self.waiting.extend_from_slice(&number.to_le_bytes());
    }

    fn settle_much(&mut self) {
        if self.waiting.len() >= WAITING_BYTES {
            self.settle();
        }
    }

    /// Brings the digest up to date.
    fn settle(&mut self) {
        self.digest.bytes(&self.waiting);
        self.waiting.clear();
    }

    fn push(&mut self, at: u64, Reached { instruction, unit, .. }: Reached) {
        self.settle();
        let digest = self.digest.value() as u64;
        self.rungs.push(Rung { partition: self.partition, at, instruction, unit, digest });
    }

    fn finish(mut self) -> Vec<Rung> {
        if let Some(last) = self.last {
            self.push(last.position + 1, Reached { instruction: last.instruction + 1, ..last });
        }
        self.rungs
    }
}

/// The text of a ladder: a line `NAME AT DIGEST` for each rung, after what is left out of it.
pub fn text(rungs: &[Rung], names: &[String], left_out: &[String]) -> String {
    let mut text = format!("{HEADER}\n");
    for what in left_out {
        let _ = writeln!(text, "# {what}");
    }
    for Rung { partition, at, digest, .. } in rungs {
        let name = names.get(usize::from(*partition)).map_or("", String::as_str);
        let _ = writeln!(text, "{name} {at} {digest:016x}");
    }
    text
}

/// Whether a text is a ladder that this version reads.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), String> {
    let kind = HEADER.split_once(':').map_or(HEADER, |(kind, _)| kind);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    if header.split_once(':').is_none_or(|(found, _)| found != kind) {
        return Err(if header.starts_with("paravane-ladder ") && header.contains(':') {
            "another version of Paravane wrote it: accept the case anew".to_owned()
        } else {
            "this is no ladder, or its first line is missing: restore it, or accept the case anew".to_owned()
        });
    }
    let is_rung = |line: &str| {
        let mut words = line.rsplitn(3, ' ');
        let is_digest = words.next().is_some_and(|digest| digest.len() == 16 && is_hexadecimal(digest));
        is_digest && words.next().is_some_and(|at| at.parse::<u64>().is_ok()) && words.next().is_some()
    };
    let bad = lines.position(|line| !line.starts_with("# ") && !is_rung(line));
    match bad {
        // A last line without its end may be the beginning of one.
        Some(place) if place + 2 < text.lines().count() || text.ends_with('\n') => {
            Err(format!("line {} is no line of a ladder: restore it, or accept the case anew", place + 2))
        }
        Some(_) => Err("its last line is cut off: restore it, or accept the case anew".to_owned()),
        None => Ok(()),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where each partition leaves the path of `expected`; nothing of those that do not.
pub fn parting(expected: &str, rungs: &[Rung], names: &[String]) -> Vec<Stretch> {
    let mut known: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
    for line in expected.lines().skip(1).filter(|line| !line.starts_with('#')) {
        let mut words = line.rsplitn(3, ' ');
        if let (Some(digest), Some(Ok(at)), Some(name)) =
            (words.next(), words.next().map(str::parse), words.next())
        {
            known.entry(name).or_default().insert(at, digest);
        }
    }
    let none = BTreeMap::new();
    let of = |(place, name): (usize, &String)| {
        let own: Vec<&Rung> = rungs.iter().filter(|rung| usize::from(rung.partition) == place).collect();
        parting_of(known.get(name.as_str()).unwrap_or(&none), &own)
    };
    names.iter().enumerate().filter_map(of).collect()
}

fn parting_of(expected: &BTreeMap<u64, &str>, rungs: &[&Rung]) -> Option<Stretch> {
    let is_known = |rung: &&&Rung| expected.contains_key(&rung.at);
    let agrees = |rung: &Rung| {
        expected.get(&rung.at).is_some_and(|digest| **digest == format!("{:016x}", rung.digest))
    };
    let differs = rungs.iter().filter(is_known).find(|rung| !agrees(rung)).copied();
    let before = |rung: &&&Rung| differs.is_none_or(|differs| rung.at < differs.at);
    let agreed = rungs.iter().filter(is_known).rfind(before).copied();
    let end = |at: Option<u64>| at.unwrap_or(0);
    let ends = [end(expected.last_key_value().map(|(at, _)| *at)), end(rungs.last().map(|rung| rung.at))];
    let last = match differs {
        Some(differs) => differs,
        None if ends[0] == ends[1] => return None,
        // One of the two runs has ended before the other.
        None => {
            rungs.iter().copied().find(|rung| rung.at > ends[0].min(ends[1])).or(rungs.last().copied())?
        }
    };
    let first = agreed.map_or(0, |rung| rung.instruction);
    Some(Stretch {
        partition: last.partition,
        first,
        last: last.instruction.saturating_sub(1).max(first),
        unit: agreed.map_or(0, |rung| rung.unit),
    })
}

#[cfg(test)]
mod tests {
    use super::{Ladder, NARROWEST_UNITS, RUNGS_MOST, Rung, WIDEST_UNITS, parting, text};
    use hypervisor_core::{PartitionId, Stamp};

    use crate::tolerance::Masks;
    use emulator::cpu::Tls;
    use emulator::{Cpu, DescriptorTable, Step};

    /// A partition that executes so many instructions, of which one, if any, is another one.
    fn ladder(instructions: u64, other: Option<u64>) -> Vec<Rung> {
        let mut ladder = Ladder::new(1, true);
        let cpu = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        for instruction in 0..instructions {
            let bytes = if other == Some(instruction) { &[0x91] } else { &[0x90] };
            let step = Step {
                eip: 0,
                bytes,
                registers_before: &[0; 8],
                eflags_before: 2,
                after: &cpu,
                accesses: &[],
            };
            let stamp = Stamp { partition: PartitionId(0), instruction, ..Stamp::default() };
            ladder.instruction(stamp, &step, Masks::default());
        }
        ladder.finish()
    }

    fn parts(expected: (u64, Option<u64>), actual: (u64, Option<u64>)) -> Option<(u64, u64)> {
        let names = ["a".to_owned()];
        let expected = text(&ladder(expected.0, expected.1), &names, &["a remark".to_owned()]);
        let found = parting(&expected, &ladder(actual.0, actual.1), &names);
        found.first().map(|stretch| (stretch.first, stretch.last))
    }

    #[test]
    fn a_ladder_stays_short_and_is_close_in_a_short_run() {
        let short = ladder(1000, None);
        assert_eq!(short[0].at, NARROWEST_UNITS);
        assert_eq!(short.last().map(|rung| rung.at), Some(1000));
        let long = ladder(WIDEST_UNITS * 3, None);
        assert!(long.len() <= RUNGS_MOST + 1 && long.len() > RUNGS_MOST / 4, "{}", long.len());
    }

    #[test]
    fn the_stretch_holds_the_first_instruction_that_differs() {
        for other in [0, 1, 63, 64, 65, 500, 999] {
            let (first, last) = parts((1000, None), (1000, Some(other))).unwrap();
            assert!(
                (first..=last).contains(&other) && last - first < NARROWEST_UNITS,
                "{other}: {first} {last}"
            );
        }
        assert_eq!(parts((1000, None), (1000, None)), None);
    }

    #[test]
    fn runs_of_different_lengths_part_where_the_shorter_one_ends() {
        for (expected, actual) in
            [(1000, 1001), (1001, 1000), (1000, 100_000), (100_000, 1000), (0, 5), (64, 128)]
        {
            let (first, last) = parts((expected, None), (actual, None)).unwrap();
            let end: u64 = expected.min(actual);
            assert!(first <= end && last + 1 >= end, "{expected} {actual}: {first} {last}");
        }
        let (first, last) = parts((100_000, None), (1000, Some(700))).unwrap();
        assert!(first <= 700 && 700 <= last, "{first} {last}");
    }
}
