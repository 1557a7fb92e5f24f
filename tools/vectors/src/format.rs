//! The lines of a v32 file as data. Unknown keys are skipped.

use crate::answer::{Change, ExceptionRecord};
use crate::layout::Layout;
use crate::registers::{EIP, Registers, position};
use emulator::DescriptorTable;
use emulator::cpu::Tls;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// More steps than any case needs; it bounds the time that one line can take.
const STEPS_AT_MOST: u32 = 1_000_000;

/// Entries of the descriptor table: selectors beyond it do not exist.
pub(crate) const TABLE_LENGTH: usize = 6;

/// The first line of a file: the memory map and the segments of all its cases.
#[derive(Clone, Debug)]
pub struct Header {
    /// The memory map.
    pub layout: Layout,
    /// Raw descriptors of the selectors that cases may start with, by table index.
    pub descriptors: [u64; 16],
}

/// A state to start from, what to run, and what comes out of it if that is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Case {
    /// Names the case within its file.
    pub id: u64,
    /// The group of cases that it belongs to, for tables.
    pub group: String,
    /// What a person calls it: disassembly.
    pub name: String,
    /// Instructions to run; a repeated string instruction is one.
    pub steps: u32,
    /// The state before.
    pub initial: State,
    /// What a processor made of it, if the line says.
    pub expected: Option<Expected>,
}

impl Case {
    /// The code at EIP as far as the case gives it.
    #[must_use]
    pub fn code(&self) -> &[u8] {
        let eip = self.initial.regs.value(EIP);
        let offset = |piece: &Piece| eip.wrapping_sub(piece.address) as usize;
        let holds_eip = |piece: &&Piece| offset(piece) < piece.bytes.len();
        self.initial.ram.iter().rfind(holds_eip).map_or(&[], |piece| &piece.bytes[offset(piece)..])
    }

    /// Whether the first instruction is a string instruction with REP.
    #[must_use]
    pub fn starts_with_repeat(&self) -> bool {
        is_repeated_string(self.code())
    }
}

/// Whether `code` starts with a string instruction that has one of the prefixes REP.
pub(crate) fn is_repeated_string(code: &[u8]) -> bool {
    let mut repeated = false;
    for byte in code {
        match byte {
            0xf2 | 0xf3 => repeated = true,
            0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 => {}
            0x6c..=0x6f | 0xa4..=0xa7 | 0xaa..=0xaf => return repeated,
            _ => return false,
        }
    }
    false
}

/// The answer in a case's own line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expected {
    /// What changed.
    pub change: Change,
    /// The exception, if there was one.
    pub exception: Option<ExceptionRecord>,
    /// Which bits the architecture leaves open.
    pub undefined: Undefined,
}

/// The state before the first instruction. Registers all have a value.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct State {
    /// The registers.
    pub regs: Registers,
    /// Bytes that differ from the fill bytes.
    #[serde(default)]
    pub ram: Vec<Piece>,
    /// The x87 state; without one, that of FNINIT.
    #[serde(default)]
    pub fpu: Option<Fpu>,
    /// The SSE state; without one, MXCSR is 1F80h.
    #[serde(default)]
    pub sse: Option<Sse>,
}

/// Some bytes of memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Linear address of the first.
    pub address: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A part of the x87 state, or all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Fpu {
    /// Control word.
    pub cw: Option<u16>,
    /// Status word.
    pub sw: Option<u16>,
    /// A bit for each physical register, 1 = in use.
    pub tag: Option<u8>,
    /// ST(0) to ST(7), sign and exponent above the mantissa.
    pub st: Option<[Hex<20>; 8]>,
}

/// A part of the SSE state, or all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Sse {
    /// MXCSR.
    pub mxcsr: Option<u32>,
    /// XMM0 to XMM7.
    pub xmm: Option<[Hex<32>; 8]>,
}

/// A number of `DIGITS` hexadecimal digits, most significant first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hex<const DIGITS: usize>(pub u128);

/// The bits that the architecture leaves undefined for a case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Undefined {
    /// A mask for each register, in the order of [`crate::REGISTER_NAMES`]; 0 if all of it is defined.
    pub registers: [u32; 16],
    /// Of the x87 status word.
    pub sw: u32,
    /// Ranges of memory: address and length in bytes.
    pub ram: Vec<(u32, u32)>,
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[derive(Deserialize)]
struct HeaderLine<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u32,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    regions: Vec<(u64, u64, Text<'a>, u8)>,
    #[serde(default)]
    segments: BTreeMap<String, SegmentLine>,
}

