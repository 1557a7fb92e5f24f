//! Lines have owners who can take them, and injections end.

use crate::diagnostic::Diagnostic;
use crate::model::{Injection, System};

/// Reports what is wrong with lines and injections.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    for line in system.lines.iter().filter(|line| !line.names_owner) {
        diagnostics.push(
            Diagnostic::warning(format!(
                "the line `{}` has no owner: its interrupts reach nobody",
                line.name.value
            ))
            .at(line.name.span.clone(), "only counted and reported")
            .help("name who takes them: owner = \"name of the partition\""),
        );
    }
    diagnostics.extend(system.injections.iter().filter_map(never_again));
}

fn never_again(injection: &Injection) -> Option<Diagnostic> {
    let count = injection.count.as_ref()?;
    if count.value > 1 && injection.every.is_none() {
        return Some(
            Diagnostic::error(format!("{} interrupts come, but not when", count.value))
                .at(count.span.clone(), "")
                .also(injection.header.clone(), "`every` is missing here")
                .help("add `every = \"10ms\"`: after what time each further one comes"),
        );
    }
    let every = injection.every.as_ref().filter(|_| count.value == 1)?;
    Some(
        Diagnostic::warning("a single interrupt comes, and so `every` says nothing")
            .at(every.span.clone(), "")
            .help("say how many come: count = 100"),
    )
}
