//! The table of keys, the schema and the documentation say the same.

use crate::json_schema;
use crate::keys::{Absent, FILE, Key, Section, Shape};
use crate::tree::{actions, default_of};
use hypervisor_core::health::HealthEvent;
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../../docs/SYSTEM-FILE.md");

/// Every key with the path of its table, and the schema of that table.
fn walk(
    section: &'static Section,
    schema: &Value,
    path: &str,
    see: &mut impl FnMut(&str, &'static Key, &Value),
) {
    for key in section.keys {
        let path = format!("{path}{}", key.name);
        see(&path, key, schema);
        let inner = &schema["properties"][key.name];
        let (inner, shape) = match &key.shape {
            Shape::List(element) => (&inner["items"], *element),
            shape => (inner, shape),
        };
        if let Shape::Table(section) = shape {
            walk(section, inner, &format!("{path}."), see);
        }
    }
}

fn keys(mut see: impl FnMut(&str, &'static Key, &Value)) {
    let schema: Value = serde_json::from_str(&json_schema()).expect("the schema is JSON");
    let mut count = 0;
    walk(&FILE, &schema, "", &mut |path, key, schema| {
        count += 1;
        see(path, key, schema);
    });
    assert!(count > 60, "{count}");
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    keys(|path, key, schema| {
        let property = &schema["properties"][key.name];
        assert!(property["type"].is_string() || property["type"].is_array(), "{path}");
        assert!(property["description"].is_string(), "{path}");
        let required = schema["required"].as_array().unwrap().iter().any(|name| name == key.name);
        assert_eq!(required, key.absent == Absent::Refused, "{path}");
        assert_eq!(schema["additionalProperties"], false, "{path}");
    });
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let known: Vec<&str> = FILE.keys.iter().map(|key| key.name).collect();
    for name in schema["properties"].as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn the_document_tells_of_every_key_word_event_and_action() {
    let told = |word: &str| DOCUMENT.contains(&format!("`{word}`"));
    keys(|path, key, _| {
        assert!(told(key.name), "docs/SYSTEM-FILE.md has no `{}` ({path})", key.name);
        if let Shape::Word(words) | Shape::List(Shape::Word(words)) = &key.shape {
            for word in *words {
                assert!(told(word), "docs/SYSTEM-FILE.md has no `{word}` ({path})");
            }
        }
        if let Absent::Means(default) = key.absent {
            assert!(told(default), "docs/SYSTEM-FILE.md has no default `{default}` ({path})");
        }
    });
    for name in HealthEvent::all().map(HealthEvent::name).chain(actions()) {
        assert!(told(name), "docs/SYSTEM-FILE.md has no `{name}`");
    }
}

#[test]
fn every_example_of_the_document_is_a_system_or_part_of_one() {
    let mut examples = 0;
    for block in DOCUMENT.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap_or_default();
        let reading = super::read_text(example);
        assert!(reading.config.is_some(), "{example}\n{}", super::shown(example));
        examples += 1;
    }
    assert!(examples >= 2, "{examples}");
}

#[test]
fn every_default_can_be_written() {
    keys(|path, key, _| {
        if let Absent::Means(default) = key.absent {
            assert!(default_of(key, default).is_some(), "{path}: {default}");
        }
    });
}

#[test]
fn the_diagnostic_in_the_document_is_what_the_check_says() {
    let (_, rest) = DOCUMENT.split_once("```toml wrong\n").expect("there is an example with an error");
    let (example, rest) = rest.split_once("```").expect("the example ends");
    let (_, rest) = rest.split_once("```text\n").expect("its diagnostic follows");
    let (output, _) = rest.split_once("```").expect("the diagnostic ends");
    assert_eq!(super::shown(example).trim_end(), output.trim_end());
}
