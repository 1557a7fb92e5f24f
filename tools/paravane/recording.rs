//! Console input with the units at which it came, as a small text file that a person can read and write:
//!
//! ```text
//! paravane-input 1
//! image 5d0c8f6a1d7e4b0f9a3c2e1d0b9f8a76
//! 0 "hello\n"
//! 120400 "\x03"
//! 120400 end
//! ```
//!
//! Units never go down. Bytes are as in a trace: printable ASCII, `\n`, `\t`, `\r`, `\"`, `\\` and `\x1b`.

use hypervisor_core::{Arrival, Input};

/// The first line. The number counts up when the lines change their meaning.
const HEADER: &str = "paravane-input 1";

/// The lines before the first input of a run of the image with this hash.
pub fn head(image_hash: u128) -> String {
    format!("{HEADER}\nimage {image_hash:032x}\n")
}

/// The line for one input.
pub fn line(input: &Input) -> String {
    let mut text = format!("{} ", input.unit).into_bytes();
    match &input.what {
        Arrival::Bytes(bytes) => trace::quoted(&mut text, bytes),
        Arrival::End => text.extend_from_slice(b"end"),
    }
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads a file that was recorded for the image with this hash.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn read(text: &str, image_hash: u128) -> Result<Vec<Input>, String> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    if lines.next().map(|(_, line)| line) != Some(HEADER) {
        return Err(format!("this is no recording: its first line is not `{HEADER}`"));
    }
    let recorded =
        lines.next().and_then(|(_, line)| u128::from_str_radix(line.strip_prefix("image ")?, 16).ok());
    match recorded {
        None => return Err("line 2: expected `image` and its hash".to_owned()),
        Some(hash) if hash != image_hash => {
            return Err(format!(
                "it was recorded for another image ({hash:032x}, this is {image_hash:032x}): record it again"
            ));
        }
        Some(_) => {}
    }
    let mut inputs: Vec<Input> = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let input =
            input(line).ok_or_else(|| format!("line {number}: expected a unit and \"bytes\" or `end`"))?;
        match inputs.last() {
            Some(last) if last.what == Arrival::End => {
                return Err(format!("line {number}: input after its end"));
            }
            Some(last) if last.unit > input.unit => {
                return Err(format!("line {number}: unit {} comes after unit {}", input.unit, last.unit));
            }
            _ => inputs.push(input),
        }
    }
    Ok(inputs)
}

fn input(line: &str) -> Option<Input> {
    let (unit, what) = line.split_once(' ')?;
    let what = match what {
        "end" => Arrival::End,
        quoted => Arrival::Bytes(unquoted(quoted)?),
    };
    Some(Input { unit: unit.parse().ok()?, what })
}

fn unquoted(text: &str) -> Option<Vec<u8>> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'"' => return None,
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let high = char::from(rest.next()?).to_digit(16)?;
                    let low = char::from(rest.next()?).to_digit(16)?;
                    u8::try_from(16 * high + low).ok()?
                }
                other @ (b'"' | b'\\') => other,
                _ => return None,
            },
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{head, line, read};
    use hypervisor_core::{Arrival, Input};

    #[test]
    fn every_byte_survives_writing_and_reading() {
        let inputs = [
            Input { unit: 0, what: Arrival::Bytes((0..=255).collect()) },
            Input { unit: 7, what: Arrival::Bytes(b"\"\\x".to_vec()) },
            Input { unit: u64::MAX, what: Arrival::End },
        ];
        let lines: String = inputs.iter().map(line).collect();
        assert_eq!(read(&(head(5) + &lines), 5).as_deref(), Ok(&inputs[..]));
    }

    #[test]
    fn a_recording_of_another_image_is_refused() {
        let error = read(&head(5), 6).unwrap_err();
        assert!(error.contains("another image"), "{error}");
    }

    #[test]
    fn damage_is_reported_with_its_line() {
        let head = format!("paravane-input 1\nimage {:032x}\n", 5);
        for (rest, says) in [
            ("x \"a\"\n", "line 3"),
            ("1 \"a\n", "line 3"),
            ("1 \"\\x4\"\n", "line 3"),
            ("1 \"a\"b\"\n", "line 3"),
            ("5 \"a\"\n4 \"b\"\n", "line 4: unit 4 comes after unit 5"),
            ("5 end\n5 \"b\"\n", "line 4: input after its end"),
        ] {
            let error = read(&format!("{head}{rest}"), 5).unwrap_err();
            assert!(error.contains(says), "{rest:?}: {error}");
        }
        assert!(read("", 5).is_err());
        assert!(read("paravane-input 2\n", 5).is_err());
    }
}
