//! `diff.html`: a page about a case that differs, which needs nothing but itself.

use super::edit_script::{Edit, edits};
use super::report::{Entry, escaped};
use ::golden::{Expectation, LAYERS, words};
use std::fmt::Write;

/// Lines around a difference; the others are folded.
const CONTEXT: usize = 4;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}\
pre{font:13px/1.45 ui-monospace,monospace;background:#8881;padding:.7rem;overflow-x:auto;margin:.3rem 0}\
del,ins,i{display:block;text-decoration:none;font-style:normal}\
del{background:#f001;color:#a00}ins{background:#0a01;color:#070}i{color:#888}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}del{color:#f99}ins{color:#9d9}}";

/// The page.
pub fn page(entry: &Entry) -> String {
    let Entry { name, judged, divergence, tolerated, .. } = entry;
    let name = escaped(name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style>\n\
         <h1>{name}</h1>\n<p>{}</p>\n",
        escaped(&words::line(&judged.judgement))
    );
    let accepted = judged.accepted.as_ref();
    if let Some(by) = accepted.and_then(|accepted| accepted.verdict.accepted.as_ref()) {
        let line = format!("accepted by {} with {}: {}", by.by, by.version, by.reason);
        let _ = writeln!(page, "<p>{}</p>", escaped(&line));
    }
    if !tolerated.is_empty() {
        let _ = writeln!(page, "<h2>Not compared</h2>\n<pre>{}</pre>", escaped(tolerated));
    }
    let changed = words::images_text(&divergence.images) + &judged.besides.join("\n");
    if !changed.is_empty() {
        let _ = writeln!(page, "<h2>What changed</h2>\n<pre>{}</pre>", escaped(&changed));
    }
    if let Some(parting) = &divergence.parting {
        let _ = writeln!(
            page,
            "<h2>First difference</h2>\n<pre>{}</pre>",
            coloured(&words::parting_text(parting))
        );
    }
    if let Some(why) = &divergence.unknown {
        let _ = writeln!(page, "<p>Expected values are not known: {}</p>", escaped(why));
    }
    if let Some(inspection) = &divergence.inspection {
        let _ = writeln!(
            page,
            "<h2>This run, between #{} and #{} of {}</h2>\n<pre>{}</pre>\n<p>All of it:</p>\n<pre>{}</pre>",
            inspection.first,
            inspection.last,
            escaped(&inspection.partition),
            escaped(&inspection.trace.join("\n")),
            escaped(&inspection.command)
        );
    }
    let run = judged.run.as_ref().map(Expectation::of);
    if let (Some(accepted), Some(run)) = (accepted, run) {
        let layers = LAYERS.iter().zip(accepted.layers().into_iter().zip(run.layers()));
        for (layer, (old, new)) in layers.filter(|(_, (old, new))| old != new) {
            let (old, new) = (String::from_utf8_lossy(&old), String::from_utf8_lossy(&new));
            let _ = writeln!(page, "<h2>{}</h2>\n<pre>{}</pre>", layer.name, folded(&edits(&old, &new)));
        }
    }
    page + "</html>\n"
}

/// Text with `-` and `+` at the start of some lines.
fn coloured(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let escaped = escaped(line);
        let _ = match line.trim_start().as_bytes() {
            [b'-', b' ', ..] => write!(out, "<del>{escaped}</del>"),
            [b'+', b' ', ..] => write!(out, "<ins>{escaped}</ins>"),
            _ => writeln!(out, "{escaped}"),
        };
        out
    })
}

/// An edit script without the middle of what both have.
fn folded(edits: &[Edit]) -> String {
    let is_change = |edit: &Edit| !matches!(edit, Edit::Both(_));
    let mut near = vec![false; edits.len()];
    for (place, _) in edits.iter().enumerate().filter(|(_, edit)| is_change(edit)) {
        let (first, last) = (place.saturating_sub(CONTEXT), (place + CONTEXT).min(edits.len() - 1));
        near[first..=last].fill(true);
    }
    let (mut out, mut hidden) = (String::new(), 0);
    for (place, edit) in edits.iter().enumerate() {
        if !near[place] {
            hidden += 1;
            if near.get(place + 1) != Some(&false) {
                let _ = write!(out, "<i>... {hidden} lines</i>");
                hidden = 0;
            }
            continue;
        }
        let _ = match edit {
            Edit::Both(line) => writeln!(out, "  {}", escaped(line)),
            Edit::Old(line) => write!(out, "<del>- {}</del>", escaped(line)),
            Edit::New(line) => write!(out, "<ins>+ {}</ins>", escaped(line)),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Edit, folded};

    #[test]
    fn what_is_far_from_a_change_is_folded_and_everything_is_escaped() {
        let mut edits = vec![Edit::Both("same"); 20];
        edits.push(Edit::New("<b>"));
        let text = folded(&edits);
        assert_eq!(text.matches("  same\n").count(), 4, "{text}");
        assert!(
            text.starts_with("<i>... 16 lines</i>") && text.ends_with("<ins>+ &lt;b&gt;</ins>"),
            "{text}"
        );
    }
}
