//! A run as a Perfetto trace, for its timeline and its SQL: each partition is a process with tracks for its windows, its
//! functions and its events, and a counter of its instructions. Times are those of the virtual clock.
//!
//! Not here: the messages' encoding, and which events belong together.

mod messages;
#[cfg(test)]
mod tests;
mod track;

use crate::Export;
use crate::event_fields::{ELIDED, EventFields, signed};
use crate::sink::Sink;
use emulator::Step;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Elision, Event, PartitionId, Recorder, Stamp};
use messages::{
    COUNTER, DebugAnnotation, EventName, INSTANT, InternedData, NAMES_BEGIN, PACKET_TAG, SLICE_BEGIN,
    SLICE_END, TracePacket, TrackEvent, USES_NAMES,
};
use prost::Message;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use trace::{
    CallStacks, Change, FlowFinder, FunctionId, Names, TracedSystem, elision_words, event_kind, event_words,
};
use track::Track;

/// All packets are of one sequence.
const SEQUENCE: u32 = 1;
/// The counter of instructions is written at least so often, in instructions.
const COUNTER_INSTRUCTIONS: u64 = 10_000;

/// Writes a Perfetto trace.
pub struct Perfetto<W> {
    sink: Sink<W>,
    partitions: Vec<Partition>,
    parts: Arc<Names>,
    stacks: CallStacks,
    changes: Vec<Change>,
    flows: FlowFinder,
    /// The numbers of functions' names.
    names: HashMap<(PartitionId, FunctionId), u64>,
    /// The partition whose window began last.
    in_window: Option<PartitionId>,
    now_ns: u64,
}

struct Partition {
    symbols: Symbols,
    window_is_open: bool,
    /// When it last did something.
    acted_ns: u64,
    /// It waits, at most until then.
    idle_until: Option<u64>,
    /// The value that the counter of instructions has, and ought to have.
    counted: u64,
    executed: u64,
}

impl<W: Write> Perfetto<W> {
    /// A trace of this system.
    #[must_use]
    pub fn new(system: &TracedSystem, out: W) -> Self {
        let partitions = system.partitions.iter().map(|partition| Partition {
            symbols: partition.symbols.clone(),
            window_is_open: false,
            acted_ns: 0,
            idle_until: None,
            counted: 0,
            executed: 0,
        });
        let mut perfetto = Self {
            sink: Sink::new(out),
            partitions: partitions.collect(),
            parts: Arc::clone(&system.names),
            stacks: CallStacks::new(system),
            changes: Vec::new(),
            flows: FlowFinder::default(),
            names: HashMap::new(),
            in_window: None,
            now_ns: 0,
        };
        let mut flags = Some(NAMES_BEGIN);
        for descriptor in track::descriptors(system) {
            let sequence_flags = flags.take();
            perfetto.packet(TracePacket {
                track_descriptor: Some(descriptor),
                sequence_flags,
                ..TracePacket::default()
            });
        }
        perfetto
    }

    fn packet(&mut self, packet: TracePacket) {
        let packet = TracePacket { trusted_packet_sequence_id: Some(SEQUENCE), ..packet };
        let out = self.sink.waiting();
        out.push(PACKET_TAG);
        packet.encode_length_delimited(out).expect("a vector has room");
        self.sink.settle();
    }

    fn event_at(&mut self, now_ns: u64, event: TrackEvent) {
        self.packet(TracePacket {
            timestamp: Some(now_ns),
            track_event: Some(event),
            ..TracePacket::default()
        });
    }

    /// Ends what the partition waited for, because something happens to it now.
    fn end_idling(&mut self, stamp: Stamp) {
        let partition = &mut self.partitions[stamp.partition.index()];
        if let Some(until_ns) = partition.idle_until.take() {
            let end_ns = until_ns.min(stamp.now_ns);
            self.event_at(end_ns, TrackEvent::end(Track::Schedule.of(stamp.partition)));
            self.count(Stamp { now_ns: end_ns, ..stamp });
        }
    }

    fn count(&mut self, stamp: Stamp) {
        self.partitions[stamp.partition.index()].counted = stamp.instruction;
        self.event_at(
            stamp.now_ns,
            TrackEvent {
                r#type: Some(COUNTER),
                track_uuid: Some(Track::Instructions.of(stamp.partition)),
                counter_value: Some(signed(stamp.instruction)),
                ..TrackEvent::default()
            },
        );
    }

