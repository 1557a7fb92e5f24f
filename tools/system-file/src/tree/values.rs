//! Values that are no tables and no lists.

use super::words::shown;
use super::{ActionText, Value};
use crate::keys::{Key, LINE_MOST, RATES, Shape};
use crate::scalar::{self, Wrong};
use crate::suggestion::listed;
use hypervisor_core::health::HealthAction;
use toml::de::DeValue;

/// None if the value is not of the type that the shape is written in.
pub fn scalar_value(shape: &Shape, value: &DeValue<'_>) -> Option<Result<Value, Wrong>> {
    Some(match (shape, value) {
        (Shape::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Shape::Count { least, most }, DeValue::Integer(integer)) => {
            count(integer.as_str(), integer.radix(), *least, *most).map(Value::Number)
        }
        (Shape::LineReference, DeValue::Integer(integer)) => {
            count(integer.as_str(), integer.radix(), 0, LINE_MOST).map(Value::Number)
        }
        (shape, DeValue::String(text)) => return text_value(shape, text),
        _ => return None,
    })
}

fn count(digits: &str, radix: u32, least: u64, most: u64) -> Result<u64, Wrong> {
    let number = u64::from_str_radix(digits, radix).ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Wrong {
        title: "this number is not possible here".to_owned(),
        advice: format!("give {least} to {most}"),
    })
}

fn text_value(shape: &Shape, text: &str) -> Option<Result<Value, Wrong>> {
    let owned = || Value::Text(text.to_owned());
    Some(match shape {
        Shape::Name => scalar::name(text).map(|()| owned()),
        Shape::Reference | Shape::LineReference | Shape::Text => Ok(owned()),
        Shape::Duration => scalar::duration(text).map(Value::Duration),
        Shape::Size { least, most, multiple_of } => {
            scalar::bytes(text, *least, *most, *multiple_of).map(Value::Number)
        }
        Shape::Frequency => scalar::frequency(text, RATES).map(Value::Number),
        Shape::IoPorts => scalar::io_ports(text).map(Value::IoPorts),
        Shape::Word(words) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Value::Word(word)),
            None => Err(Wrong {
                title: format!("`{}` is not known here", shown(text)),
                advice: format!("the words are {}", listed(words.iter().copied())),
            }),
        },
        Shape::HealthAction => match actions().find(|action| *action == text) {
            Some("switch_plan") => Err(Wrong {
                title: "`switch_plan` needs the name of a plan".to_owned(),
                advice: "write { switch_plan = \"name of the plan\" }".to_owned(),
            }),
            Some(action) => Ok(Value::Action(ActionText::Named(action.to_owned()))),
            None => Err(Wrong {
                title: format!("there is no health action `{}`", shown(text)),
                advice: format!("the actions are {}", listed(actions())),
            }),
        },
        Shape::Flag | Shape::Count { .. } | Shape::List(_) | Shape::Table(_) | Shape::Map(..) => return None,
    })
}

/// The names of all health actions.
pub fn actions() -> impl Iterator<Item = &'static str> {
    HealthAction::ALL_NAMES.into_iter()
}

/// The value of a key that is left out.
pub fn default_of(key: &Key, default: &str) -> Option<Value> {
    let value = match key.shape {
        Shape::Flag => DeValue::Boolean(default == "true"),
        Shape::Count { .. } => return default.parse().ok().map(Value::Number),
        _ => DeValue::String(default.into()),
    };
    scalar_value(&key.shape, &value)?.ok()
}
