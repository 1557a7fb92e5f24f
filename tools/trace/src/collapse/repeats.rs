//! A REP in one line, with what all of its iterations read and wrote.

use emulator::decode::{InstructionClass, instruction_classes};
use emulator::{Access, AccessKind, Cpu, Step};
use hypervisor_core::record::Repeat;
use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};

/// Tells of two or more iterations that follow each other as one [`Omission::Repeat`]. An event between them ends it.
pub struct Repeats<R> {
    is_on: bool,
    /// The REP that is not over yet.
    open: Option<Open>,
    inner: R,
}

struct Open {
    first: Stamp,
    iterations: u64,
    repeat: Repeat,
    /// The processor after the first iteration, and its accesses: if no other follows, it is handed on as it was.
    after_first: Cpu,
    first_accesses: Vec<Access>,
    last_unit: Stamp,
}

impl<R: Recorder> Repeats<R> {
    pub fn new(is_on: bool, inner: R) -> Self {
        Self { is_on, open: None, inner }
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

    /// Hands on what is not over yet.
    pub fn finish(&mut self) {
        self.close(None);
    }

    /// Hands on the REP that is open; `next` is the next record.
    fn close(&mut self, next: Option<Stamp>) {
        let Some(open) = self.open.take() else { return };
        if open.iterations == 1 {
            let Repeat { eip, bytes, registers_before, eflags_before, .. } = &open.repeat;
            let step = Step {
                eip: *eip,
                bytes,
                registers_before,
                eflags_before: *eflags_before,
                after: &open.after_first,
                accesses: &open.first_accesses,
            };
            return self.inner.instruction(open.first, &step);
        }
        let is_own = |stamp: &Stamp| stamp.partition == open.first.partition;
        let stamp = next.filter(is_own).unwrap_or_else(|| after(open.last_unit));
        let elision = Elision {
            since: open.first.instruction,
            instructions: open.iterations,
            events: 0,
            omission: Omission::Repeat(Box::new(open.repeat)),
        };
        self.inner.elided(stamp, &elision);
    }

    fn goes_on(&self, partition: PartitionId, step: &Step<'_>) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.first.partition == partition
                && open.repeat.eip == step.eip
                && open.repeat.bytes == step.bytes
                && open.repeat.registers_after == *step.registers_before
        })
    }
}

impl<R: Recorder> Recorder for Repeats<R> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        if !self.is_on {
            return self.inner.instruction(stamp, step);
        }
        let stays = step.after.eip == step.eip;
        if self.goes_on(stamp.partition, step) {
            if let Some(open) = &mut self.open {
                open.add(stamp, step);
            }
            if !stays {
                self.close(None);
            }
            return;
        }
        self.close(Some(stamp));
        // The last iteration leaves the instruction: there is no other to collapse it with.
        if stays && instruction_classes(step.bytes) & InstructionClass::Repeat.bit() != 0 {
            self.open = Some(Open::new(stamp, step));
        } else {
            self.inner.instruction(stamp, step);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        self.close(Some(stamp));
        self.inner.event(stamp, event);
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        self.close(None);
        self.inner.elided(stamp, elision);
    }
}

impl Open {
    fn new(stamp: Stamp, step: &Step<'_>) -> Self {
        let repeat = Repeat {
            eip: step.eip,
            bytes: step.bytes.to_vec(),
            read: None,
            written: None,
            registers_before: *step.registers_before,
            registers_after: step.after.registers,
            eflags_before: step.eflags_before,
            eflags_after: step.after.eflags,
        };
        let mut open = Self {
            first: stamp,
            iterations: 0,
            repeat,
            after_first: step.after.clone(),
            first_accesses: step.accesses.to_vec(),
            last_unit: stamp,
        };
        open.add(stamp, step);
        open
    }

    fn add(&mut self, stamp: Stamp, step: &Step<'_>) {
        self.iterations += 1;
        self.last_unit = stamp;
        self.repeat.registers_after = step.after.registers;
        self.repeat.eflags_after = step.after.eflags;
        for access in step.accesses {
            let range = match access.kind {
                AccessKind::Read => &mut self.repeat.read,
                AccessKind::Write => &mut self.repeat.written,
            };
            let last = access.address.saturating_add(u32::from(access.length_bytes).saturating_sub(1));
            let (lowest, highest) = range.unwrap_or((access.address, last));
            *range = Some((lowest.min(access.address), highest.max(last)));
        }
    }
}

