//! What of the event ports changes in a run. The bits that the guest sees are in its memory.

use super::{EventPorts, Port, Record};
use crate::abi::EventPort;
use crate::ledger::{Ledger, Source};
use crate::snapshot::{Damaged, Fit, holds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The ports in use, and the accounts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPorts {
    ports: BTreeMap<EventPort, Port>,
    ledger: Ledger,
}

impl EventPorts {
    /// What they are to be restored from.
    pub(crate) fn saved(&self) -> SavedPorts {
        // The others follow from the ports.
        let Self { ports, bound: _, vectored: _, waiting: _, ledger } = self;
        let used = (0..).zip(ports).filter(|(_, port)| **port != Port::default());
        let numbered = used.filter_map(|(number, port)| Some((EventPort::new(number)?, *port)));
        SavedPorts { ports: numbered.collect(), ledger: ledger.clone() }
    }

    /// The ports as they were saved.
    pub(crate) fn restored(saved: SavedPorts, fit: &Fit<'_>) -> Result<Self, Damaged> {
        let SavedPorts { ports, ledger } = saved;
        ledger.check(fit)?;
        let mut restored = Self { ledger, ..Self::new() };
        let mut pending: BTreeMap<Source, u64> = BTreeMap::new();
        for (number, port) in ports {
            let source = port.source.ok_or(Damaged("an event port has a state and no source"))?;
            fit.source(source)?;
            let is_free = restored.bind(number, source).is_ok();
            holds(is_free, "two event ports are bound to one source")?;
            restored.ports[number.index()] = port;
            restored.set_record(number, port.record);
            if port.vector.is_some() {
                restored.vectored.push(number);
            }
            *pending.entry(source).or_default() += u64::from(port.record == Record::Pending);
        }
        let all_counted = restored
            .ledger
            .accounts()
            .all(|(source, account)| account.pending == pending.remove(&source).unwrap_or(0));
        let none_else = pending.values().all(|count| *count == 0);
        holds(all_counted && none_else, "its events are not as many as its accounts say")?;
        Ok(restored)
    }
}
