//! Who runs when: cyclic plans of windows, exact to the unit. Pure policy; knows no guest.
//!
//! Not here: what happens to a partition when a plan begins, which the machine does.

use crate::config::{PartitionId, PlanId};
use crate::seeded_faults::{Fault, seeded};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};

/// A time window of a plan, in units from the start of the major frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Who runs in it.
    pub partition: PartitionId,
    /// Its first unit.
    pub start: u64,
    /// Its length, at least 1.
    pub length: u64,
}

impl Window {
    /// The first unit after it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// A schedule plan: a major frame that repeats. Units that belong to no window are a gap, in which nobody runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Length of the major frame in units, at least the end of the last window.
    pub frame: u64,
    /// The windows by start; they do not overlap.
    pub windows: Vec<Window>,
    /// What happens to each partition when the plan begins; none for the partitions that are not named.
    pub actions: Vec<(PartitionId, PlanAction)>,
}

impl Plan {
    /// A plan in which one partition always runs.
    #[must_use]
    pub fn always(partition: PartitionId) -> Self {
        let window = Window { partition, start: 0, length: u64::MAX };
        Self { name: "always".to_owned(), frame: u64::MAX, windows: vec![window], actions: Vec::new() }
    }
}

/// What happens to a partition when a plan begins (ARINC 653 Part 2, 3.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum PlanAction {
    /// It is started again from its image, with everything zeroed.
    ColdRestart,
    /// It is started again from its image, and told that it was a warm start.
    WarmRestart,
}

/// When a plan that was asked for begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub enum PlanSwitch {
    /// At the end of the major frame.
    #[default]
    FrameEnd,
    /// Before the next instruction.
    AtOnce,
}

/// What the schedule says about an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// The window, by its place in the plan; None in a gap.
    pub window: Option<usize>,
    /// Who runs.
    pub partition: Option<PartitionId>,
    /// The first unit of the window or gap.
    pub start: u64,
    /// The first unit after it.
    pub end: u64,
}

/// The schedule of a system.
#[derive(Clone, Debug)]
pub struct Schedule {
    plans: Vec<Plan>,
    current: PlanId,
    next: Option<PlanId>,
    switch: PlanSwitch,
    /// Where the current major frame began.
    frame_start: u64,
    frames: u64,
    /// The first window that has not ended.
    cursor: usize,
}

/// What of a schedule changes in a run. The slot of now is that of its first unit.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedSchedule {
    current: PlanId,
    next: Option<PlanId>,
    frame_start: u64,
    frames: u64,
    cursor: usize,
    slot_start: u64,
}

/// What changed when time passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// A major frame ended.
    pub frame_ended: bool,
    /// This plan began.
    pub plan_began: Option<PlanId>,
}

impl Schedule {
    /// A schedule that begins with the first of `plans` at unit 0.
    ///
    /// # Panics
    /// If there is no plan.
    #[must_use]
    pub fn new(plans: Vec<Plan>, switch: PlanSwitch) -> Self {
        assert!(!plans.is_empty(), "a schedule has at least one plan");
        Self { plans, current: PlanId(0), next: None, switch, frame_start: 0, frames: 0, cursor: 0 }
    }

