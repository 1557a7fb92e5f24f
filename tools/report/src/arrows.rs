//! From cause to effect: from who sent an event, or from where a line or timer raised it, to where it was delivered; from who wrote a
//! message to who received it.
//!
//! Bounded: of causes that wait for their effect the oldest are forgotten when there are too many.
//!
//! Not here: which events belong together, which `trace` finds.

use crate::bounds::CAUSES_MOST;
use hypervisor_core::{Event, PartitionId, Stamp};
use std::collections::BTreeMap;
use trace::FlowFinder;

/// A cause and its effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// Where the cause was.
    pub from: PartitionId,
    /// When.
    pub from_unit: u64,
    /// Where the effect is.
    pub to: PartitionId,
    /// When.
    pub to_unit: u64,
}

/// Finds them.
#[derive(Debug, Default)]
pub struct Arrows {
    flows: FlowFinder,
    causes: BTreeMap<u64, (PartitionId, u64)>,
}

impl Arrows {
    /// The arrow that ends at this event, if one does.
    pub fn follow(&mut self, stamp: Stamp, event: &Event) -> Option<Arrow> {
        let flows = self.flows.flows(stamp, event);
        let is_effect = matches!(
            event,
            Event::EventDelivered { .. } | Event::EventTaken { .. } | Event::MessageReceived { .. }
        );
        let mut arrow = None;
        for flow in flows.through.iter().chain(&flows.ended) {
            let (from, from_unit) = *self.causes.entry(*flow).or_insert((stamp.partition, stamp.unit));
            if is_effect {
                arrow = Some(Arrow { from, from_unit, to: stamp.partition, to_unit: stamp.unit });
            }
        }
        for flow in flows.ended {
            self.causes.remove(&flow);
        }
        while self.causes.len() > CAUSES_MOST {
            self.causes.pop_first();
        }
        arrow
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrow, Arrows};
    use crate::bounds::CAUSES_MOST;
    use hypervisor_core::abi::EventPort;
    use hypervisor_core::ledger::Source;
    use hypervisor_core::record::Fate;
    use hypervisor_core::{Event, PartitionId, Stamp};

    fn at(partition: u16, unit: u64) -> Stamp {
        Stamp { partition: PartitionId(partition), unit, ..Stamp::default() }
    }

    #[test]
    fn a_message_leads_from_its_writer_to_each_time_that_it_is_read() {
        let mut arrows = Arrows::default();
        let written = Event::MessageWritten { channel: 0, length: 4, visible: false };
        assert_eq!(arrows.follow(at(0, 5), &written), None);
        assert_eq!(arrows.follow(at(0, 20), &Event::MessagesFlushed { channel: 0, count: 1 }), None);
        for unit in [30, 40] {
            let received = Event::MessageReceived { channel: 0, length: 4 };
            let expected = Arrow { from: PartitionId(0), from_unit: 5, to: PartitionId(2), to_unit: unit };
            assert_eq!(arrows.follow(at(2, unit), &received), Some(expected));
        }
    }

    #[test]
    fn an_interrupt_leads_from_its_raise_to_its_delivery_once() {
        let mut arrows = Arrows::default();
        let (source, port) = (Source::Line(4), EventPort::new(3).unwrap());
        let raised = |fate| Event::EventRaised { source, port: Some(port), count: 1, fate };
        assert_eq!(arrows.follow(at(0, 5), &raised(Fate::Pending)), None);
        assert_eq!(arrows.follow(at(0, 7), &raised(Fate::Coalesced)), None);
        let delivered = Event::EventDelivered { source, port };
        let arrow = arrows.follow(at(0, 9), &delivered).unwrap();
        assert_eq!((arrow.from_unit, arrow.to_unit), (5, 9));
        assert_eq!(arrows.follow(at(0, 10), &delivered), None);
        assert!(arrows.causes.is_empty());
    }

    #[test]
    fn causes_without_an_effect_are_forgotten() {
        let mut arrows = Arrows::default();
        for unit in 0..CAUSES_MOST as u64 + 100 {
            arrows.follow(at(0, unit), &Event::MessageWritten { channel: 0, length: 4, visible: true });
        }
        assert_eq!(arrows.causes.len(), CAUSES_MOST);
    }
}