    /// Writes `self.changes`: functions that were left and entered.
    fn write_changes(&mut self, stamp: Stamp) {
        let track = Track::Functions.of(stamp.partition);
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Left { frames } => {
                    for _ in 0..frames {
                        self.event_at(stamp.now_ns, TrackEvent::end(track));
                    }
                }
                Change::Entered { function, .. } => self.enter(stamp, function),
            }
        }
    }

    fn enter(&mut self, stamp: Stamp, function: FunctionId) {
        let next = self.names.len() as u64 + 1;
        let iid = *self.names.entry((stamp.partition, function)).or_insert(next);
        let interned_data = (iid == next).then(|| {
            let name = self.stacks.function(stamp.partition, function).name.clone();
            InternedData { event_names: vec![EventName { iid: Some(iid), name: Some(name) }] }
        });
        self.packet(TracePacket {
            timestamp: Some(stamp.now_ns),
            track_event: Some(TrackEvent {
                r#type: Some(SLICE_BEGIN),
                track_uuid: Some(Track::Functions.of(stamp.partition)),
                name_iid: Some(iid),
                ..TrackEvent::default()
            }),
            interned_data,
            sequence_flags: Some(USES_NAMES),
            ..TracePacket::default()
        });
    }

    /// Only one partition has a window: one whose end was not told of ended with its partition, in the last that this did.
    fn end_other_window(&mut self, next: PartitionId) {
        if let Some(other) = self.in_window.replace(next)
            && std::mem::take(&mut self.partitions[other.index()].window_is_open)
        {
            let end_ns = self.partitions[other.index()].acted_ns;
            self.event_at(end_ns, TrackEvent::end(Track::Schedule.of(other)));
        }
    }

    /// Windows and waiting: what stands on the track of the schedule.
    fn schedule(&mut self, stamp: Stamp, event: &Event) {
        if let Event::WindowStart { .. } = event {
            self.end_other_window(stamp.partition);
        }
        let track = Track::Schedule.of(stamp.partition);
        let partition = &mut self.partitions[stamp.partition.index()];
        let event = match *event {
            Event::WindowStart { plan, window } => {
                (partition.window_is_open, partition.acted_ns) = (true, stamp.now_ns);
                let annotations = [("plan", plan), ("window", window)]
                    .map(|(name, value)| DebugAnnotation::number(name, value.into()));
                TrackEvent {
                    debug_annotations: annotations.into(),
                    ..TrackEvent::begin(track, format!("window {window}"), "window")
                }
            }
            Event::WindowEnd { .. } if std::mem::take(&mut partition.window_is_open) => {
                TrackEvent::end(track)
            }
            Event::Idle { until_ns } => {
                partition.idle_until = Some(until_ns);
                TrackEvent::begin(track, "idle".to_owned(), "idle")
            }
            _ => return,
        };
        self.count(stamp);
        self.event_at(stamp.now_ns, event);
    }

    /// Everything that happens at a point.
    fn instant(&mut self, stamp: Stamp, event: &Event) {
        let words = event_words(&self.partitions[stamp.partition.index()].symbols, &self.parts, event);
        let EventFields { subject, value, .. } = EventFields::of(event, &self.parts, &words);
        let kind = event_kind(event);
        let name = match (event, subject) {
            (Event::Call { .. } | Event::Trap { .. }, Some(subject)) => subject,
            (_, Some(subject)) => format!("{kind} {subject}"),
            (_, None) => kind.to_owned(),
        };
        let track = match event {
            Event::Call { .. }
            | Event::Trap { .. }
            | Event::Upcall { .. }
            | Event::InterruptReturn { .. } => Track::Functions,
            _ => Track::Events,
        };
        let flows = self.flows.flows(stamp, event);
        self.event_at(
            stamp.now_ns,
            TrackEvent {
                debug_annotations: annotations(stamp, value, words),
                flow_ids: flows.through,
                terminating_flow_ids: flows.ended,
                ..TrackEvent::instant(track.of(stamp.partition), name, kind)
            },
        );
    }
}

/// What is shown of an instant when it is chosen.
fn annotations(stamp: Stamp, value: Option<i64>, words: String) -> Vec<DebugAnnotation> {
    let mut annotations = vec![DebugAnnotation::number("instruction", signed(stamp.instruction))];
    annotations.extend(value.map(|value| DebugAnnotation::number("value", value)));
    annotations.extend((!words.is_empty()).then(|| DebugAnnotation::text("text", words)));
    annotations
}

