//! Values that are written as text: durations, sizes, frequencies, names, I/O ports.

use crate::keys::NAME_MOST_BYTES;
use crate::quantities::{parse_count, parse_duration, parse_frequency, parse_size, size};
use std::ops::RangeInclusive;

/// A duration as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duration {
    /// In nanoseconds.
    Nanoseconds(u64),
    /// In units of virtual time.
    Units(u64),
}

/// What is wrong with a value, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// In one line.
    pub title: String,
    /// In one line.
    pub advice: String,
}

fn wrong(title: impl Into<String>, advice: impl Into<String>) -> Wrong {
    Wrong { title: title.into(), advice: advice.into() }
}

/// A message of [`crate::quantities`] is "what is wrong; what to do".
fn split(message: &str) -> Wrong {
    let (title, advice) = message.split_once("; ").unwrap_or((message, "write a smaller number"));
    wrong(title, advice)
}

/// Reads a duration: `10ms`, `500us`, `80ns`, `2s`, `3min`, `1000u`.
pub fn duration(text: &str) -> Result<Duration, Wrong> {
    if let Some(units) = text.strip_suffix('u') {
        let units = parse_count(units.trim_end()).map_err(|_| {
            wrong(
                format!("`{text}` is no whole number of units"),
                "write it as 1000u, with a unit of time, or as 10ms",
            )
        })?;
        return Ok(Duration::Units(units));
    }
    let duration = parse_duration(text)
        .map_err(|message| split(&format!("{message}, or 1000u in units of virtual time")))?;
    u64::try_from(duration.as_nanos())
        .map(Duration::Nanoseconds)
        .map_err(|_| wrong("a duration of more than 584 years", "write a shorter one"))
}

/// Reads a size, which has to have a unit, and holds it to its bounds.
pub fn bytes(text: &str, least: u64, most: u64, multiple_of: u64) -> Result<u64, Wrong> {
    const ADVICE: &str = "write it as 2MiB, 64KiB or 64B";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return Err(wrong("the unit is missing", ADVICE));
    }
    let bytes = parse_size(text).map_err(|message| {
        let Wrong { title, .. } = split(&message);
        wrong(title, ADVICE)
    })?;
    if !(least..=most).contains(&bytes) {
        let title = format!("{} is not possible here", size(bytes));
        return Err(wrong(title, format!("give {} to {}", size(least), size(most))));
    }
    if !bytes.is_multiple_of(multiple_of) {
        let (below, unit) = (bytes / multiple_of, multiple_of >> 10);
        let near = format!("{}KiB or {}KiB", below * unit, (below + 1) * unit);
        return Err(wrong(
            format!("{bytes} bytes are no multiple of {}", size(multiple_of)),
            format!("give {near}"),
        ));
    }
    Ok(bytes)
}

/// Reads a clock's rate: `100MHz`.
pub fn frequency(text: &str, (least, most): (u64, u64)) -> Result<u64, Wrong> {
    let frequency = parse_frequency(text).map_err(|message| split(&message))?;
    if (least..=most).contains(&frequency) {
        return Ok(frequency);
    }
    Err(wrong(
        format!("a clock of {frequency} Hz is not possible"),
        format!("give {}kHz to {}GHz", least / 1_000, most / 1_000_000_000),
    ))
}

/// Whether `text` can be a name.
pub fn name(text: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let advice = format!("a name is 1 to {NAME_MOST_BYTES} of a-z, 0-9, `_` and `-`");
    if text.is_empty() {
        return Err(wrong("a name may not be empty", advice));
    }
    if let Some(letter) = text.chars().find(|c| !allowed(*c)) {
        return Err(wrong(format!("a name may not have {letter:?} in it"), advice));
    }
    if text.len() > NAME_MOST_BYTES {
        return Err(wrong(format!("a name of {} bytes is too long", text.len()), advice));
    }
    Ok(())
}

/// Reads I/O ports: `3f8-3ff`, `80`.
pub fn io_ports(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    const ADVICE: &str = "write a port or a range in hexadecimal: \"80\" or \"3f8-3ff\", 0 to ffff";
    let port = |digits: &str| {
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hexadecimal.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(first), Some(last)) = (port(first.trim()), port(last.trim())) else {
        return Err(wrong(format!("`{}` are no I/O ports", text.escape_debug()), ADVICE));
    };
    if first > last {
        return Err(wrong(format!("the range `{text}` ends before it begins"), ADVICE));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::{Duration, bytes, duration, frequency, io_ports, name};
    use crate::keys::RATES;

    #[test]
    fn durations_are_times_or_units() {
        for (text, expected) in [
            ("10ms", Duration::Nanoseconds(10_000_000)),
            ("80ns", Duration::Nanoseconds(80)),
            ("1000u", Duration::Units(1000)),
            ("2_000 u", Duration::Units(2000)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "u", "10", "1.5u", "-1ms", "10 lightyears", "999999999999s", "99999999999999999999u"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units_and_bounds() {
        assert_eq!(bytes("64B", 1, 100, 1), Ok(64));
        assert_eq!(bytes("64KiB", 4096, 1 << 20, 4096), Ok(65_536));
        for text in ["64", "", "0B", "101B", "64QiB", "1.5KiB"] {
            assert!(bytes(text, 1, 100, 1).is_err(), "{text}");
        }
        assert_eq!(bytes("5000B", 4096, 1 << 20, 4096).unwrap_err().advice, "give 4KiB or 8KiB");
    }

    #[test]
    fn clocks_have_a_range() {
        assert_eq!(frequency("100MHz", RATES), Ok(100_000_000));
        for text in ["100", "1Hz", "2000GHz", "MHz", "100mhz"] {
            assert!(frequency(text, RATES).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(name("nav-2_b"), Ok(()));
        for text in ["", "Nav", "a b", "nav\0", "é", &"a".repeat(32)] {
            assert!(name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_are_hexadecimal() {
        assert_eq!(io_ports("3f8-3ff"), Ok(0x3f8..=0x3ff));
        assert_eq!(io_ports("80"), Ok(0x80..=0x80));
        for text in ["", "-", "0x80", "3ff-3f8", "10000", "+1", "80-", "80-81-82"] {
            assert!(io_ports(text).is_err(), "{text}");
        }
    }
}
