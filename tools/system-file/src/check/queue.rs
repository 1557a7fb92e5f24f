//! Queues against the worst burst: whenever the sender's bursts come, the queue has room.
//!
//! The model: `burst` messages come up every `period`, at any phase. The sender sends them as soon as it has a window. The receiver takes
//! `drain` messages at the start of each of its windows. A queue that fills up does so from an instant at which it was
//! empty, and fills up most if a burst came up just when the sender's window before had ended. So it is enough to follow
//! the queue from each window of the sender on with that phase, until it is empty again.

use super::timeline::Timeline;
use super::windows::{Effort, PlanWindows, of_plans};
use crate::diagnostic::Diagnostic;
use crate::model::{Queuing, System};
use hypervisor_core::config::{Flush, PartitionId};

/// One story is followed so far at most.
const EVENTS_MOST: u64 = 100_000;

/// Reports queues that overflow.
pub fn check(system: &System, effort: &mut Effort, diagnostics: &mut Vec<Diagnostic>) {
    let plans = of_plans(system);
    for port in &system.queuings {
        for plan in &plans {
            let Some(queue) = Queue::of(port, plan, effort) else { continue };
            diagnostics
                .extend(queue.verdict(effort).and_then(|verdict| queue.report(system, &verdict, effort)));
        }
    }
}

/// Something that happens to the queue, at a unit of the frame.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// What was sent before `horizon` arrives.
    Arrival { horizon: u64 },
    /// The receiver's window begins.
    Receipt,
}

struct Queue<'p> {
    port: &'p Queuing,
    plan: &'p PlanWindows<'p>,
    from: PartitionId,
    to: PartitionId,
    burst: u64,
    period: u64,
    depth: u64,
    /// None: all.
    drain: Option<u64>,
    /// Of one frame, by time.
    events: Vec<(u64, Event)>,
}

/// What becomes of a queue.
struct Verdict {
    /// The event with which the worst story begins.
    first: usize,
    /// How many messages then wait at most; None: no number is enough.
    needs: Option<u64>,
    /// The story could not be followed to its end.
    is_open: bool,
}

impl<'p> Queue<'p> {
    fn of(port: &'p Queuing, plan: &'p PlanWindows<'p>, effort: &mut Effort) -> Option<Self> {
        let (from, to) = (port.from.as_ref()?.value, port.to.as_ref()?.value);
        let (burst, period) = (port.burst.as_ref()?.value, port.period.as_ref()?.units);
        if !effort.spend((plan.of(from).len() + plan.of(to).len()) as u64) {
            return None;
        }
        let mut events: Vec<(u64, Event)> = match port.flush {
            Flush::Immediate | Flush::Window => plan
                .of(from)
                .iter()
                .map(|window| (window.end, Event::Arrival { horizon: window.end }))
                .collect(),
            Flush::Frame => plan
                .of(from)
                .last()
                .map(|window| (plan.frame, Event::Arrival { horizon: window.end }))
                .into_iter()
                .collect(),
        };
        if events.is_empty() || from == to {
            return None;
        }
        events.extend(plan.of(to).iter().map(|window| (window.start, Event::Receipt)));
        // What arrives when the receiver's window begins is there.
        events.sort_by_key(|(time, event)| (*time, matches!(event, Event::Receipt)));
        Some(Self {
            port,
            plan,
            from,
            to,
            burst,
            period,
            depth: port.depth.as_ref()?.value,
            drain: port.drain.as_ref().map(|drain| drain.value),
            events,
        })
    }

    /// More messages come up in the long run than are received.
    fn grows_for_ever(&self) -> bool {
        let windows = self.plan.of(self.to).len() as u128;
        match self.drain {
            None => windows == 0,
            Some(drain) => {
                let sent = u128::from(self.burst) * u128::from(self.plan.frame);
                sent > u128::from(drain) * windows * u128::from(self.period)
            }
        }
    }

    /// Follows every story. If the effort is spent, only those so far.
    fn verdict(&self, effort: &mut Effort) -> Option<Verdict> {
        let arrivals: Vec<usize> = (0..self.events.len())
            .filter(|place| matches!(self.events[*place].1, Event::Arrival { .. }))
            .collect();
        if self.grows_for_ever() {
            return Some(Verdict { first: *arrivals.first()?, needs: None, is_open: false });
        }
        let mut worst = Verdict { first: *arrivals.first()?, needs: Some(0), is_open: false };
        for first in arrivals {
            let (mut most, mut looks) = (0, 0);
            let ended = self.follow(first, |step| {
                most = most.max(step.waiting);
                looks += 1;
                looks < EVENTS_MOST && effort.spend(1)
            });
            worst.is_open |= !ended;
            if worst.needs.is_some_and(|needs| most > needs) {
                worst.first = first;
                worst.needs = Some(most);
            }
            if effort.is_spent {
                break;
            }
        }
        Some(worst)
    }

