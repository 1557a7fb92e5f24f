//! What readers see of messages, when, and in which order.

use super::{Emptied, Flushed, MessageChannels, MessagePort, Written, WrongKind};
use crate::abi::{MessagePortStatus, PortDirection};
use crate::config::{Discipline, Flush, MessageChannel, MessageKind, PartitionId};

const WRITER: PartitionId = PartitionId(0);
const READER: PartitionId = PartitionId(1);
const OTHER: PartitionId = PartitionId(2);
const REFRESH_NS: u64 = 100;

fn channel(kind: MessageKind, to: &[PartitionId], flush: Flush) -> MessageChannel {
    let name = "channel".to_owned();
    MessageChannel { name, kind, message_bytes: 8, from: WRITER, to: to.to_vec(), flush }
}

fn sampling(flush: Flush) -> MessageChannels {
    let kind = MessageKind::Sampling { refresh_ns: REFRESH_NS };
    MessageChannels::new(&[channel(kind, &[READER, OTHER], flush)])
}

fn queue(depth: u32, discipline: Discipline, flush: Flush) -> MessageChannels {
    MessageChannels::new(&[channel(MessageKind::Queuing { depth, discipline }, &[READER], flush)])
}

/// Age, validity, news and number of what a reader finds.
fn found(channels: &mut MessageChannels, reader: usize, now_ns: u64) -> Option<(u64, bool, bool, u64)> {
    let sample = channels.read(0, reader, now_ns).unwrap()?;
    Some((sample.age_ns, sample.valid, sample.is_new, sample.sequence))
}

