//! A loop in three turns: two that are shown, and one line for all that follow the same way.
//!
//! A turn ends with a jump back. Only the innermost loop is seen: a turn with another loop in it is the turns of that one.
//! What instructions read, write and compute is not compared.

use emulator::Step;
use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};

/// A loop whose turn is longer is not collapsed.
const LONGEST_TURN: usize = 256;
/// So many equal turns are shown first.
const SHOWN_TURNS: u32 = 2;

/// Tells of the turns of a loop that repeat as one [`Omission::Loop`].
pub struct Loops<R> {
    is_on: bool,
    running: Option<PartitionId>,
    /// Where the last instruction went, if it went back: the head of a loop.
    back_to: Option<u32>,
    /// The turn so far: the address of each instruction, and whether it stands for the iterations of a REP.
    turn: Vec<u32>,
    last_turn: Vec<u32>,
    equal_turns: u32,
    left_out: Option<LeftOut>,
    inner: R,
}

struct LeftOut {
    since: u64,
    instructions: u64,
    turns: u64,
    /// Place in the turn of what comes next.
    place: usize,
    end: Stamp,
}

impl<R: Recorder> Loops<R> {
    pub fn new(is_on: bool, inner: R) -> Self {
        Self {
            is_on,
            running: None,
            back_to: None,
            turn: Vec::new(),
            last_turn: Vec::new(),
            equal_turns: 0,
            left_out: None,
            inner,
        }
    }

    pub fn inner(&self) -> &R {
        &self.inner
    }

    pub fn into_inner(self) -> R {
        self.inner
    }

    pub fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Tells what is missing at the end.
    pub fn finish(&mut self) {
        self.close(None);
    }

    /// Tells what was left out before `next`.
    fn close(&mut self, next: Option<Stamp>) {
        let Some(left_out) = self.left_out.take() else { return };
        let own = next.filter(|stamp| stamp.partition == left_out.end.partition);
        let LeftOut { since, instructions, turns, .. } = left_out;
        let head = self.last_turn.first().copied().unwrap_or(0);
        let omission = Omission::Loop { head, turns };
        self.inner.elided(own.unwrap_or(left_out.end), &Elision { since, instructions, events: 0, omission });
        // The turn goes on: it may come to its end in another way, and the next one in the old way.
        self.turn.clear();
        self.turn.extend_from_slice(&self.last_turn[..left_out.place]);
        self.equal_turns = 0;
    }

    fn forget(&mut self) {
        self.turn.clear();
        self.last_turn.clear();
        self.back_to = None;
        self.equal_turns = 0;
    }

    /// Whether what runs at `eip` now, `units` long, is left out.
    fn leaves_out(&mut self, stamp: Stamp, eip: u32, units: u64, end: Stamp) -> bool {
        if self.running.replace(stamp.partition) != Some(stamp.partition) {
            self.close(None);
            self.forget();
        }
        if self.left_out.is_some() {
            return self.follows(stamp, eip, units, end);
        }
        if self.back_to.take() == Some(eip) {
            self.end_turn();
        }
        if self.equal_turns >= SHOWN_TURNS {
            self.left_out =
                Some(LeftOut { since: stamp.instruction, instructions: 0, turns: 0, place: 0, end });
            return self.follows(stamp, eip, units, end);
        }
        if self.turn.len() <= LONGEST_TURN {
            self.turn.push(eip);
        }
        false
    }

    fn end_turn(&mut self) {
        if self.turn == self.last_turn && self.turn.len() <= LONGEST_TURN {
            self.equal_turns += 1;
        } else {
            std::mem::swap(&mut self.turn, &mut self.last_turn);
            self.equal_turns = 1;
        }
        self.turn.clear();
    }

    /// Goes one step further in a turn that is left out; false if this is another way.
    fn follows(&mut self, stamp: Stamp, eip: u32, units: u64, end: Stamp) -> bool {
        let Some(left_out) = &mut self.left_out else { return false };
        if self.last_turn.get(left_out.place) == Some(&eip) {
            left_out.instructions = left_out.instructions.saturating_add(units);
            left_out.end = end;
            left_out.place += 1;
            if left_out.place == self.last_turn.len() {
                left_out.place = 0;
                left_out.turns += 1;
            }
            return true;
        }
        self.close(Some(stamp));
        if self.turn.len() <= LONGEST_TURN {
            self.turn.push(eip);
        }
        false
    }
}

