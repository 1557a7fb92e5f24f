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
//! Of a system the second line is `system` and the digest of its configuration, and a line `image HASH NAME` for each
//! partition follows.
//!
//! Units never go down. Bytes are as in a trace: printable ASCII, `\n`, `\t`, `\r`, `\"`, `\\` and `\x1b`.

use crate::configuration_digest::configuration_digest;
use hypervisor_core::{Arrival, Input, SystemConfig};

/// The first line. The number counts up when the lines change their meaning.
const HEADER: &str = "paravane-input 1";

/// What a recording was made for, line by line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity(Vec<String>);

impl Identity {
    /// A guest with this image.
    pub fn of_guest(image_hash: u128) -> Self {
        Self(vec![format!("image {image_hash:032x}")])
    }

    /// A system.
    pub fn of_system(config: &SystemConfig) -> Self {
        let images = config.partitions.iter();
        let images =
            images.map(|partition| format!("image {:032x} {}", partition.image.hash, partition.name));
        let system = format!("system {:032x}", configuration_digest(config));
        Self([system].into_iter().chain(images).collect())
    }

    /// Whether `line` has the form of a line like `own`: the same word first, a hash, the same rest.
    fn is_like(own: &str, line: &str) -> bool {
        let parts = |line: &str| {
            let (word, rest) = line.split_once(' ')?;
            let (hash, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            u128::from_str_radix(hash, 16).ok().map(|_| (word.to_owned(), rest.to_owned()))
        };
        parts(line).is_some_and(|form| parts(own) == Some(form))
    }

    /// Why a recording with this line where `own` is expected is not for what runs.
    fn difference(own: &str, line: &str, number: usize) -> String {
        if !Self::is_like(own, line) {
            let (word, _) = own.split_once(' ').unwrap_or((own, ""));
            let other = if word == "system" { "system" } else { "image" };
            return format!(
                "line {number}: expected `{other}` and its hash: record it again with what is run now"
            );
        }
        let what = if own.starts_with("system") {
            "configuration".to_owned()
        } else {
            own.splitn(3, ' ').nth(2).map_or("image".to_owned(), |name| format!("image of `{name}`"))
        };
        let hash = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_owned();
        format!("it was recorded for another {what} ({}, this is {}): record it again", hash(line), hash(own))
    }
}

/// The lines before the first input of a run.
pub fn head(identity: &Identity) -> String {
    format!("{HEADER}\n{}\n", identity.0.join("\n"))
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

/// Reads a file that was recorded for what is run.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn read(text: &str, identity: &Identity) -> Result<Vec<Input>, String> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    if lines.next().map(|(_, line)| line) != Some(HEADER) {
        return Err(format!("this is no recording: its first line is not `{HEADER}`"));
    }
    for (number, own) in (2..).zip(&identity.0) {
        let line = lines.next().map_or("", |(_, line)| line);
        if line != own {
            return Err(Identity::difference(own, line, number));
        }
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
    use super::{Identity, head, line, read};
    use hypervisor_core::{Arrival, Input};

    fn guest(hash: u128) -> Identity {
        Identity::of_guest(hash)
    }

    #[test]
    fn every_byte_survives_writing_and_reading() {
        let inputs = [
            Input { unit: 0, what: Arrival::Bytes((0..=255).collect()) },
            Input { unit: 7, what: Arrival::Bytes(b"\"\\x".to_vec()) },
            Input { unit: u64::MAX, what: Arrival::End },
        ];
        let lines: String = inputs.iter().map(line).collect();
        assert_eq!(read(&(head(&guest(5)) + &lines), &guest(5)).as_deref(), Ok(&inputs[..]));
    }

    #[test]
    fn a_recording_of_another_image_is_refused() {
        let error = read(&head(&guest(5)), &guest(6)).unwrap_err();
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
            let error = read(&format!("{head}{rest}"), &guest(5)).unwrap_err();
            assert!(error.contains(says), "{rest:?}: {error}");
        }
        assert!(read("", &guest(5)).is_err());
        assert!(read("paravane-input 2\n", &guest(5)).is_err());
    }
    #[test]
    fn a_recording_of_a_system_names_what_is_not_the_same() {
        let system = |lines: [&str; 3]| Identity(lines.map(str::to_owned).to_vec());
        let own = system(["system 1", "image 2 nav", "image 3 display"]);
        for (other, says) in [
            (system(["system 9", "image 2 nav", "image 3 display"]), "another configuration (9, this is 1)"),
            (system(["system 1", "image 2 nav", "image 9 display"]), "another image of `display`"),
            (guest(2), "line 2: expected `system`"),
        ] {
            let error = read(&head(&other), &own).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(read(&head(&own), &own), Ok(Vec::new()));
    }
}
