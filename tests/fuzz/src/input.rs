//! An input taken apart: numbers from its front, as long as there are any.

/// The bytes that are left.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// At most `most` bytes.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at(most.min(self.0.len()));
        self.0 = left;
        taken
    }

    /// None at the end: whoever asks has something usual for that.
    pub fn byte(&mut self) -> Option<u8> {
        self.bytes(1).first().copied()
    }

    /// Little-endian; bytes after the end are zero.
    pub fn number(&mut self, bytes: usize) -> u128 {
        let taken = self.bytes(bytes);
        taken.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    pub fn word(&mut self) -> u32 {
        self.number(4) as u32
    }

    /// A number near one that matters, or any number. None at the end.
    pub fn near(&mut self, marks: &[u32]) -> Option<u32> {
        let selector = usize::from(self.byte()?);
        Some(match marks.get(selector % (marks.len() + 1)) {
            Some(mark) => mark.wrapping_add_signed(i32::from(self.number(1) as i8)),
            None => self.word(),
        })
    }
}
