//! Perfetto's own classes read the trace, and find in it what happened.

use super::python::{TemporaryFolder, ask};
use super::run::{Everything, GUESTS, Happened, flight, guest, run, traced};
use export::{Export, Perfetto};
use hypervisor_core::{Event, Machine};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use trace::{Both, event_kind, event_words};

/// Prints each event of the trace: time, process, track, type, name, category, text, flows, flows that end. Complains of what
/// Perfetto would drop: an event of no track, a name without a meaning, an end without a beginning, time that runs backwards.
const PRINT_ALL: &str = r"
import sys
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
trace = Trace()
trace.ParseFromString(open(sys.argv[1], 'rb').read())
tracks, names, open_slices, last = {}, {}, {}, {}
assert trace.packet[0].sequence_flags & 1
for packet in trace.packet:
    assert packet.trusted_packet_sequence_id == 1
    if packet.HasField('track_descriptor'):
        track = packet.track_descriptor
        parent = tracks.get(track.parent_uuid)
        assert track.uuid not in tracks and (parent or track.HasField('process'))
        tracks[track.uuid] = (parent[0], track.name) if parent else (track.process.process_name, '')
        continue
    for name in packet.interned_data.event_names:
        names[name.iid] = name.name
    event = packet.track_event
    process, track = tracks[event.track_uuid]
    assert packet.timestamp >= last.get(event.track_uuid, 0)
    last[event.track_uuid] = packet.timestamp
    name = event.name
    if event.HasField('name_iid'):
        assert packet.sequence_flags & 2
        name = names[event.name_iid]
    stack = open_slices.setdefault(event.track_uuid, [])
    if event.type == TrackEvent.TYPE_SLICE_BEGIN:
        stack.append(name)
    if event.type == TrackEvent.TYPE_SLICE_END:
        name = stack.pop()
    if event.type == TrackEvent.TYPE_COUNTER:
        name = event.counter_value
    text = ''.join(a.string_value for a in event.debug_annotations if a.name == 'text')
    flows, ended = (','.join(map(str, ids)) for ids in (event.flow_ids, event.terminating_flow_ids))
    kind = TrackEvent.Type.Name(event.type)[5:].lower()
    print(packet.timestamp, process, track, kind, name, ','.join(event.categories), text, flows, ended, sep='|')
assert not any(open_slices.values()), open_slices
";

/// An event as Perfetto reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Read {
    time_ns: u64,
    process: String,
    track: String,
    kind: String,
    name: String,
    category: String,
    text: String,
    flows: Vec<u64>,
    ended: Vec<u64>,
}

impl Read {
    fn of(line: &str) -> Self {
        let fields: Vec<&str> = line.split('|').collect();
        let [time_ns, process, track, kind, name, category, text, flows, ended] = fields[..] else {
            panic!("{line}")
        };
        let numbers = |list: &str| list.split(',').filter_map(|number| number.parse().ok()).collect();
        Self {
            time_ns: time_ns.parse().unwrap(),
            process: process.to_owned(),
            track: track.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            category: category.to_owned(),
            text: text.to_owned(),
            flows: numbers(flows),
            ended: numbers(ended),
        }
    }
}

/// What Perfetto reads of a run, with what happened in it; None if there is no Perfetto here.
fn read(machine: Machine, name: &str) -> Option<(Vec<Read>, Everything, Vec<String>)> {
    let mut trace = Vec::new();
    let system = traced(&machine);
    let mut recorder = Both(Perfetto::new(&system, &mut trace), Everything::default());
    run(machine, &mut recorder);
    recorder.0.finish().unwrap();
    let Both(_, everything) = recorder;
    let folder = TemporaryFolder::new(&format!("perfetto-{name}"));
    let path = folder.path().join("trace");
    fs::write(&path, trace).unwrap();
    let printed = ask("perfetto", PRINT_ALL, &[path.to_str().unwrap()])?;
    let instants = everything.0.iter().filter_map(|happened| match happened {
        Happened::Event(_, Event::WindowStart { .. } | Event::WindowEnd { .. } | Event::Idle { .. }) => None,
        Happened::Event(stamp, event) => {
            let partition = system.partition(stamp.partition);
            let (kind, words) = (event_kind(event), event_words(&partition.symbols, &system.names, event));
            Some(format!("{} {} {kind} {words}", stamp.now_ns, partition.name))
        }
        Happened::Instruction(_) => None,
    });
    let instants = instants.collect();
    Some((printed.lines().map(Read::of).collect(), everything, instants))
}

fn instants_of(read: &[Read]) -> Vec<String> {
    let instants = read.iter().filter(|event| event.kind == "instant");
    instants
        .map(|Read { time_ns, process, category, text, .. }| format!("{time_ns} {process} {category} {text}"))
        .collect()
}

