//! Rust text as the layer rules see it: tokens without comments and literals, and the paths that they spell.
//!
//! Not here: a parser. Macros and generics are tokens like any others.

/// A token and the line on which it starts, counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// A path such as `std::fs::File`, one for each leaf of a `use` tree; a glob ends with `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    pub line: usize,
    pub parts: Vec<String>,
}

impl Path {
    /// Whether the path starts with these parts.
    pub fn starts_with(&self, parts: &[&str]) -> bool {
        self.parts.len() >= parts.len() && self.parts.iter().zip(parts).all(|(a, b)| a == b)
    }

    pub fn text(&self) -> String {
        self.parts.join("::")
    }
}

/// Identifiers and punctuation, with `::` as one token; comments, strings and characters are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let length = token_length(rest, first);
            if !first.is_whitespace() {
                found.push(Token { line, text: rest[..length].to_owned() });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn token_length(rest: &str, first: char) -> usize {
    if is_word(first) {
        rest.find(|c| !is_word(c)).unwrap_or(rest.len())
    } else if rest.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the comment or literal that `rest` starts with.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let prefix = ["br", "b", "c", "r", ""].iter().find(|prefix| literal_follows(rest, prefix))?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 1;
        return Some(prefix.len() + body[start..].find(&end).map_or(body.len(), |at| start + at + end.len()));
    }
    let quote = body.chars().next()?;
    Some(prefix.len() + quoted(body, quote))
}

fn literal_follows(rest: &str, prefix: &str) -> bool {
    let Some(body) = rest.strip_prefix(prefix) else { return false };
    if prefix.ends_with('r') {
        return body.trim_start_matches('#').starts_with('"');
    }
    // 'a' and '\n' are characters, 'a alone is a lifetime.
    let mut characters = body.chars();
    match characters.next() {
        Some('"') => true,
        Some('\'') => {
            let character = characters.next();
            character == Some('\\') || (character.is_some() && characters.next() == Some('\''))
        }
        _ => false,
    }
}

fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    body.len()
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// All paths, those of `use` trees spelt out leaf by leaf. A lone identifier is a path of one part.
pub fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].text.chars().all(is_word) || tokens[at].text == "::" {
            at = tree(tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path or use tree from `at` and returns the position after it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let mut parts = prefix.to_vec();
    let line = tokens[at].line;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    if text(at) == "::" {
        at += 1;
    }
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | "") {
                    at = match text(at) {
                        "," => at + 1,
                        "as" => at + 2,
                        _ => tree(tokens, at, &parts, found),
                    };
                }
                return at + 1;
            }
            // Not a path after all (a turbofish, an empty group): go past it.
            word if word != "*" && !word.chars().all(is_word) => {
                found.push(Path { line, parts });
                return at + 1;
            }
            word => parts.push(word.to_owned()),
        }
        at += 1;
        if text(at) != "::" {
            found.push(Path { line, parts });
            return at;
        }
        at += 1;
    }
}

#[test]
fn comments_and_literals_are_no_tokens() {
    let text = "a /* b /* c */ d */ e // f\n'g' 'h r#\"i \" j\"# \"k\\\"l\" m b'\\'' n";
    let words: Vec<_> = tokens(text).into_iter().map(|token| (token.line, token.text)).collect();
    let expected = [(1, "a"), (1, "e"), (2, "'"), (2, "h"), (2, "m"), (2, "n")];
    assert_eq!(words, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn use_trees_are_spelt_out() {
    let text = "use std::{fs, io::{self, Read as R},\n net::*}; fn f() { ::std::env::var(x) }";
    let found = paths(&tokens(text));
    let text: Vec<_> = found.iter().map(Path::text).collect();
    for path in ["std::fs", "std::io::self", "std::io::Read", "std::net::*", "std::env::var", "x"] {
        assert!(text.contains(&path.to_owned()), "{path} is missing in {text:?}");
    }
    assert_eq!(found.iter().find(|path| path.text() == "std::net::*").unwrap().line, 2);
}
