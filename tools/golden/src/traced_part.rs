//! `[trace]` of a case file: which part of a run is compared, in the words of `paravane trace`.

use crate::case_file::{list, quoted};
use hypervisor_core::PartitionId;
use recording::words::Words;
use serde::Deserialize;
use std::fmt::Write;
use system_file::suggestion::{listed, nearest};
use trace::TracedSystem;
use trace::filter::{Kinds, Window};

/// Which part of a run is compared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct TracedPart {
    /// Kinds of record; all without. Without `instructions` there is no ladder.
    #[serde(default)]
    pub only: Vec<String>,
    /// Where it begins: a symbol, an address, `#NUMBER`, a time, `mark:N`, `trap:VECTOR`.
    pub from: Option<String>,
    /// Where it ends.
    pub to: Option<String>,
    /// Only these partitions.
    #[serde(default)]
    pub partitions: Vec<String>,
}

/// The part of a run, as it is known while it runs.
pub(crate) struct Part {
    pub window: Window,
    pub kinds: Kinds,
    /// Of each partition, whether it is compared.
    pub partitions: Vec<bool>,
}

impl TracedPart {
    /// Itself, if all of its words are known that are known without a system.
    pub(crate) fn checked(self) -> Result<Self, String> {
        self.kinds().map(|_| self)
    }

    /// Whether all of a run is compared.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn text(&self) -> String {
        let Self { only, from, to, partitions } = self;
        let mut text = String::new();
        for (key, words) in [("only", only), ("partitions", partitions)] {
            if !words.is_empty() {
                let _ = writeln!(text, "{key} = {}", list(words));
            }
        }
        for (key, word) in [("from", from), ("to", to)] {
            if let Some(word) = word {
                let _ = writeln!(text, "{key} = {}", quoted(word));
            }
        }
        if text.is_empty() { text } else { format!("\n[trace]\n{text}") }
    }

    /// The kinds of record that are compared.
    pub(crate) fn kinds(&self) -> Result<Kinds, String> {
        if self.only.is_empty() {
            return Ok(Kinds::ALL);
        }
        self.only.iter().try_fold(Kinds::NONE, |kinds, word| match Kinds::of_word(word) {
            Some(kind) => Ok(kinds.and(kind)),
            None => {
                let known = || Kinds::words().map(|(word, _)| word);
                let what = match nearest(word, known()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("write some of {}", listed(known())),
                };
                Err(format!("`trace.only` names `{word}`: {what}"))
            }
        })
    }

    /// The part of a run of this system.
    ///
    /// # Errors
    /// One line about a word that means nothing in it.
    pub(crate) fn of(&self, traced: &TracedSystem) -> Result<Part, String> {
        let mut partitions = vec![self.partitions.is_empty(); traced.partitions.len()];
        for name in &self.partitions {
            let place = traced.partitions.iter().position(|known| known.name == *name);
            let place = place.ok_or_else(|| {
                let known = listed(traced.partitions.iter().map(|known| known.name.as_str()));
                format!("`trace.partitions` names `{name}`: write some of {known}")
            })?;
            partitions[place] = true;
        }
        let words = Words { system: traced, shown: &partitions };
        let trigger = |key: &str, text: &Option<String>| {
            let read = |text: &String| words.trigger(text).map_err(|why| format!("`trace.{key}`: {why}"));
            text.as_ref().map(read).transpose()
        };
        let window = Window::new(trigger("from", &self.from)?, trigger("to", &self.to)?, None);
        Ok(Part { window, kinds: self.kinds()?, partitions })
    }
}

impl Part {
    /// Whether every record is compared.
    pub fn is_all(&self) -> bool {
        self.window.is_all() && self.kinds == Kinds::ALL && self.partitions.iter().all(|shown| *shown)
    }

    /// Whether records of a partition are compared.
    pub fn shows(&self, partition: PartitionId) -> bool {
        self.partitions.get(partition.index()) == Some(&true)
    }
}
