//! The first instruction that another program does differently: the traces of both, line by line.
//!
//! What was accepted is no trace, so that only the program with which it was accepted knows what it did.

use ::golden::{Case, Inspection};
use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// So many lines that are the same are shown before the first that is not.
const AGREED: usize = 8;

/// Traces the stretch with `other` and with this program, and tells the first difference.
///
/// # Errors
/// A program cannot be started, or fails.
pub fn against(case: &Case, inspection: &Inspection, other: &Path) -> Result<String, String> {
    let own = env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
    let holds = holds(case, other)?;
    let mut expected = start(case, inspection, other)?;
    let mut actual = start(case, inspection, &own)?;
    let told = first_difference(lines(&mut expected), lines(&mut actual));
    for (child, program) in [(&mut expected, other), (&mut actual, own.as_path())] {
        // It may still write; nobody reads that any more.
        let _ = child.kill();
        child.wait().map_err(|error| format!("{}: {error}", program.display()))?;
    }
    let told = told.map_err(|()| {
        format!("{}: its trace is empty: run `paravane trace` of this case with it", other.display())
    });
    Ok(holds + &told?)
}

/// Whether the case holds for the other program, in words.
fn holds(case: &Case, program: &Path) -> Result<String, String> {
    let shown = program.display();
    let failed = |error| format!("{shown}: cannot run this program: {error}");
    let mut command = Command::new(program);
    command.args(["golden", "explain"]).arg(&case.folder).stdin(Stdio::null());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(failed)?;
    Ok(match status.code() {
        Some(0) => format!("{shown} does what was accepted\n"),
        Some(code) => format!(
            "{shown} does not do what was accepted either (exit status {code}): what follows compares with it all the same\n"
        ),
        None => return Err(format!("{shown}: this program was ended by a signal")),
    })
}

fn start(case: &Case, inspection: &Inspection, program: &Path) -> Result<Child, String> {
    let failed = |error| format!("{}: cannot run this program: {error}", program.display());
    // The child runs in another folder.
    let program = if program.components().count() > 1 {
        program.canonicalize().map_err(failed)?
    } else {
        program.to_path_buf()
    };
    let input = match &case.file.input {
        Some(name) => File::open(case.folder.join(name)).map_err(|error| format!("{name}: {error}"))?.into(),
        None => Stdio::null(),
    };
    let mut command = Command::new(program);
    command.args(&inspection.arguments).current_dir(&case.folder);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> {
    let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).split(b'\n'));
    let lines = lines.into_iter().flatten().map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// The first difference of two traces, in words; an error if the expected one is empty.
fn first_difference(
    expected: impl Iterator<Item = String>,
    mut actual: impl Iterator<Item = String>,
) -> Result<String, ()> {
    let mut agreed = VecDeque::new();
    let mut writers: BTreeMap<String, String> = BTreeMap::new();
    let mut expected = expected.peekable();
    if expected.peek().is_none() {
        return Err(());
    }
    loop {
        let (old, new) = (expected.next(), actual.next());
        match (old, new) {
            (None, None) => return Ok("both programs do the same there\n".to_owned()),
            (Some(old), Some(new)) if old == new => {
                for (register, _) in effects(&old) {
                    writers.insert(register.to_owned(), old.clone());
                }
                if agreed.len() == AGREED {
                    agreed.pop_front();
                }
                agreed.push_back(old);
            }
            (old, new) => {
                let end = || "(the end)".to_owned();
                return Ok(told(&agreed, &old.unwrap_or_else(end), &new.unwrap_or_else(end), &writers));
            }
        }
    }
}

fn told(agreed: &VecDeque<String>, old: &str, new: &str, writers: &BTreeMap<String, String>) -> String {
    let mut text = "first differing record (- the other program, + this one):\n".to_owned();
    for line in agreed {
        let _ = writeln!(text, "    {line}");
    }
    let _ = write!(text, "  - {old}\n  + {new}\n");
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) = (effects(old).collect(), effects(new).collect());
    for register in old.keys().chain(new.keys().filter(|register| !old.contains_key(*register))) {
        if old.get(register) == new.get(register) {
            continue;
        }
        match writers.get(*register) {
            Some(line) => _ = writeln!(text, "last writer of {register}:\n    {line}"),
            None => _ = writeln!(text, "last writer of {register}: before this stretch"),
        }
    }
    text
}

/// The registers and flags that a line of a trace changes: `eax=00000005`, `ZF=1`.
fn effects(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_value = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_name =
        |name: &str| (2..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let words = if line.contains(" == ") { "" } else { line };
    let pairs = words.split(' ').filter_map(|word| word.split_once('='));
    pairs.filter(move |(name, value)| is_name(name) && is_value(value))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    fn told(expected: &[&str], actual: &[&str]) -> Result<String, ()> {
        let lines =
            |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>().into_iter();
        first_difference(lines(expected), lines(actual))
    }

    #[test]
    fn the_first_differing_record_is_told_with_the_last_writers_of_what_differs() {
        let text = told(
            &["#0 mov eax, 1 eax=00000001", "#1 nop", "#2 inc eax eax=00000002 ZF=0"],
            &["#0 mov eax, 1 eax=00000001", "#1 nop", "#2 inc eax eax=00000003 ZF=0"],
        );
        assert_eq!(
            text.as_deref(),
            Ok(
                "first differing record (- the other program, + this one):\n    #0 mov eax, 1 eax=00000001\n    \
                #1 nop\n  - #2 inc eax eax=00000002 ZF=0\n  + #2 inc eax eax=00000003 ZF=0\n\
                last writer of eax:\n    #0 mov eax, 1 eax=00000001\n"
            )
        );
    }

    #[test]
    fn a_shorter_trace_differs_at_its_end_and_an_empty_one_is_an_error() {
        assert!(
            told(&["#0 nop"], &["#0 nop", "#1 inc ecx ecx=00000001"]).unwrap().contains("  - (the end)\n")
        );
        assert_eq!(told(&["#0 nop"], &["#0 nop"]).as_deref(), Ok("both programs do the same there\n"));
        assert_eq!(told(&[], &["#0 nop"]), Err(()));
    }
}
