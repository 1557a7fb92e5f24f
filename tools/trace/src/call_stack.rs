//! Which functions are open in each partition of a run, as a reader of its source sees them: calls and returns, jumps into
//! another function, upcalls and traps and what returns from them, threads that the guest switches, LONGJMP, a partition that starts
//! again. It follows what the run did, needs no debug information, and is bounded however long the run is and whatever the guest does.
//!
//! A frame is known by where its return address lies on the stack. A return that takes its address from another frame's place
//! leaves all frames above it; one that takes it from a frame of a stack that was left before goes on there.
//!
//! Not modelled: frames deeper than [`DEPTH_MOST`]; what they do counts as done by the deepest that is followed.
//!
//! Not here: costs, times, lines.

use crate::functions::{Chunk, Function, FunctionId, Functions};
use crate::stretches::{Code, Stretch};
use crate::traced_system::TracedSystem;
use crate::transfer::{StepKind, Transfer, TransferKind, classify, classify_parts};
use emulator::Step;
use emulator::cpu::ESP;
use emulator::decode::stack_pointer_change;
use hypervisor_core::{Elision, Event, Omission, PartitionId, Stamp};
use std::collections::VecDeque;

/// Frames of a stack that are followed.
pub const DEPTH_MOST: usize = 512;
/// Stacks of a partition that are remembered while another one runs.
const STACKS_MOST: usize = 256;
/// Frames at the top of a stack that was left, to which a return may lead.
const SEARCHED_FRAMES: usize = 16;
/// EIP, CS and EFLAGS, as upcalls and traps push them.
const INTERRUPT_FRAME_BYTES: u32 = 12;
const NOWHERE: Chunk = Chunk { first: 1, last: 0, owner: None };

/// How a function was entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// As the first of its stack: the partition or a thread starts, or what led here is not in the trace.
    Start,
    /// By a call.
    Call,
    /// By a jump, or by running into it, in the place of the function that was left.
    Jump,
    /// By an upcall or a trap.
    Interrupt,
    /// It was entered before, and its stack is the one in use again.
    Resumed,
}

/// A function that is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The function.
    pub function: FunctionId,
    /// How it was entered; a function that was jumped to has what the function has in whose place it is. So it is
    /// [`Entry::Start`], [`Entry::Call`] or [`Entry::Interrupt`].
    pub entry: Entry,
    /// The instruction that called, or that was interrupted; the function's first for [`Entry::Start`].
    pub from: u32,
    /// Where the address to return to lies.
    slot: u32,
    return_address: u32,
}

/// A change of the frames that are open in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Frames were left, the innermost first; at least one.
    Left {
        /// How many.
        frames: usize,
    },
    /// A function was entered and is the innermost now.
    Entered {
        /// The function.
        function: FunctionId,
        /// How.
        entry: Entry,
        /// As [`Frame::from`].
        from: u32,
    },
}

/// The open frames of all partitions. Tell it of everything that a recorder is told of.
#[derive(Clone, Debug)]
pub struct CallStacks {
    partitions: Vec<Follower>,
    changes: Vec<Change>,
}

impl CallStacks {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(system: &TracedSystem) -> Self {
        let partitions =
            system.partitions.iter().map(|partition| Follower::new(Functions::new(&partition.symbols)));
        Self { partitions: partitions.collect(), changes: Vec::new() }
    }

