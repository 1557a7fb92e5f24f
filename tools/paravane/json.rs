//! JSON on its way out: just what a report needs. Numbers are whole, keys stand in the order in which they were given.

use std::fmt::{self, Display, Formatter, Write};

/// A value.
#[derive(Clone, Debug)]
pub enum Json {
    Null,
    Number(u64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// An object with these keys.
    pub fn object<'k>(entries: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl FromIterator<Self> for Json {
    fn from_iter<Values: IntoIterator<Item = Self>>(values: Values) -> Self {
        Self::List(values.into_iter().collect())
    }
}

impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Json {
    /// All of it on one line, for files of one object a line.
    pub fn line(&self) -> String {
        match self {
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::line).collect();
                format!("[{}]", values.join(", "))
            }
            Self::Object(entries) => {
                let entry =
                    |(key, value): &(String, Self)| format!("{}: {}", Self::Text(key.clone()), value.line());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
            leaf => leaf.to_string(),
        }
    }

    /// One line for what holds only numbers and texts, else one line for each part.
    fn write(&self, f: &mut Formatter<'_>, indent: usize) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write_text(f, text),
            Self::List(values) => {
                let parts = values.iter().map(|value| (None, value));
                write_parts(f, ['[', ']'], parts, self.is_flat(), indent)
            }
            Self::Object(entries) => {
                let parts = entries.iter().map(|(key, value)| (Some(key.as_str()), value));
                write_parts(f, ['{', '}'], parts, self.is_flat(), indent)
            }
        }
    }

    fn is_flat(&self) -> bool {
        let is_leaf = |value: &Self| !matches!(value, Self::List(_) | Self::Object(_));
        match self {
            Self::List(values) => values.iter().all(is_leaf),
            Self::Object(entries) => entries.iter().all(|(_, value)| is_leaf(value)),
            _ => true,
        }
    }
}

fn write_parts<'v>(
    f: &mut Formatter<'_>,
    [open, close]: [char; 2],
    parts: impl Iterator<Item = (Option<&'v str>, &'v Json)>,
    is_flat: bool,
    indent: usize,
) -> fmt::Result {
    f.write_char(open)?;
    for (place, (key, value)) in parts.enumerate() {
        if place > 0 {
            f.write_str(if is_flat { ", " } else { "," })?;
        }
        if !is_flat {
            write!(f, "\n{:1$}", "", indent + 2)?;
        }
        if let Some(key) = key {
            write_text(f, key)?;
            f.write_str(": ")?;
        }
        value.write(f, indent + 2)?;
    }
    if !is_flat {
        write!(f, "\n{:indent$}", "")?;
    }
    f.write_char(close)
}

fn write_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn flat_things_stand_on_a_line_and_texts_are_escaped() {
        let json = Json::object([
            ("a", Json::Number(u64::MAX)),
            ("b", [Json::object([("c", Json::Null)]), Json::object([])].into_iter().collect()),
            ("d", Json::from("\"\\\n\u{1}é")),
        ]);
        assert_eq!(
            json.to_string(),
            "{\n  \"a\": 18446744073709551615,\n  \"b\": [\n    {\"c\": null},\n    {}\n  ],\n  \
             \"d\": \"\\\"\\\\\\n\\u0001é\"\n}"
        );
        assert_eq!(
            json.line(),
            "{\"a\": 18446744073709551615, \"b\": [{\"c\": null}, {}], \"d\": \"\\\"\\\\\\n\\u0001é\"}"
        );
    }
}
