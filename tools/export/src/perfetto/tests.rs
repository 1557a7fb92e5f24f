//! The packets, decoded by the messages that encoded them. `tests/exports` asks Perfetto's own classes.

use super::Perfetto;
use super::messages::{COUNTER, INSTANT, PACKET_TAG, SLICE_BEGIN, SLICE_END, TracePacket, TrackEvent};
use super::track::Track;
use crate::Export;
use crate::tests::{STAMP, processor, step, system};
use hypervisor_core::ledger::{DropReason, Source};
use hypervisor_core::record::Fate;
use hypervisor_core::{Elision, Event, Omission, PartitionId, Recorder, Stamp};
use prost::Message;

/// The packets of what `tell` tells.
fn packets(tell: impl FnOnce(&mut Perfetto<&mut Vec<u8>>)) -> Vec<TracePacket> {
    let mut trace = Vec::new();
    let mut perfetto = Perfetto::new(&system(), &mut trace);
    tell(&mut perfetto);
    perfetto.finish().unwrap();
    drop(perfetto);
    let mut rest = &trace[..];
    let mut packets = Vec::new();
    while let Some((tag, packet)) = rest.split_first() {
        assert_eq!(*tag, PACKET_TAG);
        rest = packet;
        packets.push(TracePacket::decode_length_delimited(&mut rest).unwrap());
    }
    packets
}

/// Time, type and name of the events of a track.
fn events_of(packets: &[TracePacket], track: Track) -> Vec<(u64, i32, String)> {
    let event = |packet: &TracePacket| {
        let event: &TrackEvent = packet.track_event.as_ref()?;
        let is_it = event.track_uuid == Some(track.of(PartitionId(0)));
        is_it.then(|| {
            (packet.timestamp.unwrap(), event.r#type.unwrap(), event.name.clone().unwrap_or_default())
        })
    };
    packets.iter().filter_map(event).collect()
}

fn at(now_ns: u64) -> Stamp {
    Stamp { now_ns, ..STAMP }
}

#[test]
fn a_partition_waits_until_something_happens_but_not_longer_than_it_said() {
    let packets = packets(|perfetto| {
        perfetto.event(at(10), &Event::WindowStart { plan: 0, window: 3 });
        perfetto.event(at(20), &Event::Idle { until_ns: 90 });
        perfetto.event(at(50), &Event::ConsoleEnd);
        perfetto.event(at(60), &Event::Idle { until_ns: 90 });
        perfetto.event(at(200), &Event::WindowEnd { plan: 0, window: 3 });
    });
    let expected = [
        (10, SLICE_BEGIN, "window 3"),
        (20, SLICE_BEGIN, "idle"),
        (50, SLICE_END, ""),
        (60, SLICE_BEGIN, "idle"),
        (90, SLICE_END, ""),
        (200, SLICE_END, ""),
    ];
    let expected = expected.map(|(time, kind, name)| (time, kind, name.to_owned()));
    assert_eq!(events_of(&packets, Track::Schedule), expected);
}

#[test]
fn what_is_open_at_the_end_ends_there() {
    let packets = packets(|perfetto| {
        perfetto.event(at(10), &Event::WindowStart { plan: 0, window: 0 });
        perfetto.instruction(at(20), &step(0x10_0004, &[0x90], &processor()));
        perfetto.event(at(30), &Event::Idle { until_ns: u64::MAX });
    });
    let schedule = events_of(&packets, Track::Schedule);
    let ends = schedule.iter().filter(|(time_ns, kind, _)| (*time_ns, *kind) == (30, SLICE_END));
    assert_eq!(ends.count(), 2, "{schedule:?}");
    let functions = events_of(&packets, Track::Functions);
    assert_eq!(functions, [(20, SLICE_BEGIN, String::new()), (30, SLICE_END, String::new())]);
    let last = packets.iter().filter_map(|packet| packet.track_event.as_ref()?.counter_value).next_back();
    assert_eq!(last, Some(13), "the last instruction is counted");
}

#[test]
fn a_window_whose_end_is_not_told_of_ends_with_the_last_that_its_partition_did() {
    let packets = packets(|perfetto| {
        perfetto.event(at(10), &Event::WindowStart { plan: 0, window: 0 });
        perfetto.event(at(20), &Event::Mark { id: 1, payload: 0 });
        perfetto.event(at(40), &Event::Restart { condition: 0, restart_count: 1 });
        perfetto.event(at(50), &Event::WindowStart { plan: 0, window: 1 });
        perfetto.event(at(60), &Event::WindowEnd { plan: 0, window: 1 });
    });
    let expected = [
        (10, SLICE_BEGIN, "window 0"),
        (20, SLICE_END, ""),
        (50, SLICE_BEGIN, "window 1"),
        (60, SLICE_END, ""),
    ];
    let expected = expected.map(|(time, kind, name)| (time, kind, name.to_owned()));
    assert_eq!(events_of(&packets, Track::Schedule), expected);
}

#[test]
fn an_end_without_a_beginning_is_no_slice() {
    let packets = packets(|perfetto| perfetto.event(at(10), &Event::WindowEnd { plan: 0, window: 0 }));
    assert_eq!(events_of(&packets, Track::Schedule), []);
}

#[test]
fn the_name_of_a_function_is_written_once() {
    let after = processor();
    let packets = packets(|perfetto| {
        for now_ns in [10, 20] {
            perfetto.instruction(at(now_ns), &step(0x10_0004, &[0x90], &after));
            perfetto.event(at(now_ns), &Event::Restart { condition: 0, restart_count: 1 });
        }
    });
    let names = packets.iter().filter_map(|packet| packet.interned_data.as_ref());
    let names: Vec<_> = names.flat_map(|data| data.event_names.clone()).collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].name.as_deref(), Some("main"));
    let begins =
        events_of(&packets, Track::Functions).into_iter().filter(|(_, kind, _)| *kind == SLICE_BEGIN);
    assert_eq!(begins.count(), 2);
}

