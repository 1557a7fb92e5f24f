//! `paravane diff`: where two runs part.

mod log;
mod opened;
mod options;
mod report;
mod source;

pub use options::Diff;

use crate::filter_options::FilterOptions;
use crate::output::Ended;
use crate::progress::Progress;
use crate::status::Status;
use crate::view::without_controls;
use opened::{Opened, open};
use report::Report;
use source::{Rows, Source, Taker};
use system_file::suggestion::{listed, nearest};
use trace::diff::{By, Collector, Comparison, Rules, Settings, View, Wanted};
use trace::filter::{Choice, Kinds};
use trace::{Collapse, Filter, TracedSystem};

/// So many rows of a partition may wait for the other side.
const WAITING_MOST: usize = 1 << 20;

/// A partition that both sides have.
struct Pair {
    name: String,
    /// Its number on each side.
    places: [usize; 2],
    comparison: Comparison,
}

/// Compares two runs and reports.
///
/// # Errors
/// A side cannot be run or read, or stdout fails.
pub fn diff(diff: &Diff) -> Result<Status, Ended> {
    diff.check().map_err(Ended::Failed)?;
    let (ignored, ignored_kinds) = diff.ignored().map_err(Ended::Failed)?;
    let mut only = diff.kinds().map_err(Ended::Failed)?;
    let (mut opened, filter) = open(diff)?;
    let has_log = matches!(opened[1].source, Source::Log { .. });
    if has_log {
        only = of_log(diff)?;
    }
    let settings = Settings {
        rules: Rules { by: diff.by(), ignored },
        context: diff.context as usize,
        resync: diff.resync.map(|most| most as usize),
        shown: diff.shown,
    };
    let chosen = chosen(diff, &opened)?;
    let wanted = Wanted { only, ignored: ignored_kinds, folds_repeats: has_log };
    let mut pairs = pairs(&chosen, &opened, settings);
    let mut takers = takers(&opened, &pairs, wanted, filter.as_ref())?;
    let mut report = Report::new(chosen.is_system, diff.resync.is_some());
    let in_force = filter.as_ref().map(|filter| without_controls(&filter.header_words().join(" ")));
    report.begin(diff, &opened, &chosen.names, in_force.as_deref())?;
    run(&mut opened, &mut pairs, &mut takers, &mut report)?;
    report.end(&mut pairs, &chosen)
}

/// What a log has.
fn of_log(diff: &Diff) -> Result<Kinds, Ended> {
    if diff.by() == By::Symbol {
        return Err(Ended::Failed("--by symbol: a log of QEMU has only addresses: leave it out".to_owned()));
    }
    if diff.only.iter().any(|word| word != "instructions") {
        return Err(Ended::Failed("--only: a log of QEMU has only instructions: leave it out".to_owned()));
    }
    Ok(Kinds::INSTRUCTIONS)
}

