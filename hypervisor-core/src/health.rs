//! The health monitor's table: what can go wrong, and what is then done (ARINC 653 Part 1, 2.4).
//!
//! Not here: doing it, which the machine does.

use crate::config::PlanId;
use serde::{Deserialize, Serialize};

/// Something that went wrong in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HealthEvent {
    /// An exception, by its vector, for which the guest has no handler. Page faults are [`Self::MemoryViolation`].
    Exception(u8),
    /// An access to memory that the partition has not, or in a way that it may not, without a handler of the guest.
    MemoryViolation,
    /// The frame of an exception or an upcall cannot be pushed on the guest's stack.
    FrameFault,
    /// The guest makes calls that fail faster than the configuration allows.
    IllegalCalls,
    /// The watchdog was not set again in time.
    Watchdog,
    /// The guest waits for what can never come.
    Deadlock,
    /// The guest reports an error of its own.
    ApplicationError,
    /// The partition cannot be started as it is configured.
    Configuration,
    /// The image was built for another ABI.
    IncompatibleAbi,
}

/// Vectors of exceptions that a table can name, with their names.
pub const EXCEPTION_NAMES: [(u8, &str); 17] = [
    (0, "divide_error"),
    (1, "debug"),
    (3, "breakpoint"),
    (4, "overflow"),
    (5, "bound_range"),
    (6, "invalid_opcode"),
    (7, "device_not_available"),
    (8, "double_fault"),
    (10, "invalid_tss"),
    (11, "segment_not_present"),
    (12, "stack_fault"),
    (13, "general_protection"),
    (16, "floating_point"),
    (17, "alignment_check"),
    (18, "machine_check"),
    (19, "simd_floating_point"),
    (255, "exception"),
];

impl HealthEvent {
    /// The events beside the exceptions.
    pub const OTHERS: [Self; 8] = [
        Self::MemoryViolation,
        Self::FrameFault,
        Self::IllegalCalls,
        Self::Watchdog,
        Self::Deadlock,
        Self::ApplicationError,
        Self::Configuration,
        Self::IncompatibleAbi,
    ];

    /// How many rows a table has.
    pub const COUNT: usize = EXCEPTION_NAMES.len() + Self::OTHERS.len();

    /// Its row in a table: exceptions first. A vector without a name has the row of `exception`.
    #[must_use]
    pub fn index(self) -> usize {
        if let Self::Exception(vector) = self {
            let named = EXCEPTION_NAMES.iter().position(|(named, _)| *named == vector);
            return named.unwrap_or(EXCEPTION_NAMES.len() - 1);
        }
        let other = Self::OTHERS.iter().position(|event| *event == self).unwrap_or(0);
        EXCEPTION_NAMES.len() + other
    }

    /// The name in configurations, traces and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exception(_) => EXCEPTION_NAMES[self.index()].1,
            Self::MemoryViolation => "memory_violation",
            Self::FrameFault => "frame_fault",
            Self::IllegalCalls => "illegal_calls",
            Self::Watchdog => "watchdog",
            Self::Deadlock => "deadlock",
            Self::ApplicationError => "application_error",
            Self::Configuration => "configuration",
            Self::IncompatibleAbi => "incompatible_abi",
        }
    }

    /// The number in the health log.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Exception(_) => 0,
            other => (other.index() - EXCEPTION_NAMES.len()) as u32 + 1,
        }
    }

    /// Every event that a table can name, in the order of the rows.
    pub fn all() -> impl Iterator<Item = Self> {
        let exceptions = EXCEPTION_NAMES.iter().map(|(vector, _)| Self::Exception(*vector));
        exceptions.chain(Self::OTHERS)
    }

    /// The event of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|event| event.name() == name)
    }

    /// Whether the guest can go on afterwards as if nothing had happened.
    #[must_use]
    pub fn can_be_ignored(self) -> bool {
        matches!(self, Self::IllegalCalls | Self::Watchdog | Self::ApplicationError) || self.is_trap()
    }

    /// Whether it is found when a partition is started, and so again whenever it is started again.
    #[must_use]
    pub fn is_at_start(self) -> bool {
        matches!(self, Self::Configuration | Self::IncompatibleAbi)
    }

    /// Whether the guest asked for it by an instruction, INT3 or INTO, behind which it goes on.
    fn is_trap(self) -> bool {
        matches!(self, Self::Exception(3 | 4))
    }
}

/// What is done about an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HealthAction {
    /// Nothing.
    Ignore,
    /// It is written to the log; every action below does that, too.
    Log,
    /// The guest is told by its virtual interrupt `health`.
    Propagate,
    /// The partition is started again with everything zeroed.
    ColdRestart,
    /// The partition is started again and keeps its memory outside the image.
    WarmRestart,
    /// The partition stops.
    HaltPartition,
    /// The schedule goes on with another plan; the partition stops if it cannot go on.
    SwitchPlan(PlanId),
    /// All partitions are started again.
    RestartSystem,
    /// The run ends.
    HaltSystem,
    /// Only for the level of partitions: what the table of the system says.
    Escalate,
}