    /// An instruction runs. The changes happened before it; it is the innermost frame's own.
    pub fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) -> &[Change] {
        self.changes.clear();
        self.partitions[stamp.partition.index()].step(step, &mut self.changes);
        &self.changes
    }

    /// Instructions run, and `tell` is told in order of changes, and of which of the instructions run after them: those from one place to
    /// before another, in the innermost frame.
    pub fn stretch(
        &mut self,
        stretch: &Stretch<'_>,
        mut tell: impl FnMut(&[Change], &[Frame], (usize, usize)),
    ) {
        self.changes.clear();
        let follower = &mut self.partitions[stretch.partition.index()];
        follower.stretch(stretch, &mut self.changes, &mut tell);
    }

    /// Whether stretches did not tell enough of ESP, so that the frames may not be right: only instruction by instruction they are.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.partitions.iter().any(|follower| follower.is_unsure)
    }

    /// An event happens. The changes happened before it, or by it if it is an upcall or a trap.
    pub fn event(&mut self, stamp: Stamp, event: &Event) -> &[Change] {
        self.changes.clear();
        let partition = &mut self.partitions[stamp.partition.index()];
        match event {
            Event::Upcall { eip, handler } => partition.interrupt(*eip, *handler, 0, &mut self.changes),
            Event::Trap { error_code, eip, handler, .. } => {
                let error_bytes = if error_code.is_some() { 4 } else { 0 };
                partition.interrupt(*eip, *handler, error_bytes, &mut self.changes);
            }
            Event::Restart { .. } => partition.restart(&mut self.changes),
            _ => {}
        }
        &self.changes
    }

    /// Something was left out. The iterations of a REP are the innermost frame's own, and the changes happened before them. A loop ends in
    /// a frame that was open when it began, or the frames begin anew, as they do after anything else.
    pub fn elided(&mut self, stamp: Stamp, elision: &Elision) -> &[Change] {
        self.changes.clear();
        let partition = &mut self.partitions[stamp.partition.index()];
        match &elision.omission {
            Omission::Repeat(repeat) => {
                partition.run_at(repeat.eip, repeat.registers_before[ESP], &mut self.changes);
                partition.expected = Some(repeat.eip.wrapping_add(repeat.bytes.len() as u32));
                partition.esp = repeat.registers_after[ESP];
            }
            Omission::Loop { .. } => partition.is_after_loop = true,
            Omission::Filter | Omission::Guest | Omission::Ring => {}
        }
        &self.changes
    }

    /// The frames of a partition, the outermost first.
    #[must_use]
    pub fn frames(&self, partition: PartitionId) -> &[Frame] {
        &self.partitions[partition.index()].stack
    }

    /// A function of a partition.
    ///
    /// # Panics
    /// If it is none of this partition.
    #[must_use]
    pub fn function(&self, partition: PartitionId, function: FunctionId) -> &Function {
        self.partitions[partition.index()].functions.get(function)
    }
}

/// A stack that is not in use.
#[derive(Clone, Debug)]
struct Suspended {
    frames: Vec<Frame>,
    /// ESP when it was left.
    esp: u32,
}

#[derive(Clone, Debug)]
struct Follower {
    functions: Functions,
    stack: Vec<Frame>,
    suspended: VecDeque<Suspended>,
    /// What the last instruction did and its successor shows.
    pending: Option<Transfer>,
    /// ESP before it was loaded with what may be another stack, until the next call or return says whether it was.
    left_esp: Option<u32>,
    /// Where the run goes on, unless instructions are missing from the trace.
    expected: Option<u32>,
    /// Turns of a loop were left out since the last instruction.
    is_after_loop: bool,
    esp: u32,
    /// Frames that events have entered since the last instruction.
    interrupts: usize,
    /// Addresses that are known to be the innermost function's.
    chunk: Chunk,
    is_unsure: bool,
}

impl Follower {
    fn new(functions: Functions) -> Self {
        Self {
            functions,
            stack: Vec::new(),
            suspended: VecDeque::new(),
            pending: None,
            left_esp: None,
            expected: None,
            is_after_loop: false,
            esp: 0,
            interrupts: 0,
            chunk: NOWHERE,
            is_unsure: false,
        }
    }

    #[inline]
    fn stretch(
        &mut self,
        stretch: &Stretch<'_>,
        changes: &mut Vec<Change>,
        tell: &mut impl FnMut(&[Change], &[Frame], (usize, usize)),
    ) {
        let Stretch { code, instructions, esp: (before, after), next, .. } = *stretch;
        self.run_at(code.eip(), before, changes);
        let (last, bytes) = stretch.last();
        if self.chunk.contains(code.eip()) && self.chunk.contains(last) {
            tell(changes, &self.stack, (0, instructions));
        } else {
            self.run_through(stretch, changes, tell);
        }
        self.is_unsure |= code.hides_load;
        if code.may_transfer && stretch.is_whole() {
            let esp_before = match code.last_change {
                _ if instructions == 1 => Some(before),
                change => change.map(|change| after.wrapping_sub_signed(change)),
            };
            let kind = classify_parts((last, bytes), (esp_before.unwrap_or(before), after), next);
            let is_return = |transfer: Transfer| matches!(transfer.kind, TransferKind::Return { .. });
            self.is_unsure |= esp_before.is_none()
                && match kind {
                    StepKind::Plain => false,
                    StepKind::StackLoaded => true,
                    StepKind::Transfer(transfer) => is_return(transfer),
                };
            self.follow(kind, (before, after));
        }
        self.expected = Some(next);
        self.esp = after;
    }

    /// The instructions of a stretch run, and not all of them are known to be the innermost function's.
    #[cold]
    fn run_through(
        &mut self,
        stretch: &Stretch<'_>,
        changes: &mut Vec<Change>,
        tell: &mut impl FnMut(&[Change], &[Frame], (usize, usize)),
    ) {
        let Stretch { code, instructions, esp: (before, _), .. } = *stretch;
        let mut esp = Some(before);
        let mut since = 0;
        for place in 1..instructions {
            esp = esp.and_then(|esp| moved(code, place - 1, esp));
            let (eip, _) = code.instruction(place);
            if self.chunk.contains(eip) {
                continue;
            }
            let is_own = self.stack.last().is_some_and(|top| self.functions.contains(top.function, eip));
            if !is_own {
                self.is_unsure |= esp.is_none();
                tell(changes, &self.stack, (since, place));
                changes.clear();
                since = place;
            }
            self.place(eip, esp.unwrap_or(before), changes);
        }
        tell(changes, &self.stack, (since, instructions));
    }