/// The partitions that are compared.
struct Chosen {
    is_system: bool,
    /// The name, and the number on each side.
    pairs: Vec<(String, [usize; 2])>,
    /// What is compared, by side.
    names: Vec<String>,
    /// Partitions that only one side has: its name, and theirs.
    alone: Vec<(&'static str, String)>,
}

fn chosen(diff: &Diff, opened: &[Opened; 2]) -> Result<Chosen, Ended> {
    let traced = opened.each_ref().map(|opened| opened.source.traced());
    let place = |system: Option<&TracedSystem>, name: &str| {
        let Some(system) = system else { return Some(0) };
        if !system.is_system {
            return Some(0);
        }
        system.partitions.iter().position(|partition| partition.name == name)
    };
    let names_of = |system: Option<&TracedSystem>| -> Vec<String> {
        let system = system.filter(|system| system.is_system);
        system
            .map(|system| system.partitions.iter().map(|one| one.name.clone()).collect())
            .unwrap_or_default()
    };
    let (in_a, in_b) = (names_of(traced[0]), names_of(traced[1]));
    let is_system = !in_a.is_empty() || !in_b.is_empty();
    let mut wanted = diff.partitions.clone();
    if !is_system && let Some(name) = wanted.first() {
        let why = format!("--partition: `{name}`: both sides are single guests: leave it out");
        return Err(Ended::Failed(why));
    }
    let mut alone = Vec::new();
    if !is_system {
        wanted.push(String::new());
    } else if wanted.is_empty() {
        if in_a.is_empty() || in_b.is_empty() {
            let names = listed(in_a.iter().chain(&in_b).map(String::as_str));
            let why =
                format!("only one side is a system: name its partition with --partition: one of {names}");
            return Err(Ended::Failed(why));
        }
        wanted.extend(in_a.iter().filter(|name| in_b.contains(name)).cloned());
        alone.extend(in_a.iter().filter(|name| !in_b.contains(name)).map(|name| ("A", name.clone())));
        alone.extend(in_b.iter().filter(|name| !in_a.contains(name)).map(|name| ("B", name.clone())));
        if wanted.is_empty() {
            let why = format!(
                "no partition has the same name on both sides: A has {}, B has {}",
                listed(in_a.iter().map(String::as_str)),
                listed(in_b.iter().map(String::as_str))
            );
            return Err(Ended::Failed(why));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    wanted.retain(|name| seen.insert(name.clone()));
    let find = |name: String| match (place(traced[0], &name), place(traced[1], &name)) {
        (Some(a), Some(b)) => Ok((name, [a, b])),
        (a, _) => {
            let (side, known) = if a.is_none() { ("A", &in_a) } else { ("B", &in_b) };
            let known = known.iter().map(String::as_str);
            let guess = nearest(&name, known.clone());
            let guess = guess.map(|guess| format!(" (did you mean `{guess}`?)")).unwrap_or_default();
            let known = listed(known);
            Err(Ended::Failed(format!(
                "--partition: {side} has no partition `{name}`{guess}: it has {known}"
            )))
        }
    };
    let pairs = wanted.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let names = pairs.iter().map(|(name, _)| name.clone()).collect();
    Ok(Chosen { is_system, pairs, names, alone })
}

fn pairs(chosen: &Chosen, opened: &[Opened; 2], settings: Settings) -> Vec<Pair> {
    let view = |side: usize, places: [usize; 2]| {
        // A log is shown with the symbols of the other side.
        let (traced, place) = match opened[side].source.traced() {
            Some(traced) => (Some(traced), places[side]),
            None => (opened[0].source.traced(), places[0]),
        };
        traced.map_or_else(View::default, |traced| View {
            symbols: traced.partitions[place].symbols.clone(),
            names: std::sync::Arc::clone(&traced.names),
        })
    };
    let pair = |(name, places): &(String, [usize; 2])| {
        let views = [view(0, *places), view(1, *places)];
        Pair { name: name.clone(), places: *places, comparison: Comparison::new(settings, views) }
    };
    chosen.pairs.iter().map(pair).collect()
}

/// Who takes down the rows of each side.
fn takers(
    opened: &[Opened; 2],
    pairs: &[Pair],
    wanted: Wanted,
    filter: Option<&FilterOptions>,
) -> Result<[Taker; 2], Ended> {
    let taker = |side: usize| -> Result<Taker, Ended> {
        let Opened { source, shown, .. } = &opened[side];
        let count = source.traced().map_or(1, |traced| traced.partitions.len());
        let is_chosen = |place: usize| pairs.iter().any(|pair| pair.places[side] == place);
        let collector = Collector::new(wanted, &(0..count).map(is_chosen).collect::<Vec<bool>>());
        let instructions = wanted.only.has_instructions();
        let (Some(filter), Some(traced)) = (filter, source.traced()) else {
            return Ok(Taker { rows: Rows::All(collector), instructions });
        };
        let choice = filter.choice(traced, shown).map_err(|why| {
            let why = without_controls(&why);
            Ended::Failed(format!(
                "a filter that a side was recorded with chooses nothing of {shown}: {why}; add --unfiltered"
            ))
        })?;
        // Repetitions are compared as they are.
        let choice = Choice { collapse: Collapse::default(), ..choice };
        let instructions = choice.needs_instructions();
        Ok(Taker { rows: Rows::Filtered(Box::new(Filter::new(choice, collector))), instructions })
    };
    Ok([taker(0)?, taker(1)?])
}

/// Runs both sides, whichever is behind, and compares what comes.
fn run(
    opened: &mut [Opened; 2],
    pairs: &mut [Pair],
    takers: &mut [Taker; 2],
    report: &mut Report,
) -> Result<(), Ended> {
    let total = opened.iter().filter_map(|side| side.source.last_unit()).max();
    let mut progress = Progress::new("comparing", total.unwrap_or(0));
    while pairs.iter().any(|pair| !pair.comparison.is_done()) {
        for side in [0, 1] {
            if !pairs.iter().any(|pair| pair.comparison.wants(side)) {
                continue;
            }
            let source = &mut opened[side].source;
            source.pull(&mut takers[side])?;
            for pair in &mut *pairs {
                let place = pair.places[side];
                if let Some(rows) = source.rows_of(takers[side].collector_mut(), place) {
                    pair.comparison.feed(side, rows);
                }
                if source.has_ended() {
                    pair.comparison.end(side, source.ending(place));
                }
            }
        }
        progress.set(opened.iter().filter_map(|side| side.source.unit()).min().unwrap_or(0));
        for pair in &mut *pairs {
            pair.comparison.advance();
            report.differences(pair, &progress)?;
            for side in [0, 1] {
                if pair.comparison.wants(side) && pair.comparison.waiting(1 - side) > WAITING_MOST {
                    starve(pair, side, opened)?;
                }
            }
        }
    }
    Ok(())
}

/// A partition runs on one side and not on the other one.
fn starve(pair: &mut Pair, side: usize, opened: &[Opened; 2]) -> Result<(), Ended> {
    let source = &opened[side].source;
    if source.partition_has_ended(pair.places[side]) {
        pair.comparison.end(side, source.ending(pair.places[side]));
        return Ok(());
    }
    Err(Ended::Failed(format!(
        "the partitions run in so different orders that more than {WAITING_MOST} rows of `{}` would have to wait: compare one at a \
         time with --partition",
        pair.name
    )))
}
