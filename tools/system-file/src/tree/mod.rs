//! TOML as the table of keys allows it: every value has its shape, and everything that has not is reported.
//!
//! Not here: whether the values make sense together.

mod reader;
mod values;
mod words;

pub use reader::read;
pub use values::actions;
#[cfg(test)]
pub use values::default_of;
pub use words::shown;

use crate::diagnostic::{Span, Spanned};
use crate::scalar::Duration;
use std::ops::RangeInclusive;

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
