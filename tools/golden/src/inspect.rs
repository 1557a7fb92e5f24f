//! Where a run left the accepted path, as far as the ladder and the events tell, and a trace of the way there.

use crate::case::Case;
use crate::execute::{Run, discard_output, drive, start};
use crate::expectation::Expectation;
use crate::ladder::{Stretch, WIDEST_UNITS, parting};
use crate::lines::unfolded;
use crate::watch::EVENTS_MOST;
use crate::words::for_shell;
use hypervisor_core::{PartitionId, Stamp};
use trace::filter::{Choice, Instant, Trigger};
use trace::{Filter, SystemTrace, TracedSystem};

/// So many records of the way there are shown.
const SHOWN: u64 = 16;
/// A stretch without an event is shown whole up to so many instructions.
const WHOLE: u64 = 64;

/// A stretch of a run, and a trace of a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// The partition's name.
    pub partition: String,
    /// Whether it is one of several.
    pub is_system: bool,
    /// The first instruction that can be the one.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// The first event that is another one, if one is: its number, and where it happened.
    pub event: Option<(usize, Stamp)>,
    /// Lines of a trace: up to that event, or from the beginning of the stretch.
    pub trace: Vec<String>,
    /// The command that traces the whole stretch.
    pub command: String,
    /// The arguments of that command.
    pub arguments: Vec<String>,
}

/// Finds the stretch in which a run leaves the accepted path, and traces a part of it; None if it does not leave it.
///
/// # Errors
/// The case cannot be run again.
pub fn inspect(case: &Case, run: &Run, accepted: &Expectation) -> Result<Option<Inspection>, String> {
    let event = differing_event(run, accepted);
    let stretches = parting(&accepted.ladder, &run.ladder, &run.names);
    let Some(Stretch { partition, first, last: end, .. }) = begin(&stretches, event) else { return Ok(None) };
    let in_window = |(_, stamp): &(usize, Stamp)| {
        stamp.partition.0 == partition && (first..=end).contains(&stamp.instruction)
    };
    let within = event.filter(in_window);
    let last = within.map_or(end, |(_, stamp)| stamp.instruction);
    let (from, to) = match within {
        Some(_) => (last.saturating_sub(SHOWN).max(first), last),
        // What is known to hold the difference is shown whole, if it is short.
        None if last - first < WHOLE => (first, last),
        None => (first, first + SHOWN - 1),
    };
    let trace = traced(case, PartitionId(partition), from, to)?;
    let name = run.names.get(usize::from(partition)).cloned().unwrap_or_default();
    let is_system = run.names.len() > 1 || case_is_system(case);
    let place = |number: u64| if is_system { format!("{name}:#{number}") } else { format!("#{number}") };
    let mut arguments = arguments(case);
    arguments.extend(["--from".to_owned(), place(first), "--to".to_owned(), place(last)]);
    let command = command(case, &arguments);
    Ok(Some(Inspection { partition: name, is_system, first, last, event, trace, command, arguments }))
}

/// The stretch to look at. What the first event that differs shows may have begun in an earlier stretch of its partition;
/// without such an event the stretch that begins first.
fn begin(stretches: &[Stretch], event: Option<(usize, Stamp)>) -> Option<Stretch> {
    let earliest = stretches.iter().min_by_key(|stretch| (stretch.unit, stretch.partition)).copied();
    let Some((_, stamp)) = event else { return earliest };
    let is_before =
        |stretch: &&Stretch| stretch.partition == stamp.partition.0 && stretch.first <= stamp.instruction;
    let at = Stretch {
        partition: stamp.partition.0,
        first: stamp.instruction.saturating_sub(WIDEST_UNITS),
        last: stamp.instruction,
        unit: stamp.unit,
    };
    let earlier = earliest.filter(|stretch| stretch.unit <= stamp.unit);
    stretches.iter().find(is_before).copied().or(earlier).or(Some(at))
}

fn case_is_system(case: &Case) -> bool {
    case.opened().is_ok_and(|opened| opened.subject.is_system)
}

/// The first event that is not the accepted one.
fn differing_event(run: &Run, accepted: &Expectation) -> Option<(usize, Stamp)> {
    let expected = unfolded(&accepted.events, EVENTS_MOST);
    let actual = unfolded(&run.events, EVENTS_MOST);
    let same = expected.iter().zip(&actual).take_while(|(expected, actual)| expected == actual).count();
    run.stamps.get(same).map(|stamp| (same + 1, *stamp))
}

/// The lines of a trace of a partition from one instruction to another.
fn traced(case: &Case, partition: PartitionId, from: u64, to: u64) -> Result<Vec<String>, String> {
    let opened = case.opened()?;
    let mut machine = start(&opened.subject)?;
    let traced = TracedSystem::of(&machine, opened.subject.is_system);
    let at = |number| Some(Trigger { partition: Some(partition), what: Instant::Number(number) });
    let count = traced.partitions.len();
    let mut choice = Choice { from: at(from), to: at(to), ..Choice::everything(count) };
    choice.partitions = (0..count).map(|place| place == partition.index()).collect();
    let shown = choice.partitions.clone();
    let mut text = SystemTrace::new(&traced, |place| shown[place]);
    text.clear();
    let mut filter = Filter::new(choice, text);
    let is_over = |machine: &hypervisor_core::Machine| machine.partition(partition).executed() > to;
    drive(&mut machine, case, &opened.inputs, false, &mut filter, |machine, _, _| {
        discard_output(machine);
        !is_over(machine)
    })?;
    let text = String::from_utf8_lossy(filter.inner().text()).into_owned();
    let is_shown = |line: &&str| !line.contains("== elided");
    let name = format!("{} ", traced.partition(partition).name);
    let whole = |line: &str| match line.strip_prefix(&name) {
        Some(rest) if !traced.is_system => rest.to_owned(),
        _ => line.to_owned(),
    };
    Ok(text.lines().filter(is_shown).map(whole).collect())
}

/// The command with these arguments, as a shell in any folder takes it.
fn command(case: &Case, arguments: &[String]) -> String {
    let words: Vec<String> = arguments.iter().map(|word| for_shell(word)).collect();
    let input = match (&case.file.input, &case.file.replay) {
        (Some(input), _) => format!(" < {}", for_shell(input)),
        (None, Some(_)) => String::new(),
        (None, None) => " < /dev/null".to_owned(),
    };
    format!("cd {} && paravane {}{input}", for_shell(&case.folder.display().to_string()), words.join(" "))
}

/// What traces the case in its folder.
fn arguments(case: &Case) -> Vec<String> {
    let file = &case.file;
    let mut words = vec!["trace".to_owned(), file.run.clone()];
    let mut add = |option: &str, value: String| words.push(format!("{option}={value}"));
    if let Some(bytes) = file.options.memory_bytes {
        add("--memory", bytes.to_string());
    }
    for argument in &file.options.arguments {
        add("--arg", argument.clone());
    }
    for (option, word) in [("--abi", file.abi_word()), ("--cpu", file.cpu_word())] {
        if let Some(word) = word {
            add(option, word.to_owned());
        }
    }
    add("--max-instructions", file.instructions.to_string());
    add("--max-time", format!("{}ns", file.time_ns));
    if let Some(replay) = &file.replay {
        add("--replay", replay.clone());
    }
    words
}
