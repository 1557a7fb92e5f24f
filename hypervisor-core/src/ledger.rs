//! What became of every event: each term is counted where it happens, and none is derived from the others.

use crate::abi::VirtualInterrupt;
use crate::latency::Latencies;
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Who raises events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A virtual interrupt.
    Interrupt(VirtualInterrupt),
    /// The partition itself.
    Own,
    /// An interrupt line of the board, by its number.
    Line(u32),
    /// The receiving end of an event channel, by its place in the configuration.
    Channel(u16),
    /// The sending end of an event channel: it raises nothing here.
    ChannelSender(u16),
    /// A message port, by its channel's place in the configuration.
    MessagePort(u16),
}

impl fmt::Display for Source {
    /// The name in traces and statistics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupt(interrupt) => f.write_str(interrupt.name()),
            Self::Own => f.write_str("self"),
            Self::Line(number) => write!(f, "line:{number}"),
            Self::Channel(place) => write!(f, "channel:{place}"),
            Self::ChannelSender(place) => write!(f, "channel_sender:{place}"),
            Self::MessagePort(place) => write!(f, "message_port:{place}"),
        }
    }
}

impl Source {
    /// A number of its own, for a digest of state.
    #[must_use]
    pub fn code(self) -> u64 {
        let (kind, number) = match self {
            Self::Interrupt(interrupt) => (0, interrupt.number()),
            Self::Own => (1, 0),
            Self::Line(number) => (2, number),
            Self::Channel(place) => (3, u32::from(place)),
            Self::ChannelSender(place) => (4, u32::from(place)),
            Self::MessagePort(place) => (5, u32::from(place)),
        };
        kind << 32 | u64::from(number)
    }
}

/// Why an event will never be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DropReason {
    /// No port was bound to its source.
    NotBound,
    /// Its port was unbound while it was pending.
    Unbound,
    /// The policy of the timer lets it go.
    TimerPolicy,
    /// The partition was started again while it was pending.
    Restart,
    /// The partition had ended.
    Ended,
}

impl DropReason {
    /// The name in traces and statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotBound => "not_bound",
            Self::Unbound => "unbound",
            Self::TimerPolicy => "timer_policy",
            Self::Restart => "restart",
            Self::Ended => "ended",
        }
    }
}

/// The events of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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

/// The accounts of one partition: one for each source that ever raised an event.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    accounts: BTreeMap<Source, Account>,
    /// Why the dropped ones were.
    drops: BTreeMap<(Source, DropReason), u64>,
    /// How long the delivered ones waited.
    latencies: BTreeMap<Source, Latencies>,
}

impl Ledger {
    /// The account of a source.
    #[must_use]
    pub fn account(&self, source: Source) -> Account {
        self.accounts.get(&source).copied().unwrap_or_default()
    }

    /// Every account, by source.
    pub fn accounts(&self) -> impl Iterator<Item = (Source, &Account)> {
        self.accounts.iter().map(|(source, account)| (*source, account))
    }

    pub(crate) fn account_mut(&mut self, source: Source) -> &mut Account {
        self.accounts.entry(source).or_default()
    }

    /// Counts events that will never be seen.
    pub(crate) fn count_dropped(&mut self, source: Source, count: u64, reason: DropReason) {
        self.account_mut(source).dropped += count;
        *self.drops.entry((source, reason)).or_default() += count;
    }

    /// Counts a pending event that is delivered after `waited_ns`.
    pub(crate) fn count_delivered(&mut self, source: Source, waited_ns: u64) {
        let account = self.account_mut(source);
        account.pending -= 1;
        account.delivered += 1;
        self.latencies.entry(source).or_default().add(waited_ns);
    }

    /// Why events of a source were dropped, and how many.
    pub fn drops(&self, source: Source) -> impl Iterator<Item = (DropReason, u64)> {
        let drops = self.drops.iter().filter(move |((of, _), _)| *of == source);
        drops.map(|((_, reason), count)| (*reason, *count))
    }

    /// How long the delivered events of a source waited, if any was delivered.
    #[must_use]
    pub fn latencies(&self, source: Source) -> Option<&Latencies> {
        self.latencies.get(&source)
    }

    /// Whether this can be what became of the events of a run.
    pub(crate) fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        let Self { accounts, drops, latencies } = self;
        accounts.keys().chain(latencies.keys()).try_for_each(|source| fit.source(*source))?;
        fit.counts(accounts.values().map(|account| account.raised))?;
        holds(self.balances(), "its accounts of events do not balance")?;
        for ((source, _), count) in drops {
            fit.source(*source)?;
            fit.count(*count)?;
        }
        latencies.values().try_for_each(|latencies| latencies.check(fit))
    }

    /// Whether every account balances.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.accounts.values().all(Account::balances)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_that_lost_an_event_does_not_balance() {
        let account = Account { raised: 5, delivered: 1, coalesced: 1, taken: 1, pending: 1, dropped: 1 };
        assert!(account.balances());
        assert!(!Account { taken: 0, ..account }.balances());
    }
}
