//! Something that is wrong in a system file, and where.
//!
//! Not here: how it looks, which `render` decides.

use std::ops::Range;

/// Bytes of the text.
pub type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The system cannot run.
    Error,
    /// It can, but hardly as it was meant.
    Warning,
}

/// An underlined place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// The place to look at.
    pub primary: Label,
    /// Other places that have to do with it.
    pub others: Vec<Label>,
    /// Why it is wrong: a text of one or more lines each.
    pub notes: Vec<String>,
    /// What to do.
    pub advice: Vec<String>,
    /// Text that would put it right.
    pub replacement: Option<Label>,
}

impl Diagnostic {
    /// An error.
    pub fn error(title: impl Into<String>) -> Self {
        Self::new(Severity::Error, title.into())
    }

    /// A warning.
    pub fn warning(title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, title.into())
    }

    fn new(severity: Severity, title: String) -> Self {
        Self {
            severity,
            title,
            primary: Label { span: 0..0, text: String::new() },
            others: Vec::new(),
            notes: Vec::new(),
            advice: Vec::new(),
            replacement: None,
        }
    }

    /// The place to look at.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Label { span, text: text.into() };
        self
    }

    /// Another place that has to do with it.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.others.push(Label { span, text: text.into() });
        self
    }

    /// Why it is wrong.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.advice.push(text.into());
        self
    }

    /// Text that would put it right.
    #[must_use]
    pub fn replace(mut self, span: Span, text: impl Into<String>) -> Self {
        self.replacement = Some(Label { span, text: text.into() });
        self
    }

    /// By what diagnostics are sorted.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.primary.span.start, self.primary.span.end)
    }
}

/// Whether the system cannot run.
pub(crate) fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
