//! How the records of a run are shown: line by line, or as a tree of calls.
//!
//! Not here: which records.

use crate::filter_options::FilterOptions;
use crate::output::Output;
use crate::source_notes::SourceNotes;
use crate::text_sink::TextSink;
use crate::view::{InForce, View};
use clap::Args;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use trace::filter::{Choice, Gaps, Kinds};
use trace::{CallText, CallTextOptions, DEPTH_MOST, SourceLines, TracedSystem};

const HEADING: &str = "Look";
/// No function is followed deeper.
const WHOLE_DEPTH: &str = "512";

/// The options that `show` and `trace` share.
#[derive(Args, Clone, Debug, Default)]
pub struct Look {
    /// Show functions as they are entered and left, with what happens in them and what they cost, and no instructions but those that
    /// --only, --data or --class ask for. `functions` is a kind of --only here; without it those stand there in which something
    /// else is shown. Functions deeper than DEPTH are left out, and what happens in them stands in their callers
    #[arg(
        long,
        value_name = "DEPTH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = WHOLE_DEPTH,
        value_parser = clap::value_parser!(u16).range(1..=DEPTH_MOST as i64),
        help_heading = HEADING,
        conflicts_with = "collapse"
    )]
    pub calls: Option<u16>,

    /// Show lines of the source between the instructions, and with --calls where a function is called; for a guest that was built
    /// with -g. Paths that are relative begin in FOLDER [default: .]
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ".",
        help_heading = HEADING
    )]
    pub source: Option<PathBuf>,
}

/// What is to be shown, and how.
pub struct Shown<'a> {
    /// The options of the filter.
    pub filter: Cow<'a, FilterOptions>,
    /// The filters of the recording that are in force, too.
    pub view: Cow<'a, View>,
    /// Which records.
    pub choice: Choice,
    /// Of which records, if those are known only once the run is over.
    pub before: Option<Choice>,
    calls: Option<CallTextOptions>,
    source: Option<&'a Path>,
}

/// What has to be seen of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Events.
    Events,
    /// Instructions, too.
    Instructions,
    /// All instructions, to follow calls.
    Calls,
    /// All of it, to choose of the last records once the run is over.
    OfLast,
}

impl Look {
    /// An option that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let source = self.source.as_ref().map(|_| "--source");
        self.calls.map(|_| "--calls").or(source)
    }

    /// What these options and those of the filter ask for of what `view` shows; `shown` is the file as the user named it.
    ///
    /// # Errors
    /// One line with the option and what to write in its place.
    pub fn choose<'a>(
        &'a self,
        filter: &'a FilterOptions,
        view: &'a View,
        system: &TracedSystem,
        shown: &str,
    ) -> Result<Shown<'a>, String> {
        let source = self.source.as_deref();
        let Some(depth) = self.calls else {
            let InForce { choice, before } = view.choose(filter, system, shown)?;
            let (filter, view) = (Cow::Borrowed(filter), Cow::Borrowed(view));
            return Ok(Shown { filter, view, choice, before, calls: None, source });
        };
        let filter = FilterOptions { as_calls: Some(depth), ..view.joined(filter, shown)? };
        let mut choice = filter.choice(system, shown)?;
        let options = CallTextOptions {
            functions: filter.wants_functions(),
            instructions: match (filter.only_kinds()?, filter.wants_functions()) {
                (kinds, _) if !filter.only.is_empty() => kinds,
                (_, true) => Kinds::NONE,
                (_, false) => Kinds::INSTRUCTIONS,
            },
            held: choice.around.as_ref().map_or(0, |(_, units)| *units as u64),
            last: choice.last.take(),
            depth: depth.into(),
        };
        if filter.gaps.is_none() {
            choice.gaps = Gaps::Total;
        }
        let (filter, view) = (Cow::Owned(filter), Cow::Owned(View::default()));
        Ok(Shown { filter, view, choice, before: None, calls: Some(options), source })
    }
}

impl Shown<'_> {
    /// Whether only the instructions after one point are chosen.
    pub fn is_window(&self) -> bool {
        self.choice.length.is_some()
    }

    /// What has to be seen.
    pub fn way(&self) -> Way {
        match self.calls {
            Some(_) => Way::Calls,
            None if self.before.is_some() => Way::OfLast,
            None if self.choice.needs_instructions() => Way::Instructions,
            None => Way::Events,
        }
    }

    /// The text that begins.
    pub fn sink(&self, system: &TracedSystem, output: Output) -> TextSink {
        let is_shown = |place: usize| self.choice.partitions[place];
        let mut sink = match self.calls {
            None => TextSink::new(system, &self.choice.partitions, output),
            Some(options) => {
                let mut text = CallText::new(system, is_shown, options);
                if self.source.is_some() {
                    text.show_lines(SourceLines::new(system));
                }
                TextSink::of_calls(text, system, output)
            }
        };
        if let Some(folder) = self.source {
            sink.show_source(SourceNotes::new(system, &self.choice.partitions, folder));
        }
        for words in [self.view.words(), self.filter.words()].into_iter().flatten() {
            sink.name_filter(&words);
        }
        sink
    }
}
