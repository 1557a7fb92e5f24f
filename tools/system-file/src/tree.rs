//! TOML as the table of keys allows it: every value has its shape, and everything that has not is reported.
//!
//! Not here: whether the values make sense together.

use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::keys::{Absent, FILE, Key, Kind, RATES, Section, Shape};
use crate::scalar::{self, Duration, Wrong};
use crate::suggestion::{listed, nearest};
use hypervisor_core::health::{HealthAction, HealthEvent};
use std::ops::RangeInclusive;
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

/// A value with its shape.
#[derive(Clone, Debug)]
pub enum Value {
    /// [`Shape::Name`], [`Shape::Reference`] and [`Shape::Text`].
    Text(String),
    /// [`Shape::Word`]
    Word(&'static str),
    /// [`Shape::Flag`]
    Flag(bool),
    /// [`Shape::Count`], [`Shape::Size`], [`Shape::Frequency`] and a number in [`Shape::LineReference`].
    Number(u64),
    /// [`Shape::Duration`]
    Duration(Duration),
    /// [`Shape::IoPorts`]
    IoPorts(RangeInclusive<u16>),
    /// [`Shape::HealthAction`]
    Action(ActionText),
    /// [`Shape::List`]; elements that are wrong are left out.
    List(Vec<Node>),
    /// [`Shape::Table`]
    Table(Table),
    /// [`Shape::Map`]; values that are wrong are left out.
    Map(Vec<(Spanned<String>, Node)>),
}

/// A health action as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActionText {
    /// Its name.
    Named(String),
    /// `{ switch_plan = "name" }`
    SwitchPlan(Spanned<String>),
}

/// A value and where it stands.
pub type Node = Spanned<Value>;

/// A table with the keys of its section. Keys that are wrong are left out.
#[derive(Clone, Debug)]
pub struct Table {
    /// Where it begins: its header, or all of it in braces.
    pub span: Span,
    entries: Vec<(&'static str, Node)>,
    /// Some entries or elements were wrong and are left out.
    pub is_damaged: bool,
}

impl Table {
    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<Spanned<String>> {
        self.value(key)?.text()
    }

    /// A word.
    pub fn word(&self, key: &str) -> Option<&'static str> {
        match self.value(key)?.value {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<Spanned<u64>> {
        let node = self.value(key)?;
        match node.value {
            Value::Number(number) => Some(Spanned::new(number, node.span.clone())),
            _ => None,
        }
    }

    /// A flag.
    pub fn flag(&self, key: &str) -> Option<Spanned<bool>> {
        let node = self.value(key)?;
        match node.value {
            Value::Flag(flag) => Some(Spanned::new(flag, node.span.clone())),
            _ => None,
        }
    }

    /// A duration.
    pub fn duration(&self, key: &str) -> Option<Spanned<Duration>> {
        let node = self.value(key)?;
        match node.value {
            Value::Duration(duration) => Some(Spanned::new(duration, node.span.clone())),
            _ => None,
        }
    }

    /// The elements of a list; none if it is left out.
    pub fn list(&self, key: &str) -> &[Node] {
        match self.value(key).map(|node| &node.value) {
            Some(Value::List(nodes)) => nodes,
            _ => &[],
        }
    }

    /// The tables of a list; none if it is left out.
    pub fn tables(&self, key: &str) -> impl Iterator<Item = &Table> {
        self.list(key).iter().filter_map(|node| match &node.value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    }

    /// A table.
    pub fn table(&self, key: &str) -> Option<&Table> {
        match &self.value(key)?.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The entries of a map; none if it is left out.
    pub fn map(&self, key: &str) -> &[(Spanned<String>, Node)] {
        match self.value(key).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        }
    }
}

impl Node {
    /// A text.
    pub fn text(&self) -> Option<Spanned<String>> {
        match &self.value {
            Value::Text(text) => Some(Spanned::new(text.clone(), self.span.clone())),
            _ => None,
        }
    }
}

/// Reads the whole file; None if it is no TOML.
pub fn read(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut reader = Reader { diagnostics, damage: 0 };
        return Some(reader.table(table.get_ref(), table.span(), &FILE));
    }
    diagnostics.extend(errors.iter().map(|error| {
        let title = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
        Diagnostic::error(title)
            .at(error.span().unwrap_or(0..0), "")
            .help("write TOML: `key = value` lines under `[table]` and `[[table]]` headers, text in quotes")
    }));
    None
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    /// How many values were wrong so far.
    damage: usize,
}

impl Reader<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.damage += 1;
        self.diagnostics.push(diagnostic);
    }