    fn step(&mut self, step: &Step<'_>, changes: &mut Vec<Change>) {
        let (before, after) = (step.registers_before[ESP], step.after.registers[ESP]);
        self.run_at(step.eip, before, changes);
        self.follow(classify(step), (before, after));
        self.expected = Some(step.after.eip);
        self.esp = after;
    }

    /// Does what an instruction does, as far as it is known before its successor runs.
    fn follow(&mut self, kind: StepKind, (before, after): (u32, u32)) {
        match kind {
            StepKind::Plain => {}
            StepKind::StackLoaded => self.stack_loaded(before, after),
            StepKind::Transfer(transfer) => {
                let stays = transfer.kind == TransferKind::Jump
                    && self.left_esp.is_none()
                    && self.chunk.contains(transfer.target);
                self.pending = (!stays).then_some(transfer);
            }
        }
    }

    /// The instruction at this address runs now.
    fn run_at(&mut self, eip: u32, esp: u32, changes: &mut Vec<Change>) {
        self.settle(changes);
        if self.expected != Some(eip) {
            let holds = |frame: &Frame| self.is_after_loop && self.functions.contains(frame.function, eip);
            let kept = self.stack.iter().rposition(holds).map_or(0, |place| place + 1);
            self.leave(self.stack.len() - kept, changes);
        }
        self.is_after_loop = false;
        self.place_interrupts(esp);
        if !self.chunk.contains(eip) {
            self.place(eip, esp, changes);
        }
    }

    fn interrupt(&mut self, eip: u32, handler: u32, error_bytes: u32, changes: &mut Vec<Change>) {
        self.settle(changes);
        let slot = self.esp.wrapping_sub(INTERRUPT_FRAME_BYTES);
        self.esp = slot.wrapping_sub(error_bytes);
        let function = self.functions.entered(handler);
        let entry = Entry::Interrupt;
        if self.enter(Frame { function, entry, from: eip, slot, return_address: eip }, changes) {
            self.interrupts += 1;
        }
        self.expected = Some(handler);
    }

    fn restart(&mut self, changes: &mut Vec<Change>) {
        self.leave(self.stack.len(), changes);
        self.suspended.clear();
        (self.pending, self.left_esp, self.expected, self.interrupts) = (None, None, None, 0);
    }

    /// Before the first instruction ESP is not known; then frames of events are placed by the instruction after them.
    fn place_interrupts(&mut self, esp: u32) {
        let error = esp.wrapping_sub(self.esp);
        if self.interrupts > 0 && error != 0 {
            for frame in self.stack.iter_mut().rev().take(self.interrupts) {
                frame.slot = frame.slot.wrapping_add(error);
            }
        }
        self.interrupts = 0;
    }

    /// The innermost function has to hold the instruction that runs.
    fn place(&mut self, eip: u32, esp: u32, changes: &mut Vec<Change>) {
        match self.stack.last().copied() {
            None => {
                let function = self.functions.entered(eip);
                self.enter(
                    Frame { function, entry: Entry::Start, from: eip, slot: esp, return_address: 0 },
                    changes,
                );
            }
            Some(top) if self.functions.contains(top.function, eip) => {}
            // Deeper than is followed.
            Some(top) if self.stack.len() == DEPTH_MOST && esp < top.slot => return,
            Some(top) => {
                self.leave(1, changes);
                let function = self.functions.entered(eip);
                let slot = top.slot.max(esp);
                self.stack.push(Frame { function, slot, ..top });
                changes.push(Change::Entered { function, entry: Entry::Jump, from: top.from });
            }
        }
        self.chunk = self.functions.chunk(eip);
    }

    fn stack_loaded(&mut self, before: u32, after: u32) {
        let Some(top) = self.stack.last() else { return };
        let within_frame = before <= after && after <= top.slot;
        if !within_frame && self.left_esp.is_none() {
            self.left_esp = Some(before);
        }
    }

