//! Texts, each once, as events refer to them by number.

use crate::bounds::{LABEL_BYTES_MOST, WORDS_BYTES_MOST};
use std::collections::HashMap;

/// The number of the text that stands for all for which there was no room.
const NO_ROOM: u32 = 0;

/// All texts.
#[derive(Debug)]
pub struct Words {
    numbers: HashMap<String, u32>,
    all: Vec<String>,
    bytes: usize,
}

impl Words {
    /// None but the one for those without room.
    pub fn new() -> Self {
        Self { numbers: HashMap::new(), all: vec!["(no room for these words)".to_owned()], bytes: 0 }
    }

    /// The number of a text.
    pub fn number(&mut self, text: &str) -> u32 {
        let text = label(text);
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        self.bytes += written_bytes(&text) + 3;
        if self.bytes > WORDS_BYTES_MOST {
            return NO_ROOM;
        }
        let number = self.all.len() as u32;
        self.all.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// All, by number.
    pub fn all(self) -> Vec<String> {
        self.all
    }
}

/// A text that is not too long: its end is cut off and shown as `…`.
pub fn label(text: &str) -> String {
    let mut bytes = 0;
    let mut fits = |letter: &char| {
        bytes += letter_bytes(*letter);
        bytes <= LABEL_BYTES_MOST
    };
    let mut short: String = text.chars().take_while(|letter| fits(letter)).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The bytes of a text in the page.
pub fn written_bytes(text: &str) -> usize {
    text.chars().map(letter_bytes).sum()
}

/// Control characters and `<` are written as `\u003c`.
fn letter_bytes(letter: char) -> usize {
    match letter {
        '<' => 6,
        '"' | '\\' => 2,
        control if control < ' ' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Words, label, written_bytes};
    use crate::bounds::{LABEL_BYTES_MOST, WORDS_BYTES_MOST};

    #[test]
    fn a_text_is_kept_once_and_found_again() {
        let mut words = Words::new();
        let first = words.number("block() = 0");
        assert_ne!(first, words.number("yield() = 0"));
        assert_eq!(first, words.number("block() = 0"));
        assert_eq!(words.all()[first as usize], "block() = 0");
    }

    #[test]
    fn texts_without_end_take_no_more_than_there_is_room_for() {
        let mut words = Words::new();
        for number in 0..100_000 {
            words.number(&format!("{number}: {}", "<".repeat(1000)));
        }
        assert_eq!(words.number("one more that is new"), 0);
        let bytes: usize = words.all().iter().map(|text| written_bytes(text) + 3).sum();
        assert!(bytes <= WORDS_BYTES_MOST + LABEL_BYTES_MOST);
    }

    #[test]
    fn a_long_text_is_cut_between_its_letters() {
        assert_eq!(label("short"), "short");
        let long = label(&"é".repeat(500));
        assert!(long.ends_with('…') && written_bytes(&long) <= LABEL_BYTES_MOST + '…'.len_utf8());
    }
}