impl<R: Recorder> Recorder for Loops<R> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if !self.is_on {
            return self.inner.instruction(stamp, step);
        }
        let end = Stamp { instruction: stamp.instruction.saturating_add(1), ..stamp };
        if !self.leaves_out(stamp, step.eip, 1, end) {
            self.back_to = (step.after.eip <= step.eip).then_some(step.after.eip);
            self.inner.instruction(stamp, step);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if self.is_on {
            self.close(Some(stamp));
            self.forget();
        }
        self.inner.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        if self.is_on {
            // The iterations of a REP are a part of a turn like any other; other gaps end it.
            if let Omission::Repeat(repeat) = &elision.omission {
                let begin = Stamp { instruction: elision.since, ..stamp };
                if self.leaves_out(begin, repeat.eip, elision.instructions, stamp) {
                    return;
                }
            } else {
                self.close(None);
                self.forget();
            }
        }
        self.inner.elided(stamp, elision);
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_TURN, Loops};
    use crate::collapse::Repeats;
    use crate::test_record::{Lines, Run};

    const NOP: [u8; 1] = [0x90];

    /// A turn at 0x100 of three instructions, the last of which goes back or on.
    fn turn(run: &mut Run, out: &mut Loops<Lines>, is_last: bool) {
        run.instruction(out, 0x100);
        run.instruction(out, 0x101);
        run.step(out, 0x102, &[0x75, 0xfc], if is_last { 0x104 } else { 0x100 }, &[]);
    }

    fn collapsed(write: impl FnOnce(&mut Run, &mut Loops<Lines>)) -> String {
        let mut loops = Loops::new(true, Lines::default());
        write(&mut Run::new(), &mut loops);
        loops.finish();
        loops.inner.text()
    }

    #[test]
    fn a_loop_is_shown_for_two_turns_and_then_counted() {
        let text = collapsed(|run, out| {
            for number in 0..10 {
                turn(run, out, number == 9);
            }
            run.instruction(out, 0x104);
        });
        assert_eq!(
            text,
            "#0 100; #1 101; #2 102; #3 100; #4 101; #5 102; elided 24+0 since 6: Loop; #30 104"
        );
    }

    #[test]
    fn another_way_through_the_loop_is_shown_from_where_it_parts() {
        let text = collapsed(|run, out| {
            for _ in 0..4 {
                turn(run, out, false);
            }
            run.instruction(out, 0x100);
            run.step(out, 0x101, &NOP, 0x110, &[]);
            run.step(out, 0x110, &NOP, 0x102, &[]);
            run.step(out, 0x102, &[0x75, 0xfc], 0x100, &[]);
            turn(run, out, true);
        });
        assert!(text.contains("elided 8+0 since 6: Loop; #14 110; #15 102; #16 100; #17 101"), "{text}");
    }

    #[test]
    fn an_event_ends_what_is_left_out() {
        let text = collapsed(|run, out| {
            for _ in 0..4 {
                turn(run, out, false);
            }
            run.event(out);
            turn(run, out, false);
        });
        assert!(text.ends_with("elided 6+0 since 6: Loop; #12 event; #12 100; #13 101; #14 102"), "{text}");
    }

    #[test]
    fn a_jump_to_itself_is_the_smallest_loop() {
        let text = collapsed(|run, out| {
            for _ in 0..6 {
                run.step(out, 0x100, &[0xeb, 0xfe], 0x100, &[]);
            }
        });
        assert_eq!(text, "#0 100; #1 100; elided 4+0 since 2: Loop");
    }

    #[test]
    fn long_turns_and_straight_code_are_left_as_they_are() {
        let length = LONGEST_TURN as u32 + 10;
        let text = collapsed(|run, out| {
            for _ in 0..4 {
                for place in 0..length {
                    let eip = 0x100 + place;
                    run.step(out, eip, &NOP, if place == length - 1 { 0x100 } else { eip + 1 }, &[]);
                }
            }
        });
        assert!(!text.contains("elided"), "{text}");
    }

    #[test]
    fn a_loop_around_a_rep_is_collapsed_with_it() {
        let mut out = Repeats::new(true, Loops::new(true, Lines::default()));
        let mut run = Run::new();
        for number in 0..5 {
            run.rep(&mut out, 0x100, 0x5000, 8 + number);
            run.step(&mut out, 0x102, &[0x75, 0xfc], 0x100, &[]);
        }
        out.finish();
        out.inner_mut().finish();
        assert_eq!(
            out.inner().inner().text(),
            "elided 8+0 since 0: Repeat; #8 102; elided 9+0 since 9: Repeat; #18 102; elided 36+0 since 19: Loop"
        );
    }
}
