//! Results of cases: for people, as JSON, and as JUnit's XML.

use super::outcome::{status, word};
use crate::json::Json;
use crate::quantities::grouped;
use ::golden::words;
use ::golden::{Divergence, Judged, Judgement, Tolerated};
use std::fmt::Write;
use std::time::Duration;

/// The result of a case.
pub struct Entry {
    pub name: String,
    pub judged: Judged,
    /// What differs, in words.
    pub details: String,
    /// Where it leaves the accepted path.
    pub divergence: Divergence,
    /// What it leaves out and tolerates, in words.
    pub tolerated: String,
    /// On the host.
    pub took: Duration,
}

impl Entry {
    /// A result of which no more is known.
    pub fn of(name: &str, judged: Judged, took: Duration) -> Self {
        let (details, tolerated) = (String::new(), String::new());
        Self { name: name.to_owned(), judged, details, divergence: Divergence::default(), tolerated, took }
    }

    fn holds(&self) -> bool {
        self.judged.judgement == Judgement::Holds
    }
}

/// A line, and below it what differs.
pub fn human(entry: &Entry) -> String {
    let Entry { name, judged, details, tolerated, .. } = entry;
    let tolerated = words::indented(tolerated);
    if entry.holds() {
        let executed = judged.run.as_ref().map_or(0, |run| run.verdict.run.executed);
        return format!("PASS {name} ({} instructions)\n{tolerated}", grouped(executed));
    }
    // Of a system file that is wrong there are several lines.
    let line = words::line(&judged.judgement);
    let (line, more) = line.split_once('\n').unwrap_or((&line, ""));
    format!("FAIL {name}: {line}\n{}{tolerated}{}", words::indented(more), words::indented(details))
}

/// The last line.
pub fn summary(entries: &[Entry]) -> String {
    let cases = if entries.len() == 1 { "1 case".to_owned() } else { format!("{} cases", entries.len()) };
    let failed: Vec<&str> =
        entries.iter().filter(|entry| !entry.holds()).map(|entry| entry.name.as_str()).collect();
    match failed.as_slice() {
        [] => format!("\n{cases}: all hold.\n"),
        [one] => format!("\n{cases}: 1 does not hold: {one}.\n"),
        failed => format!("\n{cases}: {} do not hold: {}.\n", failed.len(), failed.join(" ")),
    }
}

/// One object.
pub fn json(entries: &[Entry]) -> String {
    let cases = entries.iter().map(|entry| {
        let Entry { name, judged, details, divergence, .. } = entry;
        let mut object = vec![
            ("name", Json::from(name.as_str())),
            ("result", Json::from(word(&judged.judgement))),
            ("status", Json::from(u64::from(status(&judged.judgement).number()))),
            ("why", Json::from(words::line(&judged.judgement))),
        ];
        if let Some(run) = &judged.run {
            object.push(("instructions", Json::from(run.verdict.run.executed)));
            object.push(("virtual_ns", Json::from(run.verdict.run.virtual_ns)));
        }
        let tolerated = judged.tolerated().into_iter().map(|Tolerated { rule, what }| {
            Json::object([
                ("rule", Json::from(rule.as_str())),
                ("what", what.as_deref().map_or(Json::Null, Json::from)),
            ])
        });
        let tolerated: Vec<Json> = tolerated.collect();
        if !tolerated.is_empty() {
            object.push(("tolerated", tolerated.into_iter().collect()));
        }
        if !details.is_empty() {
            object.push(("details", Json::from(details.as_str())));
        }
        let inspection = divergence.inspection.as_ref();
        object.extend(inspection.map(|inspection| ("command", Json::from(inspection.command.as_str()))));
        Json::object(object)
    });
    let failed = entries.iter().filter(|entry| !entry.holds()).count();
    let report = Json::object([
        ("cases", cases.collect::<Json>()),
        ("held", Json::from((entries.len() - failed) as u64)),
        ("failed", Json::from(failed as u64)),
    ]);
    format!("{report}\n")
}

