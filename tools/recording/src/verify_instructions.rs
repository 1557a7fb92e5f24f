//! Checks the instructions that a recording holds against those that running again makes.

use crate::error::RecordingError;
use crate::reader::{Position, Recording};
use crate::replay::Replay;
use crate::verify::{asked, differs};
use emulator::Step;
use emulator::decode::LONGEST_INSTRUCTION;
use hypervisor_core::{Event, Recorder, Stamp};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use trace::pvt::{AddressesEnd, Detail, FrameKind, StepWriter, tell_addresses, tell_steps};

/// So many units are run again at once.
const SLICE_UNITS: u64 = 1 << 14;

const OTHERS: &str = "running again makes other instructions than were recorded";
const MORE: &str = "running again makes more instructions than were recorded";

impl Recording {
    /// Compares the instructions of all frames that hold some; counts them.
    pub(crate) fn check_instructions(
        &mut self,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<u64, RecordingError> {
        let addresses = self.check_addresses(goes_on)?;
        Ok(addresses + self.check_steps(goes_on)?)
    }

    fn check_addresses(&mut self, goes_on: &mut impl FnMut(u64) -> bool) -> Result<u64, RecordingError> {
        let frames: Vec<usize> = self.reader().frames_of(FrameKind::Addresses).collect();
        if frames.is_empty() && self.header().detail != Detail::Addresses {
            return Ok(0);
        }
        let mut replay = self.replay_before(Position::Unit(0))?;
        let mut made = Made::default();
        let (rate, partitions) = (self.traced().rate, self.traced().partitions.len());
        let mut count = 0;
        for frame in frames {
            let raw = self.frame(frame)?;
            let start = self.reader().head(frame).unit;
            let (mut result, mut is_in_order) = (Ok(()), true);
            let end = tell_addresses(&raw, rate, partitions, |stamp, eip, bytes| {
                is_in_order &= stamp.unit >= start;
                result = made.is_next(&mut replay, goes_on, stamp, eip, bytes);
                count += 1;
                if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            result?;
            if !is_in_order {
                return Err(self.reader().damaged(frame, "an instruction comes before its frame").into());
            }
            if end == AddressesEnd::Damaged {
                return Err(self.reader().damaged(frame, "addresses cannot be understood").into());
            }
        }
        while made.0.is_empty() && !replay.has_ended() {
            replay.run_slice(SLICE_UNITS, &mut made);
            asked(&replay, goes_on)?;
        }
        match (self.end(), made.0.front()) {
            (Some(_), Some(next)) => Err(differs(next.stamp, MORE)),
            _ => Ok(count),
        }
    }

    /// Steps are written again, with the same frames, and compared as bytes.
    fn check_steps(&mut self, goes_on: &mut impl FnMut(u64) -> bool) -> Result<u64, RecordingError> {
        let frames: Vec<usize> = self.reader().frames_of(FrameKind::Instructions).collect();
        if frames.is_empty() && self.header().detail != Detail::Stored {
            return Ok(0);
        }
        let mut replay = self.replay_before(Position::Unit(0))?;
        let mut again = Again::default();
        // Before the first frame nothing is executed.
        let first = match frames.first() {
            Some(first) => self.reader().head(*first).unit,
            None if self.end().is_some() => u64::MAX,
            None => 0,
        };
        run_to(&mut replay, first, &mut again, 0, goes_on)?;
        if again.writer.length_bytes() > 0 {
            return Err(differs(replay.machine().stamp(), MORE));
        }
        let (rate, partitions) = (self.traced().rate, self.traced().partitions.len());
        for (place, frame) in frames.iter().enumerate() {
            let next = frames.get(place + 1).map(|next| self.reader().head(*next).unit);
            let raw = self.frame(*frame)?;
            let mut last = None;
            let understood = tell_steps(&raw, rate, partitions, |stamp, _| {
                last = Some(stamp.unit);
                ControlFlow::Continue(())
            });
            let Some(last) = last.filter(|_| understood) else {
                return Err(self.reader().damaged(*frame, "instructions cannot be understood").into());
            };
            // The last frame of a recording that was cut off ends somewhere.
            let until = next.unwrap_or(if self.end().is_some() { u64::MAX } else { last.saturating_add(1) });
            let start = replay.machine().stamp();
            run_to(&mut replay, until, &mut again, raw.len(), goes_on)?;
            if again.writer.take() != raw {
                return Err(differs(start, OTHERS));
            }
        }
        Ok(again.count)
    }
}

/// Runs up to `unit`, or until more was written than `bytes`: what was recorded is something else then, and the rest of the
/// run is to fill nobody's memory.
fn run_to(
    replay: &mut Replay,
    unit: u64,
    again: &mut Again,
    bytes: usize,
    goes_on: &mut impl FnMut(u64) -> bool,
) -> Result<(), RecordingError> {
    while !replay.has_ended()
        && replay.machine().clock().units() < unit
        && again.writer.length_bytes() <= bytes
    {
        let left = unit - replay.machine().clock().units();
        replay.run_slice(left.min(SLICE_UNITS), again);
        asked(replay, goes_on)?;
    }
    Ok(())
}

/// Writes steps as they were written.
#[derive(Default)]
struct Again {
    writer: StepWriter,
    count: u64,
}

impl Recorder for Again {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.writer.step(stamp, step);
        self.count += 1;
    }

    fn event(&mut self, stamp: Stamp, _: &Event) {
        self.writer.event(stamp);
    }
}

/// Instructions that running again made and that were not compared yet.
#[derive(Default)]
struct Made(VecDeque<Instruction>);

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

impl Made {
    /// Goes on until there is another instruction, and compares it with the one that was recorded.
    fn is_next(
        &mut self,
        replay: &mut Replay,
        goes_on: &mut impl FnMut(u64) -> bool,
        stamp: Stamp,
        eip: u32,
        code: &[u8],
    ) -> Result<(), RecordingError> {
        while self.0.is_empty() && !replay.has_ended() {
            replay.run_slice(SLICE_UNITS, self);
            asked(replay, goes_on)?;
        }
        if self.0.pop_front() == Some(Instruction::new(stamp, eip, code)) {
            return Ok(());
        }
        Err(differs(stamp, OTHERS))
    }
}

impl Recorder for Made {
    const ACTIVE: bool = true;

    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.0.push_back(Instruction::new(stamp, step.eip, step.bytes));
    }

    fn event(&mut self, _: Stamp, _: &Event) {}
}
