//! What of a paravirtualized guest changes in a run, beside its processor and memory.

use super::{Paravirtual, Until, Wait};
use crate::clock::PublishedTime;
use crate::config::PartitionId;
use crate::console::Console;
use crate::delivery::TrapTable;
use crate::event_channel::{EventPorts, SavedPorts};
use crate::message_port::{MessageChannels, MessagePort};
use crate::snapshot::{Damaged, Fit, holds};
use crate::timer::Timer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The state of a paravirtualized guest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedParavirtual {
    ports: SavedPorts,
    timer: Timer,
    console: Console,
    traps: TrapTable,
    upcall_entry: Option<u32>,
    waits: Option<Wait>,
    deadlines_changed: bool,
    watchdog_ns: Option<u64>,
    illegal_calls: u32,
    illegal_since_ns: u64,
    holds_upcall: bool,
    published: PublishedTime,
    ticked_at: Option<u64>,
    may_have_taken: bool,
    told: BTreeSet<u32>,
    message_ports: Vec<MessagePort>,
}

impl Paravirtual {
    /// What it is to be restored from.
    pub(crate) fn saved(&self) -> SavedParavirtual {
        let Self {
            ports,
            timer,
            console,
            traps,
            upcall_entry,
            waits,
            deadlines_changed,
            watchdog_ns,
            illegal_calls,
            illegal_since_ns,
            holds_upcall,
            // The pages are where a partition always has them.
            shared_address: _,
            shared: _,
            published,
            ticked_at,
            may_have_taken,
            privileges,
            message_ports,
        } = self;
        SavedParavirtual {
            ports: ports.saved(),
            timer: *timer,
            console: console.clone(),
            traps: traps.clone(),
            upcall_entry: *upcall_entry,
            waits: waits.clone(),
            deadlines_changed: *deadlines_changed,
            watchdog_ns: *watchdog_ns,
            illegal_calls: *illegal_calls,
            illegal_since_ns: *illegal_since_ns,
            holds_upcall: *holds_upcall,
            published: *published,
            ticked_at: *ticked_at,
            may_have_taken: *may_have_taken,
            told: privileges.told(),
            message_ports: message_ports.clone(),
        }
    }

    /// The state that was saved, for a partition at its start.
    pub(crate) fn restored(
        self,
        saved: SavedParavirtual,
        (id, messages): (PartitionId, &MessageChannels),
        fit: &Fit<'_>,
    ) -> Result<Self, Damaged> {
        let SavedParavirtual {
            ports,
            timer,
            console,
            traps,
            upcall_entry,
            waits,
            deadlines_changed,
            watchdog_ns,
            illegal_calls,
            illegal_since_ns,
            holds_upcall,
            published,
            ticked_at,
            may_have_taken,
            told,
            message_ports,
        } = saved;
        timer.check(fit)?;
        console.check()?;
        waits.iter().try_for_each(|wait| wait.check(fit))?;
        let counts = illegal_calls < u32::MAX && illegal_since_ns <= fit.clock.now_ns();
        holds(counts, "it counts more failed calls than there can be")?;
        message_ports.iter().try_for_each(|port| messages.check_port(port, id))?;
        Ok(Self {
            ports: EventPorts::restored(ports, fit)?,
            timer,
            console,
            traps,
            upcall_entry,
            waits,
            deadlines_changed,
            watchdog_ns,
            illegal_calls,
            illegal_since_ns,
            holds_upcall,
            shared_address: self.shared_address,
            shared: self.shared,
            published,
            ticked_at,
            may_have_taken,
            privileges: self.privileges.having_told(told)?,
            message_ports,
        })
    }
}

impl Wait {
    fn check(&self, fit: &Fit<'_>) -> Result<(), Damaged> {
        match self {
            Self::Upcall | Self::NextWindow => Ok(()),
            Self::Call { deadline_ns: _, until: Until::Ports(_) } => Ok(()),
            Self::Call { deadline_ns: _, until: Until::Message(channel) | Until::Space(channel) } => {
                fit.message_channel(*channel)
            }
        }
    }
}
