//! `paravane query`: questions about a recorded run. What the recording does not hold is made by running again, from keyframe to
//! keyframe; a search for the last time begins with the last keyframe.

mod between;
mod hit;
mod memory;
mod options;
mod register;
mod registers;
mod scope;
mod search;
mod visits;

pub use options::Query;

use crate::json::Json;
use crate::output::Ended;
use crate::quantities::grouped;
use crate::show_command::open;
use crate::status::Status;
use hit::Showing;
use hypervisor_core::Stamp;
use memory::MemoryFinder;
use options::{Memory, Question, Until};
use recording::{Position, Recording};
use register::RegisterFinder;
use registers::Register;
use scope::{Range, Scope};
use search::{Finder, Printer, Search, Wanted};
use trace::TracedSystem;
use visits::{VisitCounter, VisitFinder};

/// Where an instruction is known to come so many units are run at once.
const VISIT_UNITS: u64 = 64;

/// Answers the question.
///
/// # Errors
/// It makes no sense, the recording cannot be used, or stdout fails.
pub fn query(query: &Query) -> Result<Status, Ended> {
    let mut recording = open(&query.recording)?;
    let traced = recording.traced().clone();
    let asking = Asking { query, traced: &traced };
    let found = match &query.question {
        Question::WhoWrote { memory, until } => {
            asking.memory(&mut recording, memory, (None, until.before.as_ref()), last_or_all(until), false)
        }
        Question::NextAccess { memory, after } => {
            asking.memory(&mut recording, memory, (after.as_ref(), None), Wanted::First, true)
        }
        Question::PreviousAccess { memory, before } => {
            asking.memory(&mut recording, memory, (None, before.as_ref()), Wanted::Last, true)
        }
        Question::Register { register, until } => asking.register(&mut recording, register, until),
        Question::FirstVisit { place, until } => asking.visits(&mut recording, place, until),
        Question::Between { from, to, all } => {
            let found = between::between(query, &mut recording, (from, to, *all))?;
            if found == 0 {
                asking.say(&format!("{to} never came after {from}"))?;
            }
            Ok(found)
        }
    }?;
    Ok(if found > 0 { Status::Success } else { Status::Nothing })
}

fn last_or_all(until: &Until) -> Wanted {
    if until.all { Wanted::All } else { Wanted::Last }
}

/// A question, and what it is about.
struct Asking<'a> {
    query: &'a Query,
    traced: &'a TracedSystem,
}