/// The number after a unit. Its time is that of the unit: how long a unit takes is not known here.
fn after(unit: Stamp) -> Stamp {
    Stamp { instruction: unit.instruction.saturating_add(1), ..unit }
}

#[cfg(test)]
mod tests {
    use super::Repeats;
    use crate::test_record::{Lines, Run};
    use emulator::{Access, AccessKind};
    use hypervisor_core::{Elision, Event, Omission, Recorder, Stamp};

    /// The text of what comes of a run.
    fn collapsed(write: impl FnOnce(&mut Run, &mut Repeats<Lines>)) -> String {
        let mut repeats = Repeats::new(true, Lines::default());
        write(&mut Run::new(), &mut repeats);
        repeats.finish();
        repeats.inner.text()
    }

    #[test]
    fn the_iterations_of_a_rep_are_one_record() {
        let text = collapsed(|run, out| {
            run.instruction(out, 0x100);
            run.rep(out, 0x101, 0x5000, 40);
            run.instruction(out, 0x103);
        });
        assert_eq!(text, "#0 100; elided 40+0 since 1: Repeat; #41 103");
    }

    #[test]
    fn a_single_iteration_stays_an_instruction_also_when_an_event_follows() {
        assert_eq!(collapsed(|run, out| run.rep(out, 0x101, 0x5000, 1)), "#0 101");
        let text = collapsed(|run, out| {
            run.step(out, 0x101, &[0xf3, 0xaa], 0x101, &[]);
            run.event(out);
            run.rep(out, 0x101, 0x5000, 2);
        });
        assert_eq!(text, "#0 101; #1 event; elided 2+0 since 1: Repeat");
    }

    #[test]
    fn a_rep_that_runs_twice_in_a_row_is_told_twice() {
        let text = collapsed(|run, out| {
            run.rep(out, 0x101, 0x5000, 3);
            run.rep(out, 0x101, 0x6000, 2);
        });
        assert_eq!(text, "elided 3+0 since 0: Repeat; elided 2+0 since 3: Repeat");
    }

    #[test]
    fn a_jump_to_itself_is_no_rep() {
        let text = collapsed(|run, out| {
            for _ in 0..3 {
                run.step(out, 0x100, &[0xeb, 0xfe], 0x100, &[]);
            }
        });
        assert_eq!(text, "#0 100; #1 100; #2 100");
    }

    #[test]
    fn what_was_read_and_written_is_told_as_a_range() {
        struct Ranges(Vec<(Stamp, Elision)>);
        impl Recorder for Ranges {
            fn instruction(&mut self, _: Stamp, _: &emulator::Step<'_>) {}

            fn event(&mut self, _: Stamp, _: &Event) {}

            fn elided(&mut self, stamp: Stamp, elision: &Elision) {
                self.0.push((stamp, elision.clone()));
            }
        }
        let mut repeats = Repeats::new(true, Ranges(Vec::new()));
        let mut run = Run::new();
        for (number, address) in [0x2000, 0x1ffc, 0x1ff8].into_iter().enumerate() {
            let access = |kind, address| Access { kind, address, length_bytes: 4, value: 0 };
            let next = if number == 2 { 0x102 } else { 0x100 };
            run.step(
                &mut repeats,
                0x100,
                &[0xf3, 0xa5],
                next,
                &[access(AccessKind::Read, address), access(AccessKind::Write, address + 0x1000)],
            );
        }
        let [(stamp, elision)] = repeats.inner.0.as_slice() else { panic!("{:?}", repeats.inner.0) };
        assert_eq!((stamp.instruction, elision.instructions), (3, 3));
        let Omission::Repeat(repeat) = &elision.omission else { panic!("{elision:?}") };
        assert_eq!((repeat.read, repeat.written), (Some((0x1ff8, 0x2003)), Some((0x2ff8, 0x3003))));
    }
}
