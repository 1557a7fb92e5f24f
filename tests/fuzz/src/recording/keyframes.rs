//! Keyframes whose digests are right: somebody who makes a file to harm its reader writes them so, too.

use super::frames::Frame;
use hypervisor_core::config::SystemConfig;
use hypervisor_core::{FrameId, Machine};

const PAGE_BYTES: usize = 4096;

/// The fields of a keyframe.
type Fields = (Vec<u64>, u32, bool, Vec<u16>, u128, Vec<u8>);

/// Makes right what each keyframe says of its machine, if there is such a machine. Whether anything was not.
pub fn make_right(frames: &mut [Frame], config: &SystemConfig) -> bool {
    let mut changed = false;
    let mut pages: Vec<(FrameId, Vec<u8>)> = Vec::new();
    for frame in frames {
        if frame.kind == *b"PAGE" {
            pages.extend(pages_of(&frame.content));
        }
        let Some(fields) = keyframe_of(frame) else { continue };
        let pages =
            pages.iter().map(|(id, page)| (*id, <&[u8; PAGE_BYTES]>::try_from(&page[..]).expect("a page")));
        let Ok(machine) = Machine::restore(config.clone(), &fields.5, pages) else { continue };
        let executed_by: Vec<u64> =
            machine.partitions().iter().map(|partition| partition.executed()).collect();
        let (unit, executed) = (machine.clock().units(), machine.executed());
        let fields = (executed_by, fields.1, fields.2, fields.3, machine.digest(), fields.5);
        let content = postcard::to_allocvec(&fields).expect("there is room");
        changed |= (unit, executed, &content) != (frame.unit, frame.executed, &frame.content);
        (frame.unit, frame.executed, frame.content) = (unit, executed, content);
    }
    changed
}

fn keyframe_of(frame: &Frame) -> Option<Fields> {
    if frame.kind == *b"KEYF" { postcard::from_bytes(&frame.content).ok() } else { None }
}

fn pages_of(content: &[u8]) -> Vec<(FrameId, Vec<u8>)> {
    let Ok((ids, contents)) = postcard::take_from_bytes::<Vec<FrameId>>(content) else { return Vec::new() };
    ids.into_iter().zip(contents.chunks_exact(PAGE_BYTES).map(<[u8]>::to_vec)).collect()
}