#[test]
fn every_event_of_a_guest_is_an_instant_at_its_time() {
    for name in GUESTS {
        let Some((read, _, instants)) = read(guest(name), name) else { return };
        assert_eq!(instants_of(&read), instants, "{name}");
    }
}

#[test]
fn windows_are_slices_and_the_time_that_a_partition_waits_lies_in_them() {
    let Some((read, everything, instants)) = read(flight(), "flight") else { return };
    assert_eq!(instants_of(&read), instants);
    let count = |is_it: fn(&Event) -> bool| {
        let is_it = |happened: &&Happened| matches!(happened, Happened::Event(_, event) if is_it(event));
        everything.0.iter().filter(is_it).count()
    };
    let slices = |kind: &str, name: &str| {
        let is_it =
            |event: &&Read| event.track == "schedule" && event.kind == kind && event.name.starts_with(name);
        read.iter().filter(is_it).count()
    };
    let windows = count(|event| matches!(event, Event::WindowStart { .. }));
    assert_eq!((slices("slice_begin", "window "), slices("slice_end", "window ")), (windows, windows));
    assert_eq!(slices("slice_begin", "idle"), count(|event| matches!(event, Event::Idle { .. })));
    let first_idle = read.iter().find(|event| event.kind == "slice_end" && event.name == "idle").unwrap();
    assert_eq!((first_idle.time_ns, first_idle.process.as_str()), (2_000_000, "imu"));
}

#[test]
fn functions_are_slices_that_nest_as_the_source_does() {
    let Some((read, ..)) = read(guest("hello"), "hello-functions") else { return };
    let mut stack: Vec<&str> = Vec::new();
    let mut paths = BTreeSet::new();
    for event in read.iter().filter(|event| event.track == "functions") {
        match event.kind.as_str() {
            "slice_begin" => {
                stack.push(&event.name);
                paths.insert(stack.join(" > "));
            }
            "slice_end" => assert_eq!(stack.pop(), Some(event.name.as_str())),
            _ => {}
        }
    }
    for path in
        ["_start > pv_begin > main > pv_print > hypercall.console_write", "_start > pv_begin > pv_shutdown"]
    {
        assert!(paths.contains(path), "no {path} in {paths:#?}");
    }
}

#[test]
fn counters_end_with_the_number_of_instructions() {
    let Some((read, everything, _)) = read(flight(), "flight-counters") else { return };
    let mut last = BTreeMap::new();
    for event in read.iter().filter(|event| event.kind == "counter") {
        assert_eq!(event.track, "instructions");
        let value: u64 = event.name.parse().unwrap();
        assert!(last.insert(&event.process, value).is_none_or(|before| before <= value), "{event:?}");
    }
    let numbers = everything.instructions().map(|ran| ran.stamp.instruction + 1);
    assert_eq!(last.values().max().copied(), numbers.max());
}

#[test]
fn a_message_flows_from_its_writer_to_its_readers() {
    let Some((read, ..)) = read(flight(), "flight-messages") else { return };
    let mut writers: BTreeMap<u64, &Read> = BTreeMap::new();
    let mut received = BTreeMap::new();
    for event in &read {
        for flow in event.flows.iter().chain(&event.ended) {
            if event.category == "write" {
                assert!(writers.insert(*flow, event).is_none(), "a flow begins once: {event:?}");
            }
            if event.category == "receive" {
                let writer = writers[flow];
                assert_eq!(writer.name.replace("write", "receive"), event.name);
                assert_eq!(writer.text.split(',').next(), Some(event.text.as_str()), "the same length");
                *received.entry((writer.process.as_str(), event.process.as_str())).or_insert(0) += 1;
            }
        }
    }
    let receives = read.iter().filter(|event| event.category == "receive").count();
    assert_eq!(received.values().sum::<usize>(), receives, "every receiver has a writer");
    let expected: BTreeSet<_> = [("imu", "nav"), ("imu", "display"), ("nav", "display")].into();
    assert_eq!(received.into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn an_event_flows_from_its_raising_to_its_delivery() {
    let Some((read, ..)) = read(guest("ticker"), "ticker") else { return };
    let mut raised = BTreeSet::new();
    let mut delivered = 0;
    for event in &read {
        match event.category.as_str() {
            "raise" => raised.extend(event.flows.iter().copied()),
            "deliver" => {
                delivered += 1;
                assert_eq!(event.ended.len(), 1, "{event:?}");
                assert!(raised.remove(&event.ended[0]), "{event:?}");
            }
            _ => {}
        }
    }
    assert!(delivered > 3, "{delivered}");
}