    /// The plan that runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plans[self.current.index()]
    }

    /// Its number.
    #[must_use]
    pub fn current(&self) -> PlanId {
        self.current
    }

    /// The plan that was asked for and has not begun.
    #[must_use]
    pub fn next(&self) -> Option<PlanId> {
        self.next
    }

    /// All plans, by their numbers.
    #[must_use]
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Where the current major frame began, in units.
    #[must_use]
    pub fn frame_start(&self) -> u64 {
        self.frame_start
    }

    /// How many major frames have ended.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Asks for another plan; the last request counts. One for the plan that runs takes a request back. Returns whether
    /// the plan exists.
    pub fn request(&mut self, plan: PlanId) -> bool {
        if plan.index() >= self.plans.len() {
            return false;
        }
        if self.next.is_none() || !seeded(Fault::FirstPlanCounts) {
            self.next = (plan != self.current).then_some(plan);
        }
        true
    }

    /// Follows time to `now`, which never goes back and never passes the end of the slot before.
    pub fn advance(&mut self, now: u64) -> Passed {
        let mut passed = Passed::default();
        let frame_end = self.frame_start.saturating_add(self.plan().frame);
        if now >= frame_end && frame_end != u64::MAX {
            passed.frame_ended = true;
            self.frames += 1;
            self.frame_start = frame_end;
            self.cursor = 0;
        }
        let at_once = self.switch == PlanSwitch::AtOnce || seeded(Fault::SwitchesAfterTheWindow);
        if (passed.frame_ended || at_once)
            && let Some(plan) = self.next.take()
        {
            passed.plan_began = Some(plan);
            self.current = plan;
            self.frame_start = now;
            self.cursor = 0;
        }
        let offset = now - self.frame_start;
        while self.plan().windows.get(self.cursor).is_some_and(|window| window.end() <= offset) {
            self.cursor += 1;
        }
        passed
    }

    /// Who runs at `now`, to which the schedule was advanced.
    #[must_use]
    pub fn slot(&self, now: u64) -> Slot {
        let plan = self.plan();
        let at = |offset: u64| self.frame_start.saturating_add(offset);
        let gap_start = self.cursor.checked_sub(1).map_or(0, |before| plan.windows[before].end());
        let gap = |end| Slot { window: None, partition: None, start: at(gap_start), end };
        match plan.windows.get(self.cursor) {
            Some(window) if window.start <= now - self.frame_start => Slot {
                window: Some(self.cursor),
                partition: Some(window.partition),
                start: at(window.start),
                end: at(window.end()),
            },
            Some(window) => gap(at(window.start)),
            None => gap(at(plan.frame)),
        }
    }

    /// What it is to be restored from, where this is what it says about now.
    pub(crate) fn saved(&self, slot: Slot) -> SavedSchedule {
        let Self { plans: _, current, next, switch: _, frame_start, frames, cursor } = *self;
        SavedSchedule { current, next, frame_start, frames, cursor, slot_start: slot.start }
    }

    /// Goes back to where it was saved, and returns what it said then.
    pub(crate) fn restore(&mut self, saved: &SavedSchedule, fit: &Fit<'_>) -> Result<Slot, Damaged> {
        let SavedSchedule { current, next, frame_start, frames, cursor, slot_start } = *saved;
        fit.plan(current)?;
        next.map_or(Ok(()), |next| fit.plan(next))?;
        fit.count(frames)?;
        let plans = std::mem::take(&mut self.plans);
        *self = Self { plans, current, next, switch: self.switch, frame_start, frames, cursor };
        let now = fit.clock.units();
        let in_frame = frame_start <= slot_start && slot_start <= now && cursor <= self.plan().windows.len();
        holds(in_frame, "now is not in the frame of the schedule")?;
        let slot = self.slot(slot_start);
        holds(slot.start == slot_start && now <= slot.end, "now is not in the slot of the schedule")?;
        Ok(slot)
    }

    /// The numbers that decide what runs next, for a digest of state.
    #[must_use]
    pub fn encoded(&self) -> [u64; 5] {
        let next = self.next.map_or(0, |plan| 1 + u64::from(plan.0));
        [u64::from(self.current.0), next, self.frame_start, self.frames, self.cursor as u64]
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, PlanSwitch, Schedule, Window};
    use crate::config::{PartitionId, PlanId};

    fn window(partition: u16, start: u64, length: u64) -> Window {
        Window { partition: PartitionId(partition), start, length }
    }

    fn plan(frame: u64, windows: &[Window]) -> Plan {
        Plan { name: String::new(), frame, windows: windows.to_vec(), actions: Vec::new() }
    }

    /// Who runs in each unit, `-` for nobody.
    fn timeline(schedule: &mut Schedule, units: u64) -> String {
        let mut text = String::new();
        let mut now = 0;
        while now < units {
            schedule.advance(now);
            let slot = schedule.slot(now);
            assert!(slot.start <= now && slot.end > now, "{slot:?} at {now}");
            let end = slot.end.min(units);
            let who = slot.partition.map_or('-', |partition| char::from(b'0' + partition.0 as u8));
            text.extend((now..end).map(|_| who));
            now = end;
        }
        text
    }

    #[test]
    fn windows_and_gaps_repeat_with_the_frame() {
        let windows = [window(0, 1, 3), window(1, 4, 2), window(0, 8, 1)];
        let mut schedule = Schedule::new(vec![plan(10, &windows)], PlanSwitch::FrameEnd);
        assert_eq!(timeline(&mut schedule, 25), "-00011--0--00011--0--0001");
        assert_eq!(schedule.frames(), 2);
    }

    #[test]
    fn a_plan_without_an_end_never_ends() {
        let mut schedule = Schedule::new(vec![Plan::always(PartitionId(0))], PlanSwitch::FrameEnd);
        assert_eq!(schedule.advance(u64::MAX - 1), super::Passed::default());
        assert_eq!(schedule.slot(u64::MAX - 1).partition, Some(PartitionId(0)));
        assert_eq!(schedule.slot(5).end, u64::MAX);
    }

    #[test]
    fn a_plan_that_was_asked_for_begins_at_the_end_of_the_frame() {
        let plans = vec![plan(4, &[window(0, 0, 4)]), plan(3, &[window(1, 0, 2)])];
        let mut schedule = Schedule::new(plans, PlanSwitch::FrameEnd);
        schedule.advance(1);
        assert!(schedule.request(PlanId(1)));
        assert_eq!(schedule.advance(3).plan_began, None);
        assert_eq!(schedule.advance(4).plan_began, Some(PlanId(1)));
        assert_eq!(schedule.slot(4).partition, Some(PartitionId(1)));
        assert_eq!(schedule.slot(4).end, 6);
    }

    #[test]
    fn a_plan_begins_at_once_where_the_configuration_says_so() {
        let plans = vec![plan(4, &[window(0, 0, 4)]), plan(3, &[window(1, 1, 2)])];
        let mut schedule = Schedule::new(plans, PlanSwitch::AtOnce);
        schedule.advance(1);
        schedule.request(PlanId(1));
        assert_eq!(schedule.advance(2).plan_began, Some(PlanId(1)));
        assert_eq!(schedule.slot(2), super::Slot { window: None, partition: None, start: 2, end: 3 });
    }

    #[test]
    fn the_last_request_counts_and_the_current_plan_takes_it_back() {
        let plans = vec![plan(4, &[]), plan(3, &[]), plan(2, &[])];
        let mut schedule = Schedule::new(plans, PlanSwitch::FrameEnd);
        assert!(schedule.request(PlanId(1)) && schedule.request(PlanId(2)));
        assert_eq!(schedule.next(), Some(PlanId(2)));
        assert!(schedule.request(PlanId(0)));
        assert_eq!(schedule.advance(4).plan_began, None);
        assert!(!schedule.request(PlanId(3)));
    }
}