impl<'a> Asking<'a> {
    fn scope(&self) -> Result<Scope<'a>, Ended> {
        Scope::new(self.traced, self.query.partition.as_deref()).map_err(Ended::Failed)
    }

    fn memory(
        &self,
        recording: &mut Recording,
        memory: &Memory,
        (after, before): (Option<&String>, Option<&String>),
        wanted: Wanted,
        reads: bool,
    ) -> Result<u64, Ended> {
        let scope = self.scope()?;
        let (partition, first, last) = scope.memory(memory).map_err(Ended::Failed)?;
        let range = Range {
            after: scope.point("--after", partition, after).map_err(Ended::Failed)?,
            before: scope.point("--before", partition, before).map_err(Ended::Failed)?,
        };
        let showing = Showing::new(self.traced);
        let mut finder = MemoryFinder::new(showing, partition, (first, last), range, reads);
        let search = Search { query: self.query, partition, range };
        let found = self.search(recording, &search, &mut finder, wanted)?;
        if found == 0 {
            let what = if reads { "accesses" } else { "writes" };
            let place = &memory.place;
            let words = format!("nothing {what} {place} in that time: 0x{first:08x} to 0x{last:08x}");
            self.say(&words)?;
        }
        Ok(found)
    }

    fn register(&self, recording: &mut Recording, words: &str, until: &Until) -> Result<u64, Ended> {
        let (name, value) = words.split_once('=').map_or((words, None), |(name, value)| (name, Some(value)));
        let register = Register::named(name.trim()).map_err(Ended::Failed)?;
        let value = value.map(|value| register.value(value.trim())).transpose().map_err(Ended::Failed)?;
        let scope = self.scope()?;
        let partition = scope.partition().map_err(Ended::Failed)?;
        let before = scope.point("--before", partition, until.before.as_ref()).map_err(Ended::Failed)?;
        let range = Range { after: None, before };
        let mut finder = RegisterFinder::new(Showing::new(self.traced), partition, (register, value), range);
        let search = Search { query: self.query, partition, range };
        let found = self.search(recording, &search, &mut finder, last_or_all(until))?;
        if found > 0 {
            return Ok(found);
        }
        // A search for the last time has ended at the beginning of the run.
        let start = recording.spans().first().cloned();
        let Some(start) = start else { return Ok(0) };
        let replay = recording.replay_span(&start);
        let replay = replay.map_err(|error| crate::show_command::failed(&self.query.recording, &error))?;
        let begun = register.of_partition(replay.machine(), partition);
        let digits = register.digits();
        if value.is_some_and(|value| value != begun) {
            self.say(&format!("{} never got this value", register.name))?;
            return Ok(0);
        }
        if self.query.json {
            let value = Json::from(format!("0x{begun:0digits$x}"));
            let json = Json::object([("register", register.name.into()), ("since_start", value)]);
            self.print(&json.line())?;
        } else {
            self.print(&format!("{}={begun:0digits$x} since the start", register.name))?;
        }
        Ok(1)
    }

    fn visits(&self, recording: &mut Recording, place: &str, until: &Until) -> Result<u64, Ended> {
        let scope = self.scope()?;
        let (partition, address, _) = scope.extent(place).map_err(Ended::Failed)?;
        let before = scope.point("--before", partition, until.before.as_ref()).map_err(Ended::Failed)?;
        let range = Range { after: None, before };
        let search = Search { query: self.query, partition, range };
        let mut finder = VisitFinder::new(Showing::new(self.traced), partition, address, range);
        let (count, last) = if until.all {
            self.search(recording, &search, &mut finder, Wanted::All)?;
            (finder.count, finder.last)
        } else {
            let mut counter = VisitCounter::new(self.traced, partition, address, range);
            self.search(recording, &search, &mut counter, Wanted::All)?;
            if let Some(first) = counter.first {
                self.visit(recording, first, &mut finder)?;
            }
            (counter.count, self.at_its_time(counter.last))
        };
        if count == 0 {
            self.say(&format!("{place} was never visited"))?;
        } else if self.query.json {
            let json = Json::object([
                ("visits", count.into()),
                ("last_instruction", last.instruction.into()),
                ("last_time_ns", last.now_ns.into()),
            ]);
            self.print(&json.line())?;
        } else {
            let head = Showing::new(self.traced).head(last);
            let times = if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) };
            self.print(&format!("{head}== last    visited {times}"))?;
        }
        Ok(count)
    }

    /// Shows the instruction at a stamp.
    fn visit(&self, recording: &mut Recording, at: Stamp, finder: &mut VisitFinder<'_>) -> Result<(), Ended> {
        let position = Position::Instruction(at.partition, at.instruction);
        let replay = recording.replay_before(position);
        let mut replay =
            replay.map_err(|error| crate::show_command::failed(&self.query.recording, &error))?;
        replay.go_to(position);
        let mut printer = Printer::new(Showing::new(self.traced), self.query.json);
        while !replay.has_ended() {
            replay.run_slice(VISIT_UNITS, finder);
            let hits = finder.take();
            if let Some(hit) = hits.iter().find(|hit| hit.stamp.instruction == at.instruction) {
                printer.hit(hit)?;
                break;
            }
        }
        printer.flush()
    }

    fn at_its_time(&self, stamp: Stamp) -> Stamp {
        Stamp { now_ns: self.traced.rate.nanoseconds(stamp.unit), ..stamp }
    }

    fn search<F: Finder>(
        &self,
        recording: &mut Recording,
        search: &Search<'_>,
        finder: &mut F,
        wanted: Wanted,
    ) -> Result<u64, Ended> {
        let mut printer = Printer::new(Showing::new(self.traced), self.query.json);
        let found = search.run(recording, finder, wanted, |hit| printer.hit(hit));
        printer.flush()?;
        found
    }

    /// Tells a person that there is nothing; in JSON nothing is no line.
    fn say(&self, words: &str) -> Result<(), Ended> {
        if self.query.json { Ok(()) } else { self.print(words) }
    }

    fn print(&self, line: &str) -> Result<(), Ended> {
        let mut printer = Printer::new(Showing::new(self.traced), self.query.json);
        printer.line(line)?;
        printer.flush()
    }
}