    /// Does what the last instruction did.
    fn settle(&mut self, changes: &mut Vec<Change>) {
        let Some(transfer) = self.pending.take() else { return };
        match transfer.kind {
            TransferKind::Call { return_address } => {
                self.left_esp = None;
                let function = self.functions.entered(transfer.target);
                let (from, slot) = (transfer.from, transfer.esp);
                self.enter(Frame { function, entry: Entry::Call, from, slot, return_address }, changes);
            }
            TransferKind::Return { slot } => {
                if !self.return_through(slot, transfer, changes) {
                    self.go_to(transfer, changes);
                }
                self.left_esp = None;
            }
            TransferKind::Jump => self.go_to(transfer, changes),
        }
    }

    /// Leaves the frame whose return address was used, if it is known.
    fn return_through(&mut self, slot: u32, transfer: Transfer, changes: &mut Vec<Change>) -> bool {
        let is_left = |frame: &Frame| frame.slot == slot && frame.return_address == transfer.target;
        if self.stack.last().is_some_and(|top| top.slot == slot && top.entry != Entry::Start) {
            self.leave(1, changes);
            return true;
        }
        if let Some(place) = self.stack.iter().rposition(is_left) {
            self.leave(self.stack.len() - place, changes);
            return true;
        }
        let holder = self.suspended.iter().enumerate().rev().find_map(|(index, suspended)| {
            let frames = suspended.frames.iter().rev().take(SEARCHED_FRAMES);
            frames.enumerate().find(|(_, frame)| is_left(frame)).map(|(above, _)| (index, above + 1))
        });
        let Some((index, left)) = holder else { return false };
        self.resume(index, left, transfer, changes);
        true
    }

    /// The run goes on at an address to which no frame returns: after LONGJMP, in a new thread, or by a plain jump.
    fn go_to(&mut self, transfer: Transfer, changes: &mut Vec<Change>) {
        let Transfer { target, esp, .. } = transfer;
        let holds_target = |frame: &Frame| self.functions.contains(frame.function, target);
        let lands = |frames: &[Frame]| {
            let gone = frames.iter().rev().take_while(|frame| frame.slot < esp).count();
            let innermost = frames.len().checked_sub(gone + 1).map(|place| &frames[place]);
            innermost.is_some_and(holds_target).then_some(gone)
        };
        if let Some(gone) = lands(&self.stack) {
            return self.leave(gone, changes);
        }
        if self.left_esp.is_none() || self.stack.last().is_some_and(holds_target) {
            return self.chunk = NOWHERE;
        }
        let returned_to = self.suspended.iter().enumerate().rev().find_map(|(index, suspended)| {
            lands(&suspended.frames).filter(|_| suspended.esp <= esp).map(|gone| (index, gone))
        });
        if let Some((index, gone)) = returned_to {
            return self.resume(index, gone, transfer, changes);
        }
        self.suspend(transfer, changes);
        let function = self.functions.entered(target);
        self.enter(
            Frame { function, entry: Entry::Start, from: target, slot: esp, return_address: 0 },
            changes,
        );
    }

    fn suspend(&mut self, transfer: Transfer, changes: &mut Vec<Change>) {
        let frames = self.stack.clone();
        self.leave(frames.len(), changes);
        if frames.is_empty() {
            return;
        }
        if self.suspended.len() == STACKS_MOST {
            self.suspended.pop_front();
        }
        let esp = self.left_esp.take().unwrap_or(transfer.esp);
        self.suspended.push_back(Suspended { frames, esp });
    }

    /// Goes on on a stack that was left, without some of its frames.
    fn resume(&mut self, index: usize, left: usize, transfer: Transfer, changes: &mut Vec<Change>) {
        let Some(Suspended { mut frames, .. }) = self.suspended.remove(index) else { return };
        self.suspend(transfer, changes);
        frames.truncate(frames.len() - left);
        changes.extend(frames.iter().map(|frame| Change::Entered {
            function: frame.function,
            entry: Entry::Resumed,
            from: frame.from,
        }));
        self.stack = frames;
        self.chunk = NOWHERE;
    }

    fn enter(&mut self, frame: Frame, changes: &mut Vec<Change>) -> bool {
        self.chunk = NOWHERE;
        let is_followed = self.stack.len() < DEPTH_MOST;
        if is_followed {
            self.stack.push(frame);
            let Frame { function, entry, from, .. } = frame;
            changes.push(Change::Entered { function, entry, from });
        }
        is_followed
    }

    fn leave(&mut self, frames: usize, changes: &mut Vec<Change>) {
        self.chunk = NOWHERE;
        if frames > 0 {
            self.stack.truncate(self.stack.len() - frames);
            changes.push(Change::Left { frames });
        }
    }
}

/// ESP after an instruction of a block, if its bytes say so.
fn moved(code: &Code, place: usize, esp: u32) -> Option<u32> {
    let change = stack_pointer_change(code.instruction(place).1);
    change.map(|change| esp.wrapping_add_signed(change))
}

#[cfg(test)]
mod tests;