#[test]
fn what_is_of_no_partition_is_left_out() {
    let nobody = Stamp { partition: PartitionId(2), ..STAMP };
    let packets = packets(|perfetto| {
        perfetto.instruction(nobody, &step(0x10_0004, &[0x90], &processor()));
        perfetto.event(nobody, &Event::ConsoleEnd);
    });
    assert!(packets.iter().all(|packet| packet.track_event.is_none()));
}

#[test]
fn an_instant_says_what_the_text_trace_says() {
    let packets = packets(|perfetto| perfetto.event(STAMP, &Event::Mark { id: 7, payload: 255 }));
    let events = packets.iter().filter_map(|packet| packet.track_event.as_ref());
    let mark = events.clone().find(|event| event.r#type == Some(INSTANT)).unwrap();
    assert_eq!(mark.name.as_deref(), Some("mark 7"));
    let texts: Vec<_> =
        mark.debug_annotations.iter().filter_map(|note| note.string_value.as_deref()).collect();
    assert_eq!(texts, ["7 payload 0xff"]);
    let numbers: Vec<_> = mark.debug_annotations.iter().filter_map(|note| note.int_value).collect();
    assert_eq!(numbers, [12, 255]);
    assert!(events.filter(|event| event.r#type == Some(COUNTER)).count() == 0);
}

#[test]
fn what_was_left_out_is_an_instant() {
    let elision = Elision { since: 4, instructions: 8, events: 0, omission: Omission::Filter };
    let packets = packets(|perfetto| perfetto.elided(STAMP, &elision));
    let events = events_of(&packets, Track::Events);
    assert_eq!(events, [(STAMP.now_ns, INSTANT, "elided filter".to_owned())]);
}

#[test]
fn functions_end_with_the_last_that_their_partition_did() {
    let packets = packets(|perfetto| {
        perfetto.instruction(at(20), &step(0x10_0004, &[0x90], &processor()));
        perfetto.event(at(30), &Event::Mark { id: 1, payload: 0 });
        // Nobody is there any more.
        let (source, fate) = (Source::Channel(3), Fate::Dropped(DropReason::NotBound));
        perfetto.event(at(90), &Event::EventRaised { source, port: None, count: 1, fate });
    });
    let (begin, end) = ((20, SLICE_BEGIN, String::new()), (30, SLICE_END, String::new()));
    assert_eq!(events_of(&packets, Track::Functions), [begin, end]);
}
