//! Where a run parts from the accepted one, instruction by instruction, when both can be run.

use crate::before::has_other_images;
use crate::case::Case;
use crate::execute::{SLICE_UNITS, discard_output, drive, start};
use crate::tolerance::Tolerance;
use crate::tolerate::{Order, Tolerate};
use crate::traced_part::Part;
use crate::writers::{Sought, writers};
use emulator::Step;
use hypervisor_core::{Event, Machine, Partition, PartitionId, Recorder, Stamp, Unrecorded};
use trace::TracedSystem;
use trace::diff::{By, Collector, Comparison, Ending, Ignored, Line, Mark, Rules, Settings, View, Wanted};
use trace::filter::Kinds;

/// So many records before and after the first difference are shown.
const CONTEXT: usize = 8;
/// So many records of a partition may wait for the other run.
const WAITING_MOST: usize = 1 << 20;

/// The first difference of two runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parting {
    /// The partition's name.
    pub partition: String,
    /// Whether it is one of several.
    pub is_system: bool,
    /// The number of the instruction in the accepted run; None if that had ended.
    pub accepted: Option<u64>,
    /// And in this one.
    pub now: Option<u64>,
    /// Whether instructions were matched by function, as code may have moved.
    pub by_symbol: bool,
    /// The difference with what is around it.
    pub lines: Vec<Line>,
    /// What differs, and the line of the trace that wrote it last before.
    pub writers: Vec<(String, Option<String>)>,
}

/// The first difference of what two cases do; None if there is none that is compared. Both do the same up to each
/// instruction of `alike`, which has the numbers of partitions and instructions.
///
/// # Errors
/// A case cannot be run.
pub fn parting(before: &Case, now: &Case, alike: &[(u16, u64)]) -> Result<Option<Parting>, String> {
    let by_symbol = has_other_images(before, now);
    let mut sides = [Side::new(before, &now.file.tolerate)?, Side::new(now, &now.file.tolerate)?];
    // A part may begin anywhere, and what is left out counts instructions anew.
    if now.file.part.is_everything() && now.file.tolerate.elide.is_empty() && !alike.is_empty() {
        sides.iter_mut().try_for_each(|side| side.skip(alike))?;
    }
    let mut pairs = pairs(&sides, by_symbol, &now.file.tolerate);
    let mut first: Option<usize> = None;
    while first.is_none_or(|place| !pairs[place].comparison.is_done()) && pairs.iter().any(Pair::goes_on) {
        let wants = |side: usize| pairs.iter().any(|pair| pair.comparison.wants(side));
        let behind = if wants(0) && (!wants(1) || sides[0].units() <= sides[1].units()) { 0 } else { 1 };
        sides[behind].advance(&mut pairs, behind)?;
        pairs.iter_mut().for_each(|pair| pair.comparison.advance());
        first = first.or_else(|| (0..pairs.len()).find(|place| pairs[*place].comparison.differs()));
        if pairs.iter().any(|pair| (0..2).any(|side| pair.comparison.waiting(side) > WAITING_MOST)) {
            return Err("the partitions run in so different orders that they cannot be compared".to_owned());
        }
    }
    let Some(place) = first else { return Ok(None) };
    let Pair { name, places, mut comparison } = pairs.swap_remove(place);
    let lines: Vec<Line> = comparison.take_lines().into_iter().map(in_words).collect();
    let [accepted, in_now] = comparison.parted().unwrap_or_default();
    // Notes below the first difference are about what came of it.
    let notes = lines.iter().skip_while(|line| line.mark != Mark::Note);
    let notes = notes.take_while(|line| line.mark == Mark::Note);
    let sought = Sought::of(notes.map(|line| line.text.as_str()));
    let writers = match in_now {
        Some(number) => writers(now, PartitionId(places[1] as u16), number, sought)?,
        None => Vec::new(),
    };
    let is_system = sides[1].traced.is_system;
    Ok(Some(Parting { partition: name, is_system, accepted, now: in_now, by_symbol, lines, writers }))
}

/// `A` is the accepted run, and `B` is this one.
fn in_words(mut line: Line) -> Line {
    match line.mark {
        Mark::Head => {
            let text = line.text.strip_prefix("A ").unwrap_or(&line.text);
            line.text = format!("accepted {}", text.replacen(", B ", ", now ", 1));
        }
        Mark::Note => line.text = line.text.replace(" in A", " accepted").replace(" in B", " now"),
        Mark::Both | Mark::A | Mark::B => {}
    }
    line
}

/// A partition that both have.
struct Pair {
    name: String,
    places: [usize; 2],
    comparison: Comparison,
}

impl Pair {
    fn goes_on(&self) -> bool {
        !self.comparison.is_done()
    }
}

