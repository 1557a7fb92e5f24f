//! ELF notes: a name, a kind and bytes each.

use super::LoadError;

/// One note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Who defines it, without the zero byte at the end.
    pub name: Vec<u8>,
    /// What it is, in the sense of `name`.
    pub kind: u32,
    /// What it says.
    pub description: Vec<u8>,
}

/// Adds the notes of one note segment to `notes`.
pub(super) fn read_notes(mut bytes: &[u8], notes: &mut Vec<Note>) -> Result<(), LoadError> {
    let damaged = || LoadError::BadHeader("a note is longer than its segment".to_owned());
    while !bytes.is_empty() {
        let name_bytes = take_u32(&mut bytes).ok_or_else(damaged)?;
        let description_bytes = take_u32(&mut bytes).ok_or_else(damaged)?;
        let kind = take_u32(&mut bytes).ok_or_else(damaged)?;
        let name = take_padded(&mut bytes, name_bytes).ok_or_else(damaged)?;
        let description = take_padded(&mut bytes, description_bytes).ok_or_else(damaged)?.to_vec();
        let name = name.strip_suffix(&[0]).unwrap_or(name).to_vec();
        notes.push(Note { name, kind, description });
    }
    Ok(())
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*word))
}

/// Takes `length` bytes and the padding to a multiple of 4, which the last note of a segment may lack.
fn take_padded<'a>(bytes: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
    let (taken, _) = bytes.split_at(length);
    let padded = length.next_multiple_of(4).min(bytes.len());
    *bytes = &bytes[padded..];
    Some(taken)
}
