//! What was left out, in words.

use crate::listing::instruction_text;
use crate::places::describe;
use hypervisor_core::loader::Symbols;
use hypervisor_core::record::Repeat;
use hypervisor_core::{Elision, Omission};

/// `1204 instructions, 3 events since #75: filter`
#[must_use]
pub fn elision_words(symbols: &Symbols, elision: &Elision) -> String {
    let Elision { since, instructions, events, omission } = elision;
    let one = if matches!(omission, Omission::Repeat(_)) { "iteration" } else { "instruction" };
    let mut parts = Vec::new();
    if *instructions > 0 || *events == 0 {
        parts.push(counted(*instructions, one));
    }
    if *events > 0 {
        parts.push(counted(*events, "event"));
    }
    let why = match omission {
        Omission::Filter => "filter".to_owned(),
        Omission::Guest => "trace_stop".to_owned(),
        Omission::Ring => "ring".to_owned(),
        Omission::Loop { head, turns } => {
            format!("loop at {}, {}", describe(symbols, *head), counted(*turns, "turn"))
        }
        Omission::Repeat(repeat) => repeat_words(symbols, repeat),
    };
    format!("{} since #{since}: {why}", parts.join(", "))
}

fn repeat_words(symbols: &Symbols, repeat: &Repeat) -> String {
    let range = |word: &str, range: Option<(u32, u32)>| match range {
        Some((first, last)) => format!(", {word} {first:08x} to {last:08x}"),
        None => String::new(),
    };
    format!(
        "{} in {}{}{}",
        instruction_text(symbols, repeat.eip, &repeat.bytes),
        describe(symbols, repeat.eip),
        range("read", repeat.read),
        range("wrote", repeat.written)
    )
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::elision_words;
    use hypervisor_core::loader::Symbols;
    use hypervisor_core::record::Repeat;
    use hypervisor_core::{Elision, Omission};

    #[test]
    fn words_say_how_much_is_missing_since_when_and_why() {
        let repeat = Repeat {
            eip: 0x100,
            bytes: vec![0xf3, 0xa4],
            read: Some((0x2000, 0x20ff)),
            written: Some((0x3000, 0x30ff)),
            registers_before: [0; 8],
            registers_after: [0; 8],
            eflags_before: 0,
            eflags_after: 0,
        };
        for (instructions, events, omission, words) in [
            (1204, 3, Omission::Filter, "1204 instructions, 3 events since #75: filter"),
            (1, 0, Omission::Guest, "1 instruction since #75: trace_stop"),
            (0, 1, Omission::Ring, "1 event since #75: ring"),
            (
                24,
                0,
                Omission::Loop { head: 0x100, turns: 8 },
                "24 instructions since #75: loop at 0x00000100, 8 turns",
            ),
            (
                256,
                0,
                Omission::Repeat(Box::new(repeat)),
                "256 iterations since #75: rep movsb in 0x00000100, read 00002000 to 000020ff, wrote 00003000 to 000030ff",
            ),
        ] {
            let elision = Elision { since: 75, instructions, events, omission };
            assert_eq!(elision_words(&Symbols::default(), &elision), words);
        }
    }
}