fn pairs(sides: &[Side; 2], by_symbol: bool, tolerate: &Tolerate) -> Vec<Pair> {
    let by = if by_symbol { By::Symbol } else { By::Address };
    let rules = Rules { by, ignored: ignored(tolerate) };
    let settings = Settings { rules, context: CONTEXT, resync: None, shown: 1 };
    let view = |side: &Side, place: usize| View {
        symbols: side.traced.partitions[place].symbols.clone(),
        names: std::sync::Arc::clone(&side.traced.names),
    };
    let [a, b] = sides;
    let pair = |(in_a, partition): (usize, &trace::TracedPartition)| {
        let mut others = b.traced.partitions.iter();
        let is_alone = a.traced.partitions.len() == 1 && b.traced.partitions.len() == 1;
        let in_b = others.position(|other| is_alone || other.name == partition.name)?;
        let comparison = Comparison::new(settings, [view(a, in_a), view(b, in_b)]);
        Some(Pair { name: b.traced.partitions[in_b].name.clone(), places: [in_a, in_b], comparison })
    };
    a.traced.partitions.iter().enumerate().filter_map(pair).collect()
}

fn ignored(tolerate: &Tolerate) -> Ignored {
    let rules = || tolerate.registers.iter();
    Ignored {
        registers: rules().fold(0, |mask, rule| mask | rule.registers),
        flags: rules().fold(0, |mask, rule| mask | rule.flags),
        time: tolerate.order == Order::PerPartition || !tolerate.elide.is_empty(),
        ..Ignored::default()
    }
}

/// One of the two runs.
struct Side {
    case: Case,
    machine: Machine,
    inputs: Vec<hypervisor_core::Input>,
    traced: TracedSystem,
    collector: InPart,
    ended: bool,
}

impl Side {
    /// What one case does, as far as `tolerate` does not leave it out.
    fn new(case: &Case, tolerate: &Tolerate) -> Result<Self, String> {
        let opened = case.opened()?;
        let machine = start(&opened.subject)?;
        let traced = TracedSystem::of(&machine, opened.subject.is_system);
        let part = case.file.part.of(&traced)?;
        let wanted = Wanted { only: part.kinds, ignored: Kinds::NONE, folds_repeats: false };
        let collector = Collector::new(wanted, &part.partitions);
        let tolerance = Tolerance::new(tolerate, &traced);
        let collector = InPart { part, tolerance, collector };
        Ok(Self { case: case.clone(), machine, inputs: opened.inputs, traced, collector, ended: false })
    }

    fn units(&self) -> u64 {
        if self.ended { u64::MAX } else { self.machine.clock().units() }
    }

    /// Runs up to shortly before all instructions of `alike`, and takes nothing down.
    fn skip(&mut self, alike: &[(u16, u64)]) -> Result<(), String> {
        let is_far = |machine: &Machine| {
            let of = |place: u16| {
                machine.partitions().get(usize::from(place)).map_or(u64::MAX, Partition::executed)
            };
            alike.iter().all(|(place, number)| of(*place).saturating_add(2 * SLICE_UNITS) < *number)
        };
        if !is_far(&self.machine) {
            return Ok(());
        }
        let case = self.case.clone();
        let outcome =
            drive(&mut self.machine, &case, &self.inputs, false, &mut Unrecorded, |machine, _, _| {
                discard_output(machine);
                is_far(machine)
            })?;
        self.ended = outcome.is_some();
        Ok(())
    }

    /// Runs a little further, and hands on what happened.
    fn advance(&mut self, pairs: &mut [Pair], side: usize) -> Result<(), String> {
        let mut has_run = false;
        let inputs = std::mem::take(&mut self.inputs);
        let given = self.machine.given_inputs() > 0;
        let outcome = if self.ended {
            None
        } else {
            drive(&mut self.machine, &self.case, &inputs, given, &mut self.collector, |machine, _, _| {
                discard_output(machine);
                !std::mem::replace(&mut has_run, true)
            })?
        };
        self.inputs = inputs;
        self.ended |= outcome.is_some();
        for pair in pairs {
            let place = pair.places[side];
            if let Some(rows) = self.collector.collector.rows_of(place) {
                pair.comparison.feed(side, rows);
            }
            let has_ended = self.machine.partitions()[place].outcome().is_some();
            if self.ended || has_ended || !self.collector.part.partitions[place] {
                let words = if has_ended { "its end" } else { "a limit" };
                pair.comparison.end(side, Ending { words: words.to_owned(), is_limit: false, is_cut: false });
            }
        }
        Ok(())
    }
}

/// Takes down the part of a run that is compared.
struct InPart {
    part: Part,
    tolerance: Tolerance,
    collector: Collector,
}

impl Recorder for InPart {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let is_compared = self.part.shows(stamp.partition) && self.part.window.holds_instruction(stamp, step);
        if is_compared && !self.tolerance.elides(stamp, step) {
            self.collector.instruction(stamp, step);
        } else {
            self.collector.pass_over(stamp, step);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if self.part.shows(stamp.partition) && self.part.window.holds_event(stamp, event) {
            self.collector.event(stamp, event);
        }
    }
}