impl HealthAction {
    /// The number in the health log; an escalation is logged as what came of it.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Ignore => 0,
            Self::Log | Self::Escalate => 1,
            Self::Propagate => 2,
            Self::ColdRestart => 3,
            Self::WarmRestart => 4,
            Self::HaltPartition => 5,
            Self::SwitchPlan(_) => 6,
            Self::RestartSystem => 7,
            Self::HaltSystem => 8,
        }
    }

    /// The name in configurations, traces and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Log => "log",
            Self::Propagate => "propagate",
            Self::ColdRestart => "cold_restart",
            Self::WarmRestart => "warm_restart",
            Self::HaltPartition => "halt_partition",
            Self::SwitchPlan(_) => "switch_plan",
            Self::RestartSystem => "restart_system",
            Self::HaltSystem => "halt_system",
            Self::Escalate => "escalate",
        }
    }

    /// The names of all actions.
    pub const ALL_NAMES: [&str; 10] = [
        "ignore",
        "log",
        "propagate",
        "cold_restart",
        "warm_restart",
        "halt_partition",
        "switch_plan",
        "restart_system",
        "halt_system",
        "escalate",
    ];

    /// The action of a name; none for `switch_plan`, which needs a plan.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Ignore,
            Self::Log,
            Self::Propagate,
            Self::ColdRestart,
            Self::WarmRestart,
            Self::HaltPartition,
            Self::RestartSystem,
            Self::HaltSystem,
            Self::Escalate,
        ];
        all.into_iter().find(|action| action.name() == name)
    }
}

/// What is done about each event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthTable {
    rows: [HealthAction; HealthEvent::COUNT],
}

impl HealthTable {
    /// A table with one answer to everything.
    #[must_use]
    pub fn all(action: HealthAction) -> Self {
        Self { rows: [action; HealthEvent::COUNT] }
    }

    /// What is done about an event.
    #[must_use]
    pub fn action(&self, event: HealthEvent) -> HealthAction {
        self.rows[event.index()]
    }

    /// Changes a row. That of [`HealthEvent::Exception`] with vector 255 stands for exceptions without a name.
    pub fn set(&mut self, event: HealthEvent, action: HealthAction) {
        self.rows[event.index()] = action;
    }
}

impl Default for HealthTable {
    /// A partition that cannot go on stops; errors that it can survive are logged.
    fn default() -> Self {
        let mut table = Self::all(HealthAction::HaltPartition);
        for event in HealthEvent::all().filter(|event| event.can_be_ignored() && !event.is_trap()) {
            table.set(event, HealthAction::Log);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::{HealthAction, HealthEvent, HealthTable};
    use crate::config::PlanId;

    #[test]
    fn every_event_has_a_row_and_a_name_of_its_own() {
        let mut names: Vec<&str> = HealthEvent::all().map(HealthEvent::name).collect();
        for (index, event) in HealthEvent::all().enumerate() {
            assert_eq!(event.index(), index, "{event:?}");
            assert_eq!(HealthEvent::from_name(event.name()), Some(event));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HealthEvent::COUNT);
        assert_eq!(HealthEvent::from_name("page_fault"), None);
    }

    #[test]
    fn every_action_has_its_name_in_the_list() {
        for name in HealthAction::ALL_NAMES {
            let action = HealthAction::from_name(name).unwrap_or(HealthAction::SwitchPlan(PlanId(0)));
            assert_eq!(action.name(), name);
        }
    }

    #[test]
    fn exceptions_without_a_name_share_a_row() {
        let mut table = HealthTable::default();
        table.set(HealthEvent::Exception(255), HealthAction::ColdRestart);
        assert_eq!(table.action(HealthEvent::Exception(42)), HealthAction::ColdRestart);
        assert_eq!(table.action(HealthEvent::Exception(0)), HealthAction::HaltPartition);
    }

    #[test]
    fn a_partition_survives_what_it_can_survive() {
        let table = HealthTable::default();
        assert_eq!(table.action(HealthEvent::Watchdog), HealthAction::Log);
        assert_eq!(table.action(HealthEvent::Deadlock), HealthAction::HaltPartition);
    }

    #[test]
    fn a_breakpoint_can_be_ignored_and_stops_a_partition_that_does_not_say_so() {
        assert!(HealthEvent::Exception(3).can_be_ignored() && HealthEvent::Exception(4).can_be_ignored());
        assert!(!HealthEvent::Exception(1).can_be_ignored() && !HealthEvent::Exception(255).can_be_ignored());
        assert_eq!(HealthTable::default().action(HealthEvent::Exception(3)), HealthAction::HaltPartition);
    }
}
