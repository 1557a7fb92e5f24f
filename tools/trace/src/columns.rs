//! Digits and columns, written straight into a buffer: the inner loop of a trace.

/// One byte in each of the eight of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Appends `digits` lower-case hexadecimal digits of `value`, at most 16.
#[inline]
pub fn hexadecimal(out: &mut Vec<u8>, value: u64, digits: u32) {
    let low = eight_hexadecimal(value as u32);
    match digits {
        // Copies of a known length are no calls.
        8 => out.extend_from_slice(&low),
        4 => out.extend_from_slice(&[low[4], low[5], low[6], low[7]]),
        2 => out.extend_from_slice(&[low[6], low[7]]),
        _ => {
            let mut all = [0; 16];
            all[..8].copy_from_slice(&eight_hexadecimal((value >> 32) as u32));
            all[8..].copy_from_slice(&low);
            out.extend_from_slice(&all[16 - digits.min(16) as usize..]);
        }
    }
}

/// The eight hexadecimal digits of `value`.
#[inline]
pub fn eight_hexadecimal(value: u32) -> [u8; 8] {
    // The nibbles move apart, each into a byte of its own.
    let mut nibbles = u64::from(value);
    nibbles = (nibbles << 16 | nibbles) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles << 8 | nibbles) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles << 4 | nibbles) & 0x0f0f_0f0f_0f0f_0f0f;
    // From 10 on the letters begin, 39 characters after where the digits would go on.
    let letters = (nibbles + 6 * EACH) >> 4 & EACH;
    (nibbles + 0x30 * EACH + letters * 39).to_be_bytes()
}

/// The eight decimal digits of `value`, which is below 10^8, as numbers; the first is in the lowest byte.
#[inline]
fn eight_decimal(value: u32) -> u64 {
    // Halves, quarters and digits: each step divides all lanes at once, by multiplying with the reciprocal.
    let halves = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    let hundreds = (halves * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let quarters = hundreds | (halves - 100 * hundreds) << 16;
    let tens = (quarters * 103) >> 10 & 0x000f_000f_000f_000f;
    tens | (quarters - 10 * tens) << 8
}

/// Bytes of the two first columns together: a number of at most eight digits and less than ten seconds.
const STAMP_BYTES: usize = NUMBER_WIDTH + TIME_WIDTH;

const NUMBER_WIDTH: usize = 11;
const TIME_WIDTH: usize = 13;

/// Appends the columns of the instruction's number and of the time in seconds.
#[inline]
pub fn stamp(out: &mut Vec<u8>, number: u64, ns: u64) {
    let (Ok(number), true) = (u32::try_from(number), number < 100_000_000 && ns < 10_000_000_000) else {
        return wide_stamp(out, number, ns);
    };
    let digits = eight_decimal(number);
    let zeros = (digits.trailing_zeros() / 8).min(7);
    let spaces = (0x20 * EACH).checked_shl(64 - 8 * zeros).unwrap_or(0);
    let mut columns = [b' '; STAMP_BYTES];
    columns[0] = b'#';
    columns[1..9].copy_from_slice(&((digits + 0x30 * EACH) >> (8 * zeros) | spaces).to_le_bytes());
    let fraction = (ns % 1_000_000_000) as u32;
    columns[NUMBER_WIDTH] = b'0' + (ns / 1_000_000_000) as u8;
    columns[NUMBER_WIDTH + 1] = b'.';
    columns[NUMBER_WIDTH + 2] = b'0' + (fraction / 100_000_000) as u8;
    let digits = eight_decimal(fraction % 100_000_000) + 0x30 * EACH;
    columns[NUMBER_WIDTH + 3..NUMBER_WIDTH + 11].copy_from_slice(&digits.to_le_bytes());
    out.extend_from_slice(&columns);
}

#[cold]
fn wide_stamp(out: &mut Vec<u8>, number: u64, ns: u64) {
    let start = out.len();
    out.push(b'#');
    decimal(out, number);
    pad(out, start, NUMBER_WIDTH);
    let start = out.len();
    seconds(out, ns);
    pad(out, start, TIME_WIDTH);
}

/// Appends `value` in hexadecimal without leading zeros.
pub fn shortest_hexadecimal(out: &mut Vec<u8>, value: u32) {
    let digits = (32 - value.leading_zeros()).div_ceil(4).max(1);
    hexadecimal(out, value.into(), digits);
}

/// Appends `value` in decimal.
pub fn decimal(out: &mut Vec<u8>, value: u64) {
    decimal_digits(out, value, 1);
}

/// Appends nanoseconds as seconds with nine decimals.
pub fn seconds(out: &mut Vec<u8>, ns: u64) {
    decimal(out, ns / 1_000_000_000);
    out.push(b'.');
    decimal_digits(out, ns % 1_000_000_000, 9);
}

/// Fills with spaces up to `width` bytes after `start`, and adds at least one.
pub fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let end = (start + width).max(out.len() + 1);
    out.resize(end, b' ');
}

