//! Checks the instructions that a recording holds, and what it says of those that it does not, against those that running again makes.

use crate::error::RecordingError;
use crate::reader::{Position, Recording};
use crate::replay::Replay;
use crate::taking::{Steps, Taker, Taking};
use crate::verify::{asked, differs};
use emulator::Step;
use emulator::decode::LONGEST_INSTRUCTION;
use hypervisor_core::{Elision, Event, Recorder, Stamp};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use trace::filter::Choice;
use trace::pvt::{
    AddressesEnd, Detail, FrameKind, Stored, StoredElision, ToldAddress, tell_addresses_and_gaps, tell_steps,
};

/// So many units are run again at once.
const SLICE_UNITS: u64 = 1 << 14;

const OTHERS: &str = "running again makes other instructions than were recorded";
const MORE: &str = "running again makes more instructions than were recorded";

impl Recording {
    /// Compares the instructions of all frames that hold some; counts them. Of a `choice` only those are stored.
    pub(crate) fn check_instructions(
        &mut self,
        choice: Option<&Choice>,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<u64, RecordingError> {
        let addresses = self.check_addresses(choice, goes_on)?;
        Ok(addresses + self.check_steps(choice, goes_on)?)
    }

    fn check_addresses(
        &mut self,
        choice: Option<&Choice>,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<u64, RecordingError> {
        let frames: Vec<usize> = self.reader().frames_of(FrameKind::Addresses).collect();
        if frames.is_empty() && self.header().detail != Detail::Addresses {
            return Ok(0);
        }
        let replay = self.replay_before(Position::Unit(0))?;
        let is_cut = self.end().is_none();
        let mut again = Again { replay, taking: Taking::new(choice, Made::default()), is_cut };
        let (rate, partitions) = (self.traced().rate, self.traced().partitions.len());
        // Until the next instruction is known, a REP may be one that goes on.
        let is_held_back = choice.is_some_and(|choice| choice.collapse.repeats);
        let mut count = 0;
        for frame in frames {
            let raw = self.frame(frame)?;
            let start = self.reader().head(frame).unit;
            let (mut result, mut is_in_order) = (Ok(()), true);
            let end = tell_addresses_and_gaps(&raw, rate, partitions, |stamp, told| {
                is_in_order &= stamp.unit >= start || is_held_back;
                let told = match told {
                    ToldAddress::Instruction(eip, bytes) => {
                        Told::Instruction(Instruction::new(stamp, eip, bytes))
                    }
                    ToldAddress::Elision(elision) => Told::Elision(stamp, elision.clone()),
                };
                match again.is_next(goes_on, &told) {
                    Ok(true) => {
                        count += u64::from(matches!(told, Told::Instruction(_)));
                        return ControlFlow::Continue(());
                    }
                    Ok(false) => {}
                    Err(error) => result = Err(error),
                }
                ControlFlow::Break(())
            });
            result?;
            if !is_in_order {
                return Err(self.reader().damaged(frame, "an instruction comes before its frame").into());
            }
            if end == AddressesEnd::Damaged {
                return Err(self.reader().damaged(frame, "addresses cannot be understood").into());
            }
        }
        match again.next(goes_on)? {
            Some(next) if !is_cut => Err(differs(next.stamp(), MORE)),
            _ => Ok(count),
        }
    }

    /// Steps are written again, with the same frames, and compared as bytes.
    fn check_steps(
        &mut self,
        choice: Option<&Choice>,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<u64, RecordingError> {
        let frames: Vec<usize> = self.reader().frames_of(FrameKind::Instructions).collect();
        if frames.is_empty() && self.header().detail != Detail::Stored {
            return Ok(0);
        }
        let mut replay = self.replay_before(Position::Unit(0))?;
        let mut again = Taking::new(choice, Steps::default());
        // Before the first frame nothing is executed.
        let first = match frames.first() {
            Some(first) => self.reader().head(*first).unit,
            None if self.end().is_some() => u64::MAX,
            None => 0,
        };
        run_to(&mut replay, first, &mut again, 0, goes_on)?;
        if frames.is_empty() && self.end().is_some() {
            again.finish(replay.machine());
        }
        if again.taken().0.length_bytes() > 0 {
            return Err(differs(replay.machine().stamp(), MORE));
        }
        let (rate, partitions) = (self.traced().rate, self.traced().partitions.len());
        let mut count = 0;
        for (place, frame) in frames.iter().enumerate() {
            let next = frames.get(place + 1).map(|next| self.reader().head(*next).unit);
            let raw = self.frame(*frame)?;
            // The unit after the last step.
            let mut after = None;
            let understood = tell_steps(&raw, rate, partitions, |stamp, told| {
                count += u64::from(matches!(told, Stored::Step(_)));
                let steps = u64::from(!matches!(told, Stored::Elision(_)));
                after = Some(stamp.unit.saturating_add(steps));
                ControlFlow::Continue(())
            });
            let Some(after) = after.filter(|_| understood) else {
                return Err(self.reader().damaged(*frame, "instructions cannot be understood").into());
            };
            // The last frame of a recording that was cut off ends somewhere.
            let until = next.unwrap_or(if self.end().is_some() { u64::MAX } else { after });
            let start = replay.machine().stamp();
            run_to(&mut replay, until, &mut again, raw.len(), goes_on)?;
            if next.is_none() && self.end().is_some() && replay.has_ended() {
                again.finish(replay.machine());
            }
            let made = again.taker().0.take();
            // As of addresses.
            let ends = self.end().is_none() && replay.has_ended() && raw.starts_with(&made);
            if made != raw && !ends {
                return Err(differs(start, OTHERS));
            }
        }
        Ok(count)
    }
}

/// Runs up to `unit`, or until more was written than `bytes`: what was recorded is something else then, and the rest of the
/// run is to fill nobody's memory.
fn run_to(
    replay: &mut Replay,
    unit: u64,
    again: &mut Taking<Steps>,
    bytes: usize,
    goes_on: &mut impl FnMut(u64) -> bool,
) -> Result<(), RecordingError> {
    while !replay.has_ended()
        && replay.machine().clock().units() < unit
        && again.taken().0.length_bytes() <= bytes
    {
        let left = unit - replay.machine().clock().units();
        replay.run_slice(left.min(SLICE_UNITS), again);
        asked(replay, goes_on)?;
    }
    Ok(())
}

/// A run again, and the instructions of it that were not compared yet.
struct Again {
    replay: Replay,
    taking: Taking<Made>,
    is_cut: bool,
}

impl Again {
    /// What is told next; None at the end.
    fn next(&mut self, goes_on: &mut impl FnMut(u64) -> bool) -> Result<Option<Told>, RecordingError> {
        while self.taking.taker().0.is_empty() && !self.replay.has_ended() {
            self.replay.run_slice(SLICE_UNITS, &mut self.taking);
            asked(&self.replay, goes_on)?;
            if self.replay.has_ended() && !self.is_cut {
                self.taking.finish(self.replay.machine());
            }
        }
        Ok(self.taking.taker().0.pop_front())
    }

    /// Compares it with what was recorded. Whether there was any: a recording that was cut off, without its last events, is
    /// not run again as far as its instructions go.
    fn is_next(
        &mut self,
        goes_on: &mut impl FnMut(u64) -> bool,
        recorded: &Told,
    ) -> Result<bool, RecordingError> {
        match self.next(goes_on)? {
            None if self.is_cut => Ok(false),
            Some(next) if next == *recorded => Ok(true),
            _ => Err(differs(recorded.stamp(), OTHERS)),
        }
    }
}

/// Instructions that running again made and that were not compared yet.
#[derive(Default)]
struct Made(VecDeque<Told>);

#[derive(Clone, PartialEq, Eq)]
enum Told {
    Instruction(Instruction),
    Elision(Stamp, StoredElision),
}

impl Told {
    fn stamp(&self) -> Stamp {
        match self {
            Self::Instruction(instruction) => instruction.stamp,
            Self::Elision(stamp, _) => *stamp,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Instruction {
    stamp: Stamp,
    eip: u32,
    length: usize,
    bytes: [u8; LONGEST_INSTRUCTION],
}

impl Instruction {
    fn new(stamp: Stamp, eip: u32, code: &[u8]) -> Self {
        let mut bytes = [0; LONGEST_INSTRUCTION];
        let kept = code.len().min(LONGEST_INSTRUCTION);
        bytes[..kept].copy_from_slice(&code[..kept]);
        Self { stamp, eip, length: code.len(), bytes }
    }
}

impl Taker for Made {
    fn happened(&mut self, _: Stamp) {}
}

impl Recorder for Made {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.push_back(Told::Instruction(Instruction::new(stamp, step.eip, step.bytes)));
    }

    fn event(&mut self, _: Stamp, _: &Event) {}

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.0.extend(StoredElision::of(stamp, elision).map(|elision| Told::Elision(stamp, elision)));
    }
}
