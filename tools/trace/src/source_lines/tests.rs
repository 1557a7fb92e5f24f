//! The lines of a sample that was compiled with `-g`, whole and damaged.

use super::{SourceFrame, SourceLine, SourceLines, readable_name};
use crate::traced_system::{TracedPartition, TracedSystem};
use hypervisor_core::clock::Rate;
use hypervisor_core::{Image, PartitionId};
use std::sync::Arc;

const FIRST: PartitionId = PartitionId(0);
const LINES: &[u8] = include_bytes!("../../../../guest-images/lines/prebuilt/lines.elf");
const SOURCE: &str = include_str!("../../../../guest-images/lines/lines.c");
const FILE: &str = "./guest-images/lines/lines.c";

fn lines_of(file: &[u8]) -> (SourceLines, Arc<Image>) {
    let image = Arc::new(Image::read(file).expect("an image"));
    let partition = TracedPartition {
        name: "guest".to_owned(),
        image: Arc::clone(&image),
        symbols: image.symbols.clone(),
    };
    let (rate, names) = (Rate::default(), Arc::default());
    let system = TracedSystem { is_system: false, rate, names, partitions: vec![partition] };
    (SourceLines::new(&system), image)
}

/// The number of the line with this text.
fn numbered(text: &str) -> u32 {
    let place = SOURCE.lines().position(|line| line.contains(text));
    place.unwrap_or_else(|| panic!("no line has {text}")) as u32 + 1
}

#[test]
fn an_address_has_the_line_that_it_was_compiled_from() {
    let (lines, image) = lines_of(LINES);
    // The brace after the head is the line of a function's first instruction, if that has no other work.
    for (symbol, line) in [
        ("factorial", numbered(" factorial(") + 1),
        ("not_called", numbered("total = 17;")),
        ("main", numbered(" main(") + 1),
    ] {
        let address = image.symbols.named(symbol).expect("the symbol").address;
        assert_eq!(lines.line(FIRST, address), Some(SourceLine { file: FILE, line }), "{symbol}");
    }
    assert_eq!(lines.line(FIRST, 0), None);
    assert_eq!(lines.line(FIRST, u32::MAX), None);
}

#[test]
fn inlined_functions_are_told_apart_from_those_that_hold_them() {
    let (lines, image) = lines_of(LINES);
    let main = image.symbols.named("main").expect("main");
    let inlined = (main.address..main.address + main.length_bytes)
        .map(|address| lines.frames(FIRST, address))
        .find(|frames| frames.len() > 1)
        .expect("an inlined function");
    let frame = |function: &str, text| SourceFrame {
        function: Some(function.to_owned()),
        file: Some(FILE.to_owned()),
        line: Some(numbered(text)),
    };
    assert_eq!(
        inlined,
        [frame("doubled", "return number * 2"), frame("main", "total += doubled(factorial(5))")]
    );
}

#[test]
fn all_lines_with_code_lie_in_code_and_do_not_overlap() {
    let (lines, image) = lines_of(LINES);
    let ranges: Vec<_> = lines.ranges(FIRST).collect();
    assert!(ranges.windows(2).all(|pair| pair[0].last < pair[1].first));
    assert!(ranges.iter().all(|range| range.first <= range.last));
    // Assembler code has room between its functions.
    let own_code = |address| image.symbols.locate(address).is_some();
    let of_c = |path: &str| path.ends_with(".c");
    assert!(
        ranges.iter().all(|range| !of_c(range.source.file) || own_code(range.first) && own_code(range.last)),
        "what the linker left out is told"
    );
    let own =
        |text| ranges.iter().any(|range| (range.source.file, range.source.line) == (FILE, numbered(text)));
    for text in ["return number * 2", "total = 17;", "ticks += times;", "return 0;"] {
        assert!(own(text), "{text}");
    }
    assert!(!own("static volatile uint32_t ticks"));
}

#[test]
fn an_image_without_debug_information_has_no_lines() {
    let (lines, image) = lines_of(include_bytes!("../../../../guest-images/prebuilt/ticker.elf"));
    assert_eq!(lines.line(FIRST, image.entry), None);
    assert_eq!(lines.ranges(FIRST).count(), 0);
    assert!(lines.frames(FIRST, image.entry).is_empty());
}

/// Asks everything; what is answered is not told, since damage may look like sense.
fn ask_everything(file: &[u8]) -> usize {
    let (lines, image) = lines_of(file);
    for segment in &image.segments {
        for address in (segment.address..).take(segment.bytes.len()).step_by(61) {
            drop((lines.line(FIRST, address), lines.frames(FIRST, address)));
        }
    }
    lines.ranges(FIRST).count()
}

#[test]
fn damaged_debug_information_gives_less_and_never_a_panic() {
    let seed = std::env::var("PARAVANE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    let rounds = std::env::var("PARAVANE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    println!("PARAVANE_SEED={seed}");
    let image = Image::read(LINES).expect("an image");
    let offset_of = |name| {
        let section = image.section(name).expect("the section");
        section.as_ptr() as usize - image.file.as_ptr() as usize
    };
    let (first, last) = (offset_of(".debug_line"), offset_of(".debug_frame"));
    let whole = ask_everything(LINES);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 17) as usize % below
    };
    let mut differed = 0;
    for round in 0..rounds {
        let mut file = LINES.to_vec();
        for _ in 0..1 + random(1 << (round % 10)) {
            let place = first + random(last - first);
            file[place] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        differed += usize::from(ask_everything(&file) != whole);
    }
    assert!(differed > 0, "no round damaged a line");
}

#[test]
fn names_are_shown_as_their_authors_wrote_them() {
    for (name, readable) in [
        ("main", "main"),
        ("_start", "_start"),
        ("_Zfoo", "_Zfoo"),
        ("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"),
        ("_ZN5space5twiceEi", "space::twice(int)"),
    ] {
        assert_eq!(readable_name(name), readable);
    }
}