    /// Follows the queue from the arrival `first` on, before which it is empty. Returns whether it became empty again;
    /// `see` ends it before.
    fn follow(&self, first: usize, mut see: impl FnMut(Step) -> bool) -> bool {
        let frame = u128::from(self.plan.frame);
        let horizon_before = self.horizon_before(first);
        let (mut waiting, mut sent) = (0_u64, 0_u64);
        for place in first.. {
            let (round, place) = (place / self.events.len(), place % self.events.len());
            let (time, event) = self.events[place];
            let start = frame * round as u128;
            let Ok(unit) = u64::try_from(start + u128::from(time)) else { return false };
            let moved = match event {
                Event::Arrival { horizon } => {
                    // Counted from one frame before the first, so that nothing is negative.
                    let passed = start + frame + u128::from(horizon) - horizon_before;
                    let bursts = u64::try_from(passed.div_ceil(u128::from(self.period))).unwrap_or(u64::MAX);
                    let all = bursts.saturating_mul(self.burst);
                    let new = all - sent;
                    sent = all;
                    waiting = waiting.saturating_add(new);
                    new
                }
                Event::Receipt => {
                    let taken = self.drain.unwrap_or(u64::MAX).min(waiting);
                    waiting -= taken;
                    taken
                }
            };
            let is_arrival = matches!(event, Event::Arrival { .. });
            if !see(Step { unit, is_arrival, moved, waiting }) {
                return false;
            }
            if waiting == 0 {
                return true;
            }
        }
        false
    }

    /// Up to where what was sent arrived before the arrival `first`, counted from one frame before the first frame.
    fn horizon_before(&self, first: usize) -> u128 {
        let horizons = |range: &[(u64, Event)]| {
            range.iter().rev().find_map(|(_, event)| match event {
                Event::Arrival { horizon } => Some(u128::from(*horizon)),
                Event::Receipt => None,
            })
        };
        let frame = u128::from(self.plan.frame);
        horizons(&self.events[..first])
            .map_or_else(|| horizons(&self.events).unwrap_or(0), |horizon| horizon + frame)
    }

    fn report(&self, system: &System, verdict: &Verdict, effort: &mut Effort) -> Option<Diagnostic> {
        let depth = self.port.depth.as_ref()?;
        let name = &self.port.name.value;
        if verdict.needs.is_some_and(|needs| needs <= self.depth) {
            return (verdict.is_open && !effort.is_spent).then(|| {
                Diagnostic::warning(format!("it could not be proved that the queue `{name}` never overflows"))
                    .at(depth.span.clone(), "no overflow was found")
                    .note("frame and period repeat together only after too many windows")
                    .help("make `period` a multiple or a part of the frame")
            });
        }
        let to = system.partition_name(self.to);
        let title = format!("the queue `{name}` overflows in the plan `{}`", self.plan.name);
        // In a plan without the receiver, messages pile up by intent or not.
        let receives = self.plan.place == 0 || !self.plan.of(self.to).is_empty();
        let diagnostic = if receives { Diagnostic::error(title) } else { Diagnostic::warning(title) };
        let advice = match verdict.needs {
            Some(needs) => {
                format!("write `depth = {needs}`, or let {to} receive more in a window or run more often")
            }
            None if self.plan.of(self.to).is_empty() => {
                format!("give {to} a window in this plan: no depth is enough")
            }
            None => format!(
                "let {to} receive more in a window or run more often: no depth is enough, more is sent than received"
            ),
        };
        let burst = self.port.burst.as_ref()?;
        Some(
            diagnostic
                .at(depth.span.clone(), messages(self.depth))
                .also(burst.span.clone(), format!("{} in {}", messages(self.burst), system.time(self.period)))
                .note(self.story(system, verdict.first, effort))
                .help(advice),
        )
    }

    fn story(&self, system: &System, first: usize, effort: &mut Effort) -> String {
        let (from, to) = (system.partition_name(self.from), system.partition_name(self.to));
        let mut timeline = Timeline::new(system);
        let (mut looks, mut waiting) = (0, 0);
        self.follow(first, |step| {
            let (moved, depth) = (step.moved, self.depth);
            waiting = step.waiting;
            let arrive = if moved == 1 { "arrives" } else { "arrive" };
            let arrived = || format!("{} of {from} {arrive}", messages(moved));
            let what = match (step.is_arrival, waiting > depth) {
                (true, true) => format!("{}: {waiting} would wait, {depth} can", arrived()),
                (true, false) => format!("{}: {waiting} wait", arrived()),
                (false, _) => format!("{to} receives {moved}: {waiting} wait"),
            };
            if moved > 0 {
                timeline.add(step.unit, what);
            }
            looks += 1;
            waiting <= depth && looks < EVENTS_MOST && effort.spend(1)
        });
        let story = timeline.text(&format!("if a burst comes up just after a window of {from}"));
        let cut = if waiting > self.depth { "" } else { "\n(and so on, with ever more that wait)" };
        story + cut
    }
}

fn messages(count: u64) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

/// What happened to the queue.
struct Step {
    unit: u64,
    is_arrival: bool,
    /// How many messages arrived or were received.
    moved: u64,
    /// How many wait then.
    waiting: u64,
}
