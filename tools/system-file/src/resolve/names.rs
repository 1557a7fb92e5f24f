//! Names: who bears them, and what a wrong one was meant to be.

use crate::diagnostic::{Diagnostic, Spanned};
use crate::keys::Kind;
use crate::suggestion::{listed, nearest};
use crate::tree::{Table, shown};
use std::collections::BTreeMap;

/// After so many diagnostics there are no suggestions.
const SUGGESTIONS_MOST: usize = 200;

/// The names of all things of a kind, with their places.
pub struct Names {
    places: BTreeMap<String, u16>,
    /// Some have no name that could be read: an unknown name may be theirs.
    is_damaged: bool,
}

impl Names {
    /// The names in the tables of a list.
    pub fn of(file: &Table, list: &str) -> Self {
        let mut places = BTreeMap::new();
        let mut is_damaged = false;
        for (place, table) in file.tables(list).enumerate() {
            match (table.text("name"), u16::try_from(place)) {
                (Some(name), Ok(place)) => {
                    places.entry(name.value).or_insert(place);
                }
                _ => is_damaged = true,
            }
        }
        Self { places, is_damaged }
    }

    /// The place of the thing with this name. One that nothing bears is reported.
    pub fn find(&self, kind: Kind, name: &Spanned<String>, diagnostics: &mut Vec<Diagnostic>) -> Option<u16> {
        if let Some(place) = self.places.get(&name.value) {
            return Some(*place);
        }
        // With a name missing elsewhere, this one is probably it: one error is enough.
        if self.is_damaged {
            return None;
        }
        let what = match kind {
            Kind::Partition => "partition",
            Kind::Plan => "plan",
            Kind::HealthEvent => "health event",
        };
        let known = || self.places.keys().map(String::as_str);
        let title = format!("no {what} is called `{}`", shown(&name.value));
        let diagnostic = Diagnostic::error(title).at(name.span.clone(), "nothing defines this name");
        // Looking for what was meant takes long, and nobody reads that many suggestions.
        let meant = if diagnostics.len() < SUGGESTIONS_MOST { nearest(&name.value, known()) } else { None };
        diagnostics.push(match meant {
            Some(meant) => diagnostic
                .help(format!("did you mean `{meant}`?"))
                .replace(name.span.clone(), format!("\"{meant}\"")),
            None if self.places.is_empty() => diagnostic.help(format!("describe it in a [[{what}]] table")),
            None => diagnostic.help(format!("the {what}s are {}", listed(known()))),
        });
        None
    }
}

/// Reports names that two tables of these lists bear.
pub fn unique(lists: &[(&Table, &str)], diagnostics: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<String, Spanned<String>> = BTreeMap::new();
    for (file, list) in lists {
        for name in file.tables(list).filter_map(|table| table.text("name")) {
            if let Some(first) = first.get(&name.value) {
                let what =
                    lists.iter().map(|(_, list)| list.replace('_', " ")).collect::<Vec<_>>().join(" or ");
                diagnostics.push(
                    Diagnostic::error(format!("there is already a {what} called `{}`", shown(&name.value)))
                        .at(name.span.clone(), "the same name again")
                        .also(first.span.clone(), "first here")
                        .help("give it another name"),
                );
            } else {
                first.insert(name.value.clone(), name);
            }
        }
    }
}
