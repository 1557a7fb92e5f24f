//! Diagnostics as text: the lines of the file with what is wrong underlined.

use crate::diagnostic::{Diagnostic, Severity, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};

/// So many diagnostics are shown at most.
const SHOWN_MOST: usize = 100;

/// For which reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// A file or a pipe.
    Plain,
    /// A terminal with colours.
    Coloured,
}

/// The diagnostics as a person reads them. `path` is what the person calls the file with this `text`.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], text: &str, path: &str, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    // Errors are never the ones that do not fit.
    let (mut shown, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        diagnostics.iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
    shown.extend(warnings);
    shown.truncate(SHOWN_MOST);
    shown.sort_by_key(|diagnostic| diagnostic.place());
    let mut output = String::new();
    for diagnostic in &shown {
        output += &renderer.render(&groups(diagnostic, text, path));
        output += "\n\n";
    }
    if diagnostics.len() > shown.len() {
        output += &format!("... and {} more\n\n", diagnostics.len() - shown.len());
    }
    output
}

fn groups<'a>(diagnostic: &'a Diagnostic, text: &'a str, path: &'a str) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let primary = AnnotationKind::Primary
        .span(within(&diagnostic.primary.span, text))
        .label(some(&diagnostic.primary.text));
    let others = diagnostic
        .others
        .iter()
        .map(|label| AnnotationKind::Context.span(within(&label.span, text)).label(some(&label.text)));
    let snippet = Snippet::source(text).path(path).annotation(primary).annotations(others);
    let mut group = level.primary_title(diagnostic.title.as_str()).element(snippet);
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    let mut advice = diagnostic.advice.iter();
    let patched = diagnostic.replacement.as_ref().and_then(|replacement| {
        let patch = Patch::new(within(&replacement.span, text), replacement.text.as_str());
        Some((advice.next()?, Snippet::source(text).path(path).patch(patch)))
    });
    for help in advice {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let mut groups = vec![group];
    groups.extend(patched.map(|(help, patch)| Level::HELP.secondary_title(help.as_str()).element(patch)));
    groups
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The span, with both ends between two characters of the text.
fn within(span: &Span, text: &str) -> Span {
    let boundary = |at: usize| {
        let at = at.min(text.len());
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}