    fn table(&mut self, table: &DeTable<'_>, span: Span, section: &'static Section) -> Table {
        let damage = self.damage;
        let mut entries = Vec::new();
        for (name, value) in in_order(table) {
            let Some(key) = section.keys.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                self.unknown_key(name.get_ref(), name.span(), section);
                continue;
            };
            if let Some(node) = self.value(value, &key.shape, key.name) {
                entries.push((key.name, node));
            }
        }
        for key in section.keys.iter().filter(|key| !table.contains_key(key.name)) {
            match key.absent {
                Absent::Allowed => {}
                Absent::Means(default) => {
                    entries.extend(
                        default_of(key, default).map(|value| (key.name, Spanned::new(value, span.clone()))),
                    );
                }
                Absent::Refused => self.report(
                    Diagnostic::error(format!("this {} has no `{}`", section.what, key.name))
                        .at(span.clone(), format!("`{}` is missing here", key.name))
                        .help(format!("add `{} = {}`: {}", key.name, example(&key.shape), key.text)),
                ),
            }
        }
        Table { span, entries, is_damaged: self.damage > damage }
    }

    fn unknown_key(&mut self, name: &str, span: Span, section: &Section) {
        let known = || section.keys.iter().map(|key| key.name);
        let mut diagnostic = Diagnostic::error(format!("a {} has no key `{}`", section.what, shown(name)));
        diagnostic = match nearest(name, known()) {
            Some(meant) => diagnostic
                .at(span.clone(), "unknown key")
                .help(format!("did you mean `{meant}`?"))
                .replace(span, meant),
            None => diagnostic.at(span, "unknown key").help(format!("the keys are {}", listed(known()))),
        };
        self.report(diagnostic);
    }

    fn value(&mut self, value: &TomlSpanned<DeValue<'_>>, shape: &'static Shape, key: &str) -> Option<Node> {
        let span = value.span();
        let read = match (shape, value.get_ref()) {
            (Shape::Table(section), DeValue::Table(table)) => {
                Value::Table(self.table(table, span.clone(), section))
            }
            (Shape::Map(kind, shape), DeValue::Table(table)) => Value::Map(self.map(table, *kind, shape)),
            (Shape::List(shape), DeValue::Array(values)) => {
                Value::List(values.iter().filter_map(|value| self.value(value, shape, key)).collect())
            }
            (Shape::HealthAction, DeValue::Table(table)) => {
                Value::Action(self.switch_plan(table, span.clone())?)
            }
            (shape, value) => match scalar_value(shape, value) {
                Some(Ok(value)) => value,
                Some(Err(Wrong { title, advice })) => {
                    let diagnostic =
                        Diagnostic::error(format!("`{key}`: {title}")).at(span.clone(), "").help(advice);
                    self.report(match (shape, value) {
                        (Shape::Word(words), DeValue::String(text)) => {
                            suggest(diagnostic, text, words.iter().copied(), &span)
                        }
                        (Shape::HealthAction, DeValue::String(text)) => {
                            suggest(diagnostic, text, actions(), &span)
                        }
                        _ => diagnostic,
                    });
                    return None;
                }
                None => {
                    self.report(
                        Diagnostic::error(format!(
                            "`{key}` is {}, not {}",
                            described(shape),
                            toml_type(value)
                        ))
                        .at(span, format!("this is {}", toml_type(value)))
                        .help(format!("write it as {}", example(shape))),
                    );
                    return None;
                }
            },
        };
        Some(Spanned::new(read, span))
    }

    fn map(
        &mut self,
        table: &DeTable<'_>,
        kind: Kind,
        shape: &'static Shape,
    ) -> Vec<(Spanned<String>, Node)> {
        let mut entries = Vec::new();
        for (name, value) in in_order(table) {
            let key = Spanned::new(name.get_ref().to_string(), name.span());
            if kind == Kind::HealthEvent && HealthEvent::from_name(&key.value).is_none() {
                let events = || HealthEvent::all().map(HealthEvent::name);
                let diagnostic =
                    Diagnostic::error(format!("there is no health event `{}`", shown(&key.value)))
                        .at(key.span.clone(), "unknown event")
                        .help(format!("the events are {}", listed(events())));
                self.report(match nearest(&key.value, events()) {
                    Some(meant) => {
                        let mut diagnostic = diagnostic.replace(key.span.clone(), meant);
                        diagnostic.advice = vec![format!("did you mean `{meant}`?")];
                        diagnostic
                    }
                    None => diagnostic,
                });
                continue;
            }
            if let Some(node) = self.value(value, shape, &shown(&key.value)) {
                entries.push((key, node));
            }
        }
        entries
    }

    fn switch_plan(&mut self, table: &DeTable<'_>, span: Span) -> Option<ActionText> {
        let mut entries = table.iter();
        if let (Some((name, plan)), None) = (entries.next(), entries.next())
            && name.get_ref().as_ref() == "switch_plan"
            && let DeValue::String(text) = plan.get_ref()
        {
            return Some(ActionText::SwitchPlan(Spanned::new(text.to_string(), plan.span())));
        }
        self.report(
            Diagnostic::error("this is no health action")
                .at(span, "")
                .help("write a word in quotes, or { switch_plan = \"name of the plan\" }"),
        );
        None
    }
}

/// Entries in the order of the file, so that what comes first is reported first.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a TomlSpanned<std::borrow::Cow<'i, str>>, &'a TomlSpanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// None if the value is not of the type that the shape is written in.
fn scalar_value(shape: &Shape, value: &DeValue<'_>) -> Option<Result<Value, Wrong>> {
    Some(match (shape, value) {
        (Shape::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
        (Shape::Count { least, most }, DeValue::Integer(integer)) => {
            count(integer.as_str(), integer.radix(), *least, *most).map(Value::Number)
        }
        (Shape::LineReference, DeValue::Integer(integer)) => {
            count(integer.as_str(), integer.radix(), 0, crate::keys::LINE_MOST).map(Value::Number)
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

/// Replaces the advice by the word that was probably meant.
fn suggest<'a>(
    mut diagnostic: Diagnostic,
    text: &str,
    known: impl Iterator<Item = &'a str>,
    span: &Span,
) -> Diagnostic {
    match nearest(text, known) {
        Some(meant) if meant != text => {
            diagnostic.advice = vec![format!("did you mean `{meant}`?")];
            diagnostic.replace(span.clone(), format!("\"{meant}\""))
        }
        _ => diagnostic,
    }
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

/// Text of the file on its way into a message: short and in one line.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown += "...";
    }
    shown
}

fn described(shape: &Shape) -> &'static str {
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

fn toml_type(value: &DeValue<'_>) -> &'static str {
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