/// Whether an event comes also to a partition that has ended, or begins anew with it.
fn comes_to_the_ended(event: &Event) -> bool {
    matches!(
        event,
        Event::EventRaised { .. }
            | Event::EventDropped { .. }
            | Event::Restart { .. }
            | Event::WindowStart { .. }
            | Event::MessagesFlushed { .. }
            | Event::MessagesDropped { .. }
    )
}

impl TrackEvent {
    fn begin(track: u64, name: String, category: &str) -> Self {
        Self { r#type: Some(SLICE_BEGIN), ..Self::instant(track, name, category) }
    }

    fn instant(track: u64, name: String, category: &str) -> Self {
        Self {
            r#type: Some(INSTANT),
            track_uuid: Some(track),
            name: Some(name),
            categories: vec![category.to_owned()],
            ..Self::default()
        }
    }

    fn end(track: u64) -> Self {
        Self { r#type: Some(SLICE_END), track_uuid: Some(track), ..Self::default() }
    }
}

impl<W: Write> Recorder for Perfetto<W> {
    fn instruction(&mut self, stamp: Stamp, step: &Step<'_>) {
        let Some(partition) = self.partitions.get_mut(stamp.partition.index()) else { return };
        partition.executed = stamp.instruction.saturating_add(1);
        let is_due = stamp.instruction >= partition.counted.saturating_add(COUNTER_INSTRUCTIONS);
        partition.acted_ns = stamp.now_ns;
        self.now_ns = stamp.now_ns;
        self.end_idling(stamp);
        if is_due {
            self.count(stamp);
        }
        let changes = self.stacks.instruction(stamp, step);
        if !changes.is_empty() {
            self.changes.extend_from_slice(changes);
            self.write_changes(stamp);
        }
    }

    fn event(&mut self, stamp: Stamp, event: &Event) {
        if stamp.partition.index() >= self.partitions.len() {
            return;
        }
        self.now_ns = stamp.now_ns;
        if !comes_to_the_ended(event) {
            self.partitions[stamp.partition.index()].acted_ns = stamp.now_ns;
        }
        self.end_idling(stamp);
        self.changes.extend_from_slice(self.stacks.event(stamp, event));
        // What interrupts is seen in the interrupted function.
        match event {
            Event::WindowStart { .. } | Event::WindowEnd { .. } | Event::Idle { .. } => {
                self.flows.flows(stamp, event);
                self.write_changes(stamp);
                self.schedule(stamp, event);
            }
            Event::Upcall { .. } | Event::Trap { .. } => {
                self.instant(stamp, event);
                self.write_changes(stamp);
            }
            _ => {
                self.write_changes(stamp);
                self.instant(stamp, event);
            }
        }
    }

    fn elided(&mut self, stamp: Stamp, elision: &Elision) {
        let Some(partition) = self.partitions.get(stamp.partition.index()) else { return };
        let words = elision_words(&partition.symbols, elision);
        self.now_ns = stamp.now_ns;
        self.end_idling(stamp);
        if elision.events > 0 {
            self.flows.forget();
        }
        let EventFields { subject, value, .. } = EventFields::of_elision(elision);
        let name = format!("{ELIDED} {}", subject.unwrap_or_default());
        let event = TrackEvent::instant(Track::Events.of(stamp.partition), name, ELIDED);
        let debug_annotations = annotations(stamp, value, words);
        self.event_at(stamp.now_ns, TrackEvent { debug_annotations, ..event });
    }
}

impl<W: Write> Export for Perfetto<W> {
    /// Ends what is open, and the file.
    fn finish(&mut self) -> io::Result<()> {
        for place in 0..self.partitions.len() {
            let (id, now_ns) = (PartitionId(place as u16), self.now_ns);
            let partition = &mut self.partitions[place];
            let open = usize::from(partition.idle_until.take().is_some())
                + usize::from(std::mem::take(&mut partition.window_is_open));
            let (counted, instruction, acted_ns) =
                (partition.counted, partition.executed, partition.acted_ns);
            if instruction != counted {
                self.count(Stamp { partition: id, instruction, unit: 0, now_ns });
            }
            for _ in 0..open {
                self.event_at(now_ns, TrackEvent::end(Track::Schedule.of(id)));
            }
            for _ in 0..self.stacks.frames(id).len() {
                self.event_at(acted_ns, TrackEvent::end(Track::Functions.of(id)));
            }
        }
        self.sink.finish()
    }
}