/// A suite as CI systems read it.
pub fn junit(suite: &str, entries: &[Entry]) -> String {
    let is_error = |entry: &&Entry| matches!(entry.judged.judgement, Judgement::Failed(_));
    let errors = entries.iter().filter(is_error).count();
    let failures = entries.iter().filter(|entry| !entry.holds()).count() - errors;
    let took: Duration = entries.iter().map(|entry| entry.took).sum();
    let suite = escaped(suite);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{suite}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" time=\"{:.3}\">\n",
        entries.len(),
        took.as_secs_f64()
    );
    for entry in entries {
        let (name, time) = (escaped(&entry.name), entry.took.as_secs_f64());
        let _ = write!(text, "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time:.3}\"");
        let output = escaped(&entry.tolerated);
        let output = match output.as_str() {
            "" => String::new(),
            output => format!("      <system-out>{output}</system-out>\n"),
        };
        if entry.holds() && output.is_empty() {
            text += "/>\n";
            continue;
        }
        if entry.holds() {
            let _ = write!(text, ">\n{output}    </testcase>\n");
            continue;
        }
        let element = if is_error(&entry) { "error" } else { "failure" };
        let (kind, why) = (word(&entry.judged.judgement), escaped(&words::line(&entry.judged.judgement)));
        let details = escaped(&entry.details);
        let _ = write!(
            text,
            ">\n      <{element} type=\"{kind}\" message=\"{why}\">{details}</{element}>\n{output}    </testcase>\n"
        );
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// A line for each case, and a block of YAML below one that fails.
pub fn tap(entries: &[Entry]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", entries.len());
    for (place, entry) in entries.iter().enumerate() {
        let Entry { name, judged, details, tolerated, .. } = entry;
        let name = name.replace('#', "\\#");
        let number = place + 1;
        let message = format!("{}\n{tolerated}{details}", words::line(&judged.judgement));
        if entry.holds() {
            let _ = writeln!(text, "ok {number} - {name}");
            tolerated.lines().for_each(|line| _ = writeln!(text, "# {line}"));
            continue;
        }
        let (kind, status) = (word(&judged.judgement), status(&judged.judgement).number());
        let _ = writeln!(
            text,
            "not ok {number} - {name}\n  ---\n  result: {kind}\n  status: {status}\n  message: |\n{}  ...",
            words::indented(&message)
        );
    }
    text
}

/// Text inside XML; characters that XML cannot hold become question marks.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, character| {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            control if control.is_control() => out.push('?'),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{Entry, json, junit, summary};
    use ::golden::{Divergence, Judged, Judgement};
    use std::time::Duration;

    fn entry(name: &str, judgement: Judgement) -> Entry {
        let judged = Judged { judgement, ..Judged::failed(String::new()) };
        Entry {
            name: name.to_owned(),
            judged,
            details: "a < b\u{1}".to_owned(),
            divergence: Divergence::default(),
            tolerated: "tolerated: <b>\n".to_owned(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn junit_counts_failures_and_errors_apart_and_escapes_what_guests_say() {
        let entries = [
            entry("one", Judgement::Holds),
            entry("two", Judgement::EmulatorChanged),
            entry("three", Judgement::Failed("\"no\" file".to_owned())),
        ];
        let text = junit("a&b", &entries);
        for part in [
            "name=\"a&amp;b\" tests=\"3\" failures=\"1\" errors=\"1\"",
            "name=\"one\" time=\"0.000\">\n      <system-out>tolerated: &lt;b&gt;\n</system-out>",
            "<failure type=\"emulator_changed\"",
            ">a &lt; b?</failure>",
            "message=\"&quot;no&quot; file\"",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(json(&entries).contains("\"held\": 1"), "{}", json(&entries));
        assert_eq!(summary(&entries), "\n3 cases: 2 do not hold: two three.\n");
    }
}