/// Appends `bytes` as a quoted string: printable ASCII as it is, the rest as `\n`, `\t`, `\r`, `\"`, `\\` or `\x1b`.
pub fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => {
                out.extend_from_slice(b"\\x");
                hexadecimal(out, u64::from(byte), 2);
            }
        }
    }
    out.push(b'"');
}

fn decimal_digits(out: &mut Vec<u8>, mut value: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while value > 0 || digits.len() - first < least {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::{decimal, eight_decimal, hexadecimal, pad, quoted, seconds, shortest_hexadecimal, stamp};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_the_digits_asked_for() {
        assert_eq!(text(|out| hexadecimal(out, 0xbeef, 8)), "0000beef");
        assert_eq!(text(|out| hexadecimal(out, u64::MAX, 16)), "ffffffffffffffff");
        for (value, digits) in [(0, "0"), (0xf, "f"), (0x10, "10"), (u32::MAX, "ffffffff")] {
            assert_eq!(text(|out| shortest_hexadecimal(out, value)), digits);
        }
        assert_eq!(text(|out| decimal(out, 0)), "0");
        assert_eq!(text(|out| decimal(out, u64::MAX)), "18446744073709551615");
        assert_eq!(text(|out| seconds(out, 12_000_000_050)), "12.000000050");
    }

    #[test]
    fn hexadecimal_digits_are_those_of_the_standard_library() {
        for value in [0, 1, 9, 10, 0xf, 0x9a, 0xdead_beef, 0x0123_4567_89ab_cdef, u64::MAX] {
            for digits in 1..=16_u32 {
                let expected = format!("{value:016x}")[16 - digits as usize..].to_owned();
                assert_eq!(text(|out| hexadecimal(out, value, digits)), expected);
            }
        }
    }

    #[test]
    fn decimal_digits_are_those_of_the_standard_library() {
        let far_apart = (0..100_000_000).step_by(9_973);
        for value in (0..20_000).chain(99_980_000..100_000_000).chain(far_apart) {
            let digits = eight_decimal(value).to_le_bytes().map(|digit| char::from(b'0' + digit));
            assert_eq!(digits.iter().collect::<String>(), format!("{value:08}"));
        }
    }

    #[test]
    fn a_stamp_has_its_columns_however_wide_the_numbers_are() {
        for number in [0, 7, 10, 12_345_678, 99_999_999, 100_000_000, 9_999_999_999, u64::MAX] {
            for ns in [0, 10, 999_999_999, 1_000_000_000, 9_999_999_999, 10_000_000_000, u64::MAX] {
                let (seconds, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
                let number_column = format!("{:<10} ", format!("#{number}"));
                let time_column = format!("{:<12} ", format!("{seconds}.{fraction:09}"));
                assert_eq!(text(|out| stamp(out, number, ns)), number_column + &time_column);
            }
        }
    }

    #[test]
    fn a_column_that_overflows_still_ends_with_a_space() {
        assert_eq!(text(|out| pad(out, 0, 3)), "   ");
        assert_eq!(
            text(|out| {
                out.extend_from_slice(b"abcd");
                pad(out, 0, 3);
            }),
            "abcd "
        );
    }

    #[test]
    fn a_quoted_string_is_one_line_of_ascii() {
        assert_eq!(text(|out| quoted(out, b"a\"\\\n\x1b\xff")), r#""a\"\\\n\x1b\xff""#);
    }
}
