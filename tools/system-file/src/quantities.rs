//! Sizes, durations and counts as a person writes them: `16MiB`, `10ms`, `2_000_000`.
//!
//! Not here: what a value may be used for. The machine checks that.

use std::time::Duration;

/// Parses a size in bytes: `16MiB`, `64KiB`, `1GiB`, `4096`.
///
/// # Errors
/// What is wrong with the text, for the command line to show.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const HINT: &str = "write it as 16MiB, 64KiB, 1GiB or a number of bytes";
    let (number, unit) = split_unit(text, HINT)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit of memory; {HINT}")),
    };
    whole(number)
        .ok_or_else(|| format!("`{number}` is no whole number; {HINT}"))?
        .checked_mul(factor)
        .ok_or_else(|| "more than 2^64 bytes".to_owned())
}

/// Parses a duration to nanoseconds: `2s`, `1.5s`, `10ms`, `500us`, `80ns`, `3min`.
///
/// # Errors
/// What is wrong with the text, for the command line to show.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write it as 2s, 1.5s, 10ms, 500us, 80ns or 3min";
    let (number, unit) = split_unit(text, HINT)?;
    let unit_ns: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "" => return Err(format!("the unit is missing; {HINT}")),
        _ => return Err(format!("`{unit}` is no unit of time; {HINT}")),
    };
    scaled(number, unit_ns)
        .map(Duration::from_nanos)
        .ok_or_else(|| format!("`{number}` is no number of nanoseconds below 2^64; {HINT}"))
}

/// Parses a clock's rate to cycles a second: `100MHz`, `1.5GHz`, `32kHz`.
///
/// # Errors
/// What is wrong with the text, for the command line to show.
pub fn parse_frequency(text: &str) -> Result<u64, String> {
    const HINT: &str = "write it as 100MHz, 1.5GHz, 32kHz or 50000Hz";
    let (number, unit) = split_unit(text, HINT)?;
    let factor = match unit {
        "Hz" => 1,
        "kHz" => 1_000,
        "MHz" => 1_000_000,
        "GHz" => 1_000_000_000,
        "" => return Err(format!("the unit is missing; {HINT}")),
        _ => return Err(format!("`{unit}` is no unit of frequency; {HINT}")),
    };
    scaled(number, factor).ok_or_else(|| format!("`{number}` is no whole number of hertz below 2^64; {HINT}"))
}

/// Parses a count: `1000`, `2_000_000`, `10M` (k, M and G are thousand, million and billion).
///
/// # Errors
/// What is wrong with the text, for the command line to show.
pub fn parse_count(text: &str) -> Result<u64, String> {
    const HINT: &str = "write it as 1000000, 1_000_000 or 1M";
    let (number, unit) = split_unit(text, HINT)?;
    let factor = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(format!("`{unit}` is no unit of a count; {HINT}")),
    };
    scaled(number, factor).ok_or_else(|| format!("`{number}` is no whole number below 2^64; {HINT}"))
}

/// A size for people, rounded up to tenths: `16 MiB`, `12.4 KiB`, `573 bytes`.
#[must_use]
pub fn size(bytes: u64) -> String {
    for (factor, unit) in [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= factor {
            let tenths = (u128::from(bytes) * 10).div_ceil(factor.into());
            let fraction = if tenths % 10 == 0 { String::new() } else { format!(".{}", tenths % 10) };
            return format!("{}{fraction} {unit}", tenths / 10);
        }
    }
    format!("{bytes} bytes")
}

/// A number with its digits in groups of three: `1_204_771`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// Virtual time for people, in the largest unit that is not below one: `1.204771 s`, `20.48 ms`, `80 ns`.
#[must_use]
pub fn time(ns: u64) -> String {
    for (unit_ns, unit, places) in [(1_000_000_000, "s", 9), (1_000_000, "ms", 6), (1_000, "us", 3)] {
        if ns >= unit_ns {
            let fraction = format!("{:0places$}", ns % unit_ns);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            return format!("{}{point}{fraction} {unit}", ns / unit_ns);
        }
    }
    format!("{ns} ns")
}

/// The number and the unit, which may be empty.
fn split_unit<'a>(text: &'a str, hint: &str) -> Result<(&'a str, &'a str), String> {
    let text = text.trim();
    match text.find(|c: char| !(c.is_ascii_digit() || c == '_' || c == '.')).unwrap_or(text.len()) {
        0 => Err(format!("there is no number; {hint}")),
        end => Ok((&text[..end], text[end..].trim_start())),
    }
}

/// Decimal digits, with `_` between groups.
fn whole(number: &str) -> Option<u64> {
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('_') {
        return None;
    }
    number.replace('_', "").parse().ok()
}

/// `number`, which may have decimals, times `factor`; None unless the result is whole and fits.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (integer, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let integer = whole(integer)?.checked_mul(factor)?;
    let places = u32::try_from(fraction.len()).ok()?;
    let part = whole(fraction)?.checked_mul(factor)?;
    let divisor = 10u64.checked_pow(places)?;
    part.is_multiple_of(divisor).then(|| integer.checked_add(part / divisor))?
}

#[cfg(test)]
mod tests {
    use super::{grouped, parse_count, parse_duration, parse_size, size, time};
    use std::time::Duration;

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in
            [("16MiB", 16 << 20), ("16 mib", 16 << 20), ("4K", 4096), ("4096", 4096), ("1GiB", 1 << 30)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "16MB", "1.5MiB", "-1", "16 MiB x", "99999999999999GiB", "_1", "1_"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_may_have_decimals() {
        for (text, ns) in [
            ("2s", 2_000_000_000),
            ("1.5s", 1_500_000_000),
            ("10ms", 10_000_000),
            ("80 ns", 80),
            ("3min", 180_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
        for text in [
            "",
            "2",
            "s",
            "1.5ns",
            "1.s",
            ".5s",
            "2S",
            "999999999999s",
            "1.2.3s",
            "0.00000000000000000000001s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_may_be_grouped_or_scaled() {
        for (text, count) in [("0", 0), ("1_000", 1_000), ("10M", 10_000_000), ("1.5k", 1_500)] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in ["", "1.5", "10m", "ten", "18446744073709551616", "-3"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_print_readably() {
        assert_eq!([grouped(0), grouped(999), grouped(1_204_771)], ["0", "999", "1_204_771"]);
        assert_eq!([size(16 << 20), size(12_596), size(573)], ["16 MiB", "12.4 KiB", "573 bytes"]);
        assert_eq!([time(80), time(20_480_000), time(2_000_000_000)], ["80 ns", "20.48 ms", "2 s"]);
    }
}
