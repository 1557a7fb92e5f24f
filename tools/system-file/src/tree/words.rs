//! What shapes and values are called in messages.

use crate::keys::{Absent, Kind, Shape};
use toml::de::DeValue;

/// Text of the file on its way into a message: short and in one line.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown += "...";
    }
    shown
}

/// What a value of a shape is.
pub fn described(shape: &Shape) -> &'static str {
    match shape {
        Shape::Name | Shape::Reference => "a name in quotes",
        Shape::LineReference => "a line's number, or its name in quotes",
        Shape::Text => "text in quotes",
        Shape::Flag => "true or false",
        Shape::Count { .. } => "a whole number",
        Shape::Duration => "a duration in quotes",
        Shape::Size { .. } => "a size in quotes",
        Shape::Frequency => "a frequency in quotes",
        Shape::Word(_) => "a word in quotes",
        Shape::IoPorts => "a range of I/O ports in quotes",
        Shape::HealthAction => "a health action in quotes",
        Shape::List(_) => "a list",
        Shape::Table(_) | Shape::Map(..) => "a table",
    }
}

/// How a value of a shape may look.
pub fn example(shape: &Shape) -> String {
    match shape {
        Shape::Name | Shape::Reference | Shape::LineReference => "\"name\"".to_owned(),
        Shape::Text => "\"text\"".to_owned(),
        Shape::Flag => "true".to_owned(),
        Shape::Count { least, .. } => least.max(&1).to_string(),
        Shape::Duration => "\"10ms\"".to_owned(),
        Shape::Size { multiple_of: 1, .. } => "\"64B\"".to_owned(),
        Shape::Size { .. } => "\"64KiB\"".to_owned(),
        Shape::Frequency => "\"100MHz\"".to_owned(),
        Shape::Word(words) => format!("\"{}\"", words.first().unwrap_or(&"")),
        Shape::IoPorts => "\"3f8-3ff\"".to_owned(),
        Shape::HealthAction => "\"cold_restart\"".to_owned(),
        Shape::List(shape) => format!("[{}]", example(shape)),
        Shape::Table(section) => {
            let required = section.keys.iter().filter(|key| key.absent == Absent::Refused);
            let keys: Vec<String> =
                required.map(|key| format!("{} = {}", key.name, example(&key.shape))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Shape::Map(Kind::HealthEvent, shape) => format!("{{ deadlock = {} }}", example(shape)),
        Shape::Map(_, shape) => format!("{{ name = {} }}", example(shape)),
    }
}

/// What a value is, as TOML has it.
pub fn toml_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