#[derive(Deserialize)]
struct SegmentLine {
    base: u32,
    limit: u32,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct CaseLine {
    id: u64,
    #[serde(default)]
    group: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    steps: Option<u32>,
    initial: State,
    #[serde(default, rename = "final")]
    change: Option<Change>,
    #[serde(default)]
    exception: Option<ExceptionRecord>,
    #[serde(default)]
    undefined: Undefined,
}

/// Reads the first line of a file.
///
/// # Errors
/// What is wrong with the line.
pub fn parse_header(line: &str) -> Result<Header, String> {
    let line: HeaderLine<'_> =
        serde_json::from_str(line).map_err(|error| format!("the first line is no v32 header: {error}"))?;
    if line.format != "v32" || line.version != 1 || line.mode != "ring3-flat32" {
        return Err(format!(
            "format {:?} version {} mode {:?} is not supported; v32 version 1 mode ring3-flat32 is",
            line.format, line.version, line.mode
        ));
    }
    let regions =
        line.regions.iter().map(|(base, length, rights, fill)| (*base, *length, rights.0.as_ref(), *fill));
    Ok(Header { layout: Layout::new(regions)?, descriptors: descriptors(&line.segments)? })
}

/// Reads a line that is not the first.
///
/// # Errors
/// What is wrong with the line.
pub fn parse_case(line: &str) -> Result<Case, String> {
    let line: CaseLine = serde_json::from_str(line).map_err(|error| format!("no case: {error}"))?;
    if let Some(name) = line.initial.regs.first_missing() {
        return Err(format!("initial.regs has no {name}"));
    }
    let steps = line.steps.unwrap_or(1);
    if steps > STEPS_AT_MOST {
        return Err(format!("{steps} steps are too many; at most {STEPS_AT_MOST}"));
    }
    let CaseLine { exception, undefined, .. } = line;
    let expected = line.change.map(|change| Expected { change, exception, undefined });
    Ok(Case { id: line.id, group: line.group, name: line.name, steps, initial: line.initial, expected })
}

/// The descriptors that the header's selectors name. Only flat segments can be described.
fn descriptors(segments: &BTreeMap<String, SegmentLine>) -> Result<[u64; 16], String> {
    let mut descriptors = DescriptorTable::ring3(Tls::Absent).entries;
    for (selector, segment) in segments {
        let index =
            selector.parse::<usize>().map_err(|_| format!("segment {selector:?} is no selector"))? >> 3;
        let attributes = match segment.kind.as_str() {
            "code32" => 0xc0fb,
            "data32" => 0xc0f3,
            other => {
                return Err(format!(
                    "segment {selector} has unknown type {other:?}; code32 and data32 are known"
                ));
            }
        };
        if segment.base != 0 || segment.limit != u32::MAX {
            return Err(format!("segment {selector} is not flat"));
        }
        if !(1..TABLE_LENGTH).contains(&index) {
            return Err(format!("segment {selector} is outside the descriptor table, selectors 8 to 47"));
        }
        descriptors[index] = DescriptorTable::descriptor(segment.base, segment.limit, attributes);
    }
    Ok(descriptors)
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, Bytes(bytes)) = Deserialize::deserialize(deserializer)?;
        Ok(Self { address, bytes })
    }
}

/// One byte as a number, or any number of bytes as hexadecimal digits.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl Visitor<'_> for NumberOrText {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte or a string of pairs of hexadecimal digits")
            }

            fn visit_u64<E: Error>(self, byte: u64) -> Result<Bytes, E> {
                let byte = u8::try_from(byte).map_err(|_| E::custom(format!("{byte} is no byte")))?;
                Ok(Bytes(vec![byte]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                let pairs = text.as_bytes().chunks(2);
                let bytes = pairs.map(|pair| match pair {
                    [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                    _ => None,
                });
                bytes
                    .collect::<Option<_>>()
                    .map(Bytes)
                    .ok_or_else(|| E::custom("no pairs of hexadecimal digits"))
            }
        }

        deserializer.deserialize_any(NumberOrText)
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).map(|digit| digit as u8)
}

impl<'de, const DIGITS: usize> Deserialize<'de> for Hex<DIGITS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        let valid = text.len() == DIGITS && text.bytes().all(|character| digit(character).is_some());
        let value = if valid { u128::from_str_radix(&text, 16).ok() } else { None };
        value.map(Self).ok_or_else(|| D::Error::custom(format!("not {DIGITS} hexadecimal digits")))
    }
}

impl<'de> Deserialize<'de> for Undefined {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;

        impl<'de> Visitor<'de> for ByName {
            type Value = Undefined;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of masks")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Undefined, M::Error> {
                let mut undefined = Undefined::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    match (name.0.as_ref(), position(&name.0)) {
                        (_, Some(position)) => undefined.registers[position] = map.next_value()?,
                        ("sw", _) => undefined.sw = map.next_value()?,
                        ("ram", _) => undefined.ram = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(undefined)
            }
        }

        deserializer.deserialize_map(ByName)
    }
}