/// Everything that can be received, as one text.
fn received(channels: &mut MessageChannels) -> String {
    let messages = std::iter::from_fn(|| channels.receive(0).unwrap());
    messages.map(|message| String::from_utf8(message.bytes).unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_sample_is_valid_as_long_as_the_refresh_period_and_new_once_for_each_reader() {
    let mut channels = sampling(Flush::Immediate);
    assert_eq!(found(&mut channels, 0, 0), None);
    assert_eq!(channels.write(0, b"a".to_vec(), 0, 1_000), Written::Visible);
    for (reader, now_ns, expected) in [
        (0, 1_000, (0, true, true, 1)),
        (0, 1_100, (100, true, false, 1)),
        (0, 1_101, (101, false, false, 1)),
        (1, 1_101, (101, false, true, 1)),
        (1, 1_102, (102, false, false, 1)),
    ] {
        assert_eq!(found(&mut channels, reader, now_ns), Some(expected));
    }
    channels.write(0, b"b".to_vec(), 0, 1_200);
    channels.write(0, b"c".to_vec(), 0, 1_210);
    assert_eq!(channels.read(0, 0, 1_220).unwrap().unwrap().bytes, b"c");
    assert_eq!(found(&mut channels, 1, 1_220), Some((10, true, true, 3)));
}

#[test]
fn a_held_sample_is_seen_and_ages_from_its_flush() {
    for policy in [Flush::Window, Flush::Frame] {
        let mut channels = sampling(policy);
        assert_eq!(channels.write(0, b"old".to_vec(), 0, 10), Written::Held);
        assert_eq!(channels.write(0, b"new".to_vec(), 0, 20), Written::Held);
        assert_eq!(found(&mut channels, 0, 30), None);
        assert!(!channels.has_news(0, 0));
        assert_eq!(channels.flush(Flush::Immediate, None, 500), []);
        assert_eq!(channels.flush(Flush::Window, Some(OTHER), 500), []);
        assert_eq!(found(&mut channels, 0, 30), None);
        let from = (policy == Flush::Window).then_some(WRITER);
        assert_eq!(channels.flush(policy, from, 500), [Flushed { channel: 0, count: 1 }]);
        assert_eq!(channels.flush(policy, from, 510), []);
        assert!(channels.has_news(0, 0));
        assert_eq!(found(&mut channels, 0, 600), Some((100, true, true, 1)));
        assert_eq!(channels.read(0, 0, 600).unwrap().unwrap().bytes, b"new");
    }
}

#[test]
fn a_queue_gives_each_message_once_and_refuses_what_it_has_no_place_for() {
    let mut channels = queue(2, Discipline::Fifo, Flush::Immediate);
    assert_eq!(channels.write(0, b"a".to_vec(), 9, 0), Written::Visible);
    assert_eq!(channels.write(0, b"bcd".to_vec(), 1, 0), Written::Visible);
    assert!(!channels.has_space(0));
    assert_eq!(channels.write(0, b"e".to_vec(), 0, 0), Written::Full);
    let first = channels.receive(0).unwrap().unwrap();
    assert_eq!((&first.bytes[..], first.made_space), (&b"a"[..], true));
    let second = channels.receive(0).unwrap().unwrap();
    assert_eq!((&second.bytes[..], second.made_space), (&b"bcd"[..], false));
    assert_eq!(channels.receive(0), Ok(None));
}

#[test]
fn the_most_urgent_message_comes_first_and_of_equals_the_oldest() {
    let sent = [(7, "a"), (0, "b"), (255, "c"), (7, "d"), (0, "e")];
    for (discipline, order) in [(Discipline::Fifo, "a b c d e"), (Discipline::Priority, "b e a d c")] {
        for flush in [Flush::Immediate, Flush::Window] {
            let mut channels = queue(5, discipline, flush);
            for (priority, text) in sent {
                channels.write(0, text.as_bytes().to_vec(), priority, 0);
            }
            channels.flush(Flush::Window, Some(WRITER), 0);
            assert_eq!(received(&mut channels), order);
        }
    }
}

#[test]
fn messages_that_are_held_take_up_places_and_keep_their_order() {
    let mut channels = queue(3, Discipline::Fifo, Flush::Frame);
    for text in ["a", "b"] {
        channels.write(0, text.into(), 0, 0);
    }
    assert_eq!(received(&mut channels), "");
    assert_eq!(channels.flush(Flush::Frame, None, 0), [Flushed { channel: 0, count: 2 }]);
    assert_eq!(channels.write(0, b"c".to_vec(), 0, 0), Written::Held);
    assert_eq!(channels.write(0, b"d".to_vec(), 0, 0), Written::Full);
    assert_eq!(received(&mut channels), "a b");
    assert_eq!(channels.write(0, b"d".to_vec(), 0, 0), Written::Held);
    assert_eq!(channels.flush(Flush::Frame, None, 0), [Flushed { channel: 0, count: 2 }]);
    assert_eq!(received(&mut channels), "c d");
}

#[test]
fn a_writer_that_starts_again_takes_back_what_nobody_could_see() {
    let mut channels = queue(2, Discipline::Fifo, Flush::Window);
    channels.write(0, b"a".to_vec(), 0, 0);
    channels.flush(Flush::Window, Some(WRITER), 0);
    channels.write(0, b"b".to_vec(), 0, 0);
    assert_eq!(channels.restart(WRITER), [Emptied { channel: 0, dropped: 1, made_space: false }]);
    channels.write(0, b"c".to_vec(), 0, 0);
    assert_eq!(channels.flush(Flush::Window, Some(WRITER), 0), [Flushed { channel: 0, count: 1 }]);
    assert_eq!(received(&mut channels), "a c");
    let mut channels = sampling(Flush::Window);
    channels.write(0, b"a".to_vec(), 0, 0);
    assert_eq!(channels.restart(WRITER), [Emptied { channel: 0, dropped: 1, made_space: false }]);
    assert_eq!(channels.flush(Flush::Window, Some(WRITER), 0), []);
}

#[test]
fn a_receiver_that_starts_again_finds_an_empty_queue_and_an_unread_sample() {
    let mut channels = queue(2, Discipline::Fifo, Flush::Window);
    channels.write(0, b"a".to_vec(), 0, 0);
    channels.flush(Flush::Window, Some(WRITER), 0);
    channels.write(0, b"b".to_vec(), 0, 0);
    assert_eq!(channels.restart(OTHER), []);
    assert_eq!(channels.restart(READER), [Emptied { channel: 0, dropped: 1, made_space: true }]);
    channels.flush(Flush::Window, Some(WRITER), 0);
    assert_eq!(received(&mut channels), "b");
    let mut channels = sampling(Flush::Immediate);
    channels.write(0, b"a".to_vec(), 0, 0);
    for reader in [0, 1] {
        found(&mut channels, reader, 0);
    }
    assert_eq!(channels.restart(READER), []);
    assert_eq!([0, 1].map(|reader| channels.has_news(0, reader)), [true, false]);
}

#[test]
fn a_clear_drops_what_could_be_received_and_nothing_else() {
    let mut channels = queue(2, Discipline::Fifo, Flush::Window);
    assert_eq!(channels.clear(0), Ok(Emptied { channel: 0, dropped: 0, made_space: false }));
    channels.write(0, b"a".to_vec(), 0, 0);
    channels.flush(Flush::Window, Some(WRITER), 0);
    channels.write(0, b"b".to_vec(), 0, 0);
    assert_eq!(channels.clear(0), Ok(Emptied { channel: 0, dropped: 1, made_space: true }));
    channels.write(0, b"c".to_vec(), 0, 0);
    // All places are taken by messages that wait for the flush: clearing makes no space.
    assert_eq!(channels.clear(0), Ok(Emptied { channel: 0, dropped: 0, made_space: false }));
    channels.flush(Flush::Window, Some(WRITER), 0);
    assert_eq!(received(&mut channels), "b c");
}

#[test]
fn each_kind_has_its_own_operations() {
    let mut samples = sampling(Flush::Immediate);
    assert_eq!(samples.receive(0), Err(WrongKind));
    assert_eq!(samples.clear(0), Err(WrongKind));
    let mut messages = queue(1, Discipline::Priority, Flush::Immediate);
    assert_eq!(messages.read(0, 0, 0), Err(WrongKind));
    assert!(messages.is_queue(0) && messages.has_priorities(0) && !samples.is_queue(0));
}

#[test]
fn the_status_of_an_end_counts_what_matters_to_it() {
    let port = |direction| MessagePort { channel: 0, direction, reader: 0, priority: 0 };
    let ends = [PortDirection::Source, PortDirection::Destination];
    let mut channels = queue(5, Discipline::Fifo, Flush::Window);
    channels.write(0, b"a".to_vec(), 0, 0);
    channels.flush(Flush::Window, None, 0);
    channels.write(0, b"b".to_vec(), 0, 0);
    let status = ends.map(|end| channels.status(&port(end), 0));
    assert_eq!(status.map(|status| (status.kind, status.depth, status.messages)), [(1, 5, 2), (1, 5, 1)]);
    let mut channels = sampling(Flush::Immediate);
    channels.write(0, b"a".to_vec(), 0, 50);
    let expected = MessagePortStatus {
        refresh_ns: REFRESH_NS,
        kind: MessagePortStatus::KIND_SAMPLING,
        direction: 1,
        message_bytes: 8,
        depth: 1,
        messages: 1,
        valid: 1,
    };
    assert_eq!(channels.status(&port(PortDirection::Destination), 150), expected);
    assert_eq!(channels.status(&port(PortDirection::Source), 151).valid, 0);
}

/// A queue by the book, with lists that are searched.
#[derive(Default)]
struct Model {
    visible: Vec<(u8, u64)>,
    held: Vec<(u8, u64)>,
}

#[test]
fn a_queue_behaves_as_its_model_whatever_happens_to_it() {
    const DEPTH: usize = 7;
    let mut seed = 0x1234_5678_u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let mut channels = queue(DEPTH as u32, Discipline::Priority, Flush::Window);
    let mut model = Model::default();
    for number in 0..20_000_u64 {
        match random(10) {
            0..=4 => {
                let priority = random(3) as u8;
                let fits = model.visible.len() + model.held.len() < DEPTH;
                let written = channels.write(0, number.to_le_bytes().to_vec(), priority, 0);
                assert_eq!(written, if fits { Written::Held } else { Written::Full });
                if fits {
                    model.held.push((priority, number));
                }
            }
            5..=7 => {
                let expected = model.visible.iter().min().copied();
                model.visible.retain(|message| Some(*message) != expected);
                let bytes = channels.receive(0).unwrap().map(|message| message.bytes);
                assert_eq!(bytes, expected.map(|(_, number)| number.to_le_bytes().to_vec()));
            }
            8 => {
                channels.flush(Flush::Window, Some(WRITER), 0);
                model.visible.append(&mut model.held);
            }
            _ => match random(20) {
                0 => {
                    channels.restart(WRITER);
                    model.held.clear();
                }
                1 => {
                    channels.restart(READER);
                    model.visible.clear();
                }
                _ => {}
            },
        }
        let port = |direction| MessagePort { channel: 0, direction, reader: 0, priority: 0 };
        let count = |direction| channels.status(&port(direction), 0).messages as usize;
        assert_eq!(count(PortDirection::Destination), model.visible.len());
        assert_eq!(count(PortDirection::Source), model.visible.len() + model.held.len());
    }
}
