//! Walks the TOML by the table of keys.

use super::values::{actions, default_of, scalar_value};
use super::words::{described, example, shown, toml_type};
use super::{ActionText, Node, Table, Value};
use crate::diagnostic::{Diagnostic, Span, Spanned};
use crate::keys::{Absent, FILE, Kind, Section, Shape};
use crate::scalar::Wrong;
use crate::suggestion::{listed, nearest};
use hypervisor_core::health::HealthEvent;
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

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
        let mut diagnostic =
            Diagnostic::error(format!("unknown key `{}` in this {}", shown(name), section.what));
        diagnostic = match nearest(name, known()) {
            Some(meant) => diagnostic
                .at(span.clone(), "nothing knows this key")
                .help(format!("did you mean `{meant}`?"))
                .replace(span, meant),
            None => diagnostic
                .at(span, "nothing knows this key")
                .help(format!("the keys are {}", listed(known()))),
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
