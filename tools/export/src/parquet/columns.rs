//! The columns of the tables, and the values of a row group before they are written.
//!
//! Not here: writing.

use parquet::data_type::ByteArray;
use std::collections::HashMap;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Signed 64 bits that grow from row to row, or almost.
    Rising,
    /// Signed 64 bits.
    Long,
    /// Unsigned 64 bits.
    UnsignedLong,
    /// Unsigned 32 bits.
    Word,
    /// Text, of which there is little that is different.
    Text,
    /// Bytes, of which there are few that are different.
    Bytes,
}

/// A column.
#[derive(Debug)]
pub struct Description {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether a row may have no value.
    pub optional: bool,
}

const fn column(name: &'static str, kind: Kind) -> Description {
    Description { name, kind, optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Description {
    Description { name, kind, optional: true }
}

/// A row for each instruction: what it is, and the registers that it left behind.
pub const INSTRUCTIONS: [Description; 17] = [
    column("seq", Kind::Rising),
    column("partition", Kind::Text),
    column("number", Kind::Rising),
    column("time_ns", Kind::Rising),
    column("eip", Kind::Word),
    optional("function", Kind::Text),
    column("text", Kind::Text),
    column("bytes", Kind::Bytes),
    column("eax", Kind::Word),
    column("ecx", Kind::Word),
    column("edx", Kind::Word),
    column("ebx", Kind::Word),
    column("esp", Kind::Word),
    column("ebp", Kind::Word),
    column("esi", Kind::Word),
    column("edi", Kind::Word),
    column("eflags", Kind::Word),
];

/// A row for each load and store.
pub const ACCESSES: [Description; 9] = [
    column("seq", Kind::Rising),
    column("partition", Kind::Text),
    column("number", Kind::Rising),
    column("time_ns", Kind::Rising),
    column("eip", Kind::Word),
    column("kind", Kind::Text),
    column("address", Kind::Word),
    column("length", Kind::Word),
    column("value", Kind::UnsignedLong),
];

/// A row for each event.
pub const EVENTS: [Description; 9] = [
    column("seq", Kind::Rising),
    column("partition", Kind::Text),
    column("number", Kind::Rising),
    column("time_ns", Kind::Rising),
    column("kind", Kind::Text),
    optional("subject", Kind::Text),
    optional("value", Kind::Long),
    optional("eip", Kind::Word),
    column("words", Kind::Text),
];

/// A text or bytes for one column, which remembers its place in the column's dictionary.
#[derive(Debug)]
pub struct Text {
    bytes: Box<[u8]>,
    /// The row group for which `place` is right.
    group: Option<u64>,
    place: u32,
}

impl Text {
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self { bytes: bytes.as_ref().into(), group: None, place: 0 }
    }
}

/// No text in a row.
const ABSENT: u32 = u32::MAX;

/// The texts of a row group: each once, and for each row which.
#[derive(Debug, Default)]
pub struct Texts {
    group: u64,
    places: Vec<u32>,
    different: Vec<ByteArray>,
    known: HashMap<Box<[u8]>, u32>,
}

impl Texts {
    pub fn push(&mut self, text: Option<&mut Text>) {
        let Some(text) = text else { return self.places.push(ABSENT) };
        if text.group != Some(self.group) {
            text.place = self.place_of(&text.bytes);
            text.group = Some(self.group);
        }
        self.places.push(text.place);
    }

    /// For each row the place of its text, or None.
    pub fn rows(&self) -> impl Iterator<Item = Option<&ByteArray>> {
        // A place that is not there is `ABSENT`.
        self.places.iter().map(|place| self.different.get(*place as usize))
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.group += 1;
        self.places.clear();
        self.different.clear();
        self.known.clear();
    }

    fn place_of(&mut self, bytes: &[u8]) -> u32 {
        if let Some(place) = self.known.get(bytes) {
            return *place;
        }
        let place = self.different.len() as u32;
        self.different.push(ByteArray::from(bytes.to_vec()));
        self.known.insert(bytes.into(), place);
        place
    }
}

/// The values of a column in a row group.
#[derive(Debug)]
pub enum Values {
    /// 64 bits, and for an optional column 1 or 0 for each row that has a value or none.
    Long(Vec<i64>, Vec<i16>),
    /// 32 bits, likewise.
    Word(Vec<i32>, Vec<i16>),
    /// Texts or bytes.
    Text(Texts),
}

impl Values {
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Rising | Kind::Long | Kind::UnsignedLong => Self::Long(Vec::new(), Vec::new()),
            Kind::Word => Self::Word(Vec::new(), Vec::new()),
            Kind::Text | Kind::Bytes => Self::Text(Texts::default()),
        }
    }

    pub fn clear(&mut self) {
        match self {
            Self::Long(values, present) => {
                values.clear();
                present.clear();
            }
            Self::Word(values, present) => {
                values.clear();
                present.clear();
            }
            Self::Text(texts) => texts.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteArray, Text, Texts};

    fn rows(texts: &Texts) -> Vec<Option<&[u8]>> {
        texts.rows().map(|text| text.map(ByteArray::data)).collect()
    }

    #[test]
    fn a_text_is_kept_once_in_a_row_group_and_remembered_no_longer() {
        let mut texts = Texts::default();
        let (mut nop, mut again, mut ret) = (Text::new("nop"), Text::new("nop"), Text::new("ret"));
        for text in [Some(&mut nop), None, Some(&mut ret), Some(&mut again)] {
            texts.push(text);
        }
        let expected: [Option<&[u8]>; 4] = [Some(b"nop"), None, Some(b"ret"), Some(b"nop")];
        assert_eq!(rows(&texts), expected);
        assert_eq!(texts.different.len(), 2);
        texts.clear();
        texts.push(Some(&mut ret));
        texts.push(Some(&mut nop));
        assert_eq!(rows(&texts), [Some(&b"ret"[..]), Some(b"nop")]);
    }
}
