//! What became of every event: each term is counted where it happens, and none is derived from the others.

use crate::abi::VirtualInterrupt;

/// Who raises events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A virtual interrupt.
    Interrupt(VirtualInterrupt),
    /// The partition itself.
    Own,
}

impl Source {
    /// Every source, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::Interrupt(VirtualInterrupt::Timer),
        Self::Interrupt(VirtualInterrupt::ConsoleInput),
        Self::Interrupt(VirtualInterrupt::ConsoleEnd),
        Self::Own,
    ];

    /// The name in traces and statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt(VirtualInterrupt::Timer) => "timer",
            Self::Interrupt(VirtualInterrupt::ConsoleInput) => "console_input",
            Self::Interrupt(VirtualInterrupt::ConsoleEnd) => "console_end",
            Self::Own => "self",
        }
    }

    /// Its number, below the length of [`Source::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Interrupt(interrupt) => interrupt.number() as usize,
            Self::Own => VirtualInterrupt::ALL.len(),
        }
    }
}

/// Why an event will never be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// No port was bound to its source.
    NotBound,
    /// Its port was unbound while it was pending.
    Unbound,
    /// The policy of the timer lets it go.
    TimerPolicy,
}

impl DropReason {
    /// The name in traces and statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotBound => "not_bound",
            Self::Unbound => "unbound",
            Self::TimerPolicy => "timer_policy",
        }
    }
}

/// The events of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// Events that the source raised.
    pub raised: u64,
    /// Announced by an upcall.
    pub delivered: u64,
    /// Raised while the port was pending already: the count tells the guest of them.
    pub coalesced: u64,
    /// Taken by the guest without an upcall.
    pub taken: u64,
    /// Waiting.
    pub pending: u64,
    /// Never to be seen.
    pub dropped: u64,
}

impl Account {
    /// Whether nothing is lost: raised = delivered + coalesced + taken + pending + dropped.
    #[must_use]
    pub fn balances(&self) -> bool {
        let Self { raised, delivered, coalesced, taken, pending, dropped } = *self;
        u128::from(raised)
            == [delivered, coalesced, taken, pending, dropped].into_iter().map(u128::from).sum()
    }
}

/// The accounts of one partition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    accounts: [Account; Source::ALL.len()],
}

impl Ledger {
    /// The account of a source.
    #[must_use]
    pub fn account(&self, source: Source) -> &Account {
        &self.accounts[source.index()]
    }

    pub(crate) fn account_mut(&mut self, source: Source) -> &mut Account {
        &mut self.accounts[source.index()]
    }

    /// Whether every account balances.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.accounts.iter().all(Account::balances)
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Source};

    #[test]
    fn sources_are_numbered_in_order() {
        for (index, source) in Source::ALL.into_iter().enumerate() {
            assert_eq!(source.index(), index);
        }
    }

    #[test]
    fn an_account_that_lost_an_event_does_not_balance() {
        let account = Account { raised: 5, delivered: 1, coalesced: 1, taken: 1, pending: 1, dropped: 1 };
        assert!(account.balances());
        assert!(!Account { taken: 0, ..account }.balances());
    }
}
