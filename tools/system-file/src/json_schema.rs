//! The JSON Schema of system files, for editors; made from the table of keys that the reader goes by.

use crate::keys::{Absent, FILE, Kind, NAME_MOST_BYTES, Section, Shape};
use crate::tree::actions;
use hypervisor_core::health::HealthEvent;
use serde_json::{Map, Value, json};

/// The schema, as JSON text.
#[must_use]
pub fn json_schema() -> String {
    let mut schema = section(&FILE);
    if let Value::Object(entries) = &mut schema {
        entries.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        entries.insert("title".to_owned(), json!("Paravane system file"));
    }
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

fn section(section: &Section) -> Value {
    let mut properties = Map::new();
    for key in section.keys {
        let mut schema = shape(&key.shape);
        if let Value::Object(entries) = &mut schema {
            entries.insert("description".to_owned(), json!(key.text));
            if let Absent::Means(default) = key.absent {
                let default = match key.shape {
                    Shape::Flag => json!(default == "true"),
                    Shape::Count { .. } => json!(default.parse::<u64>().unwrap_or(0)),
                    _ => json!(default),
                };
                entries.insert("default".to_owned(), default);
            }
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required: Vec<&str> =
        section.keys.iter().filter(|key| key.absent == Absent::Refused).map(|key| key.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn shape(shape_of: &Shape) -> Value {
    let name = format!("^[a-z0-9_-]{{1,{NAME_MOST_BYTES}}}$");
    match shape_of {
        Shape::Name | Shape::Reference => text(&name),
        Shape::LineReference => json!({ "type": ["string", "integer"] }),
        Shape::Text => json!({ "type": "string" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Duration => text("^[0-9][0-9_.]* *(ns|us|µs|ms|s|min|u)$"),
        Shape::Size { .. } => text("^[0-9][0-9_]* *([bB]|[kKmMgG]([iI][bB])?)$"),
        Shape::Frequency => text("^[0-9][0-9_.]* *(Hz|kHz|MHz|GHz)$"),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::IoPorts => text("^[0-9a-fA-F]{1,4}( *- *[0-9a-fA-F]{1,4})?$"),
        Shape::HealthAction => {
            let words: Vec<&str> = actions().filter(|action| *action != "switch_plan").collect();
            let plan = json!({
                "type": "object",
                "properties": { "switch_plan": text(&name) },
                "required": ["switch_plan"],
                "additionalProperties": false,
            });
            json!({ "anyOf": [{ "type": "string", "enum": words }, plan] })
        }
        Shape::List(element) => json!({ "type": "array", "items": shape(element) }),
        Shape::Table(keys) => section(keys),
        Shape::Map(Kind::HealthEvent, element) => {
            let events: Map<String, Value> =
                HealthEvent::all().map(|event| (event.name().to_owned(), shape(element))).collect();
            json!({ "type": "object", "properties": events, "additionalProperties": false })
        }
        Shape::Map(_, element) => json!({ "type": "object", "additionalProperties": shape(element) }),
    }
}
