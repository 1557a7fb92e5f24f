//! The windows of a run, exact however many there are: a plan repeats itself, so that a kind of frame and how often it came say
//! all. A frame that was cut short or had other windows is a kind of its own.
//!
//! Bounded: past [`FRAME_WINDOWS_MOST`] and [`FRAME_RUNS_MOST`] the rest is only in the bins.

use crate::bounds::{FRAME_RUNS_MOST, FRAME_WINDOWS_MOST};
use serde::Serialize;
use std::collections::HashMap;

/// A window that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Whose it was.
    pub partition: u16,
    /// The plan.
    pub plan: u32,
    /// Its place in the plan.
    pub window: u32,
    /// Its first unit.
    pub start: u64,
    /// The first unit after it.
    pub end: u64,
}

/// A kind of frame: its plan, and partition, place in the plan, first unit in the frame, and length of each window.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Frame {
    /// The plan.
    pub plan: u32,
    /// The windows.
    pub windows: Vec<(u16, u32, u64, u64)>,
}

/// Frames of one kind that follow each other: the kind, the first unit, the units from one to the next, how many.
pub type FrameRun = (u32, u64, u64, u64);

/// Follows the windows.
#[derive(Debug, Default)]
pub struct Schedule {
    open: Option<(u64, Frame)>,
    numbers: HashMap<Frame, u32>,
    frames: Vec<Frame>,
    frame_windows: usize,
    runs: Vec<FrameRun>,
    windows: u64,
    /// The first unit of the frames for which there was no room, and how many windows they have.
    left_out: Option<(u64, u64)>,
}

/// The windows as the page has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The kinds of frames.
    pub frames: Vec<Frame>,
    /// What came when.
    pub runs: Vec<FrameRun>,
    /// How many windows there were.
    pub windows: u64,
    /// From this unit on so many windows are only in the bins.
    pub left_out: Option<(u64, u64)>,
}

impl Schedule {
    /// A window is over.
    pub fn add(&mut self, window: Window) {
        self.windows += 1;
        let Window { partition, plan, window, start, end } = window;
        let goes_on = self.open.as_ref().is_some_and(|(_, frame)| {
            frame.plan == plan && frame.windows.last().is_some_and(|(_, last, ..)| *last < window)
        });
        if !goes_on || self.open.as_ref().is_some_and(|(_, frame)| frame.windows.len() >= FRAME_WINDOWS_MOST)
        {
            self.end_frame();
        }
        let (first, frame) = self.open.get_or_insert_with(|| (start, Frame { plan, windows: Vec::new() }));
        frame.windows.push((partition, window, start.saturating_sub(*first), end.saturating_sub(start)));
    }

    fn end_frame(&mut self) {
        let Some((start, frame)) = self.open.take() else { return };
        let windows = frame.windows.len();
        let Some(number) = self.number(frame) else {
            let (_, left_out) = self.left_out.get_or_insert((start, 0));
            *left_out += windows as u64;
            return;
        };
        if let Some((kind, first, period, count)) = self.runs.last_mut()
            && *kind == number
        {
            if *count == 1 {
                (*period, *count) = (start.saturating_sub(*first), 2);
                return;
            }
            if period.checked_mul(*count).and_then(|after| first.checked_add(after)) == Some(start) {
                *count += 1;
                return;
            }
        }
        self.runs.push((number, start, 0, 1));
    }

    /// The number of a kind of frame; None if there is no room for it.
    fn number(&mut self, frame: Frame) -> Option<u32> {
        if self.left_out.is_some() || self.runs.len() >= FRAME_RUNS_MOST {
            return None;
        }
        if let Some(number) = self.numbers.get(&frame) {
            return Some(*number);
        }
        self.frame_windows += frame.windows.len();
        if self.frame_windows > FRAME_WINDOWS_MOST {
            return None;
        }
        let number = self.frames.len() as u32;
        self.frames.push(frame.clone());
        self.numbers.insert(frame, number);
        Some(number)
    }

    /// As the page has them.
    pub fn shown(mut self) -> Shown {
        self.end_frame();
        Shown { frames: self.frames, runs: self.runs, windows: self.windows, left_out: self.left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, Window};
    use crate::bounds::{FRAME_RUNS_MOST, FRAME_WINDOWS_MOST};

    fn window(place: u32, start: u64, length: u64) -> Window {
        Window { partition: place as u16, plan: 0, window: place, start, end: start + length }
    }

    #[test]
    fn a_million_frames_that_are_alike_are_one_run() {
        let mut schedule = Schedule::default();
        for frame in 0..1_000_000 {
            schedule.add(window(0, frame * 100, 30));
            schedule.add(window(1, frame * 100 + 40, 60));
        }
        let shown = schedule.shown();
        assert_eq!(shown.runs, [(0, 0, 100, 1_000_000)]);
        assert_eq!(shown.frames[0].windows, [(0, 0, 0, 30), (1, 1, 40, 60)]);
        assert_eq!((shown.windows, shown.left_out), (2_000_000, None));
    }

    #[test]
    fn a_frame_that_was_cut_short_and_one_of_another_plan_are_told_apart() {
        let mut schedule = Schedule::default();
        for add in [window(0, 0, 30), window(1, 40, 60), window(0, 100, 30), window(1, 140, 20)] {
            schedule.add(add);
        }
        schedule.add(Window { plan: 1, ..window(2, 160, 5) });
        let shown = schedule.shown();
        assert_eq!(shown.runs, [(0, 0, 0, 1), (1, 100, 0, 1), (2, 160, 0, 1)]);
        assert_eq!(shown.frames[1].windows[1], (1, 1, 40, 20));
        assert_eq!(shown.frames[2].plan, 1);
    }

    #[test]
    fn frames_that_are_late_begin_another_run() {
        let mut schedule = Schedule::default();
        for start in [0, 100, 200, 307, 407] {
            schedule.add(window(0, start, 30));
        }
        assert_eq!(schedule.shown().runs, [(0, 0, 100, 3), (0, 307, 100, 2)]);
    }

    #[test]
    fn frames_without_end_that_are_all_different_are_left_out_and_counted() {
        let mut schedule = Schedule::default();
        for frame in 0..100_000 {
            schedule.add(window(0, frame * 1_000_000, frame + 1));
        }
        let shown = schedule.shown();
        let kept = FRAME_RUNS_MOST.min(FRAME_WINDOWS_MOST) as u64;
        assert_eq!(shown.runs.len() as u64, kept);
        assert_eq!(shown.left_out, Some((kept * 1_000_000, 100_000 - kept)));
    }
}
