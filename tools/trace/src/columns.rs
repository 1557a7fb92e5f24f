//! Digits and columns, written straight into a buffer: the inner loop of a trace.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends `digits` lower-case hexadecimal digits of `value`.
pub fn hexadecimal(out: &mut Vec<u8>, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(DIGITS[(value >> (4 * place)) as usize & 15]);
    }
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
        digits[first] = DIGITS[(value % 10) as usize];
        value /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::{decimal, hexadecimal, pad, quoted, seconds, shortest_hexadecimal};

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
