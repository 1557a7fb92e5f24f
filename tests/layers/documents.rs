//! What documents promise about the tree: links lead somewhere, and every decision is listed.

use super::{File, Violation};

const RECORDS: &str = "docs/decisions/";

pub fn links_lead_somewhere(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "a link leads to a file of the repository";
    let mut refused = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (index, line) in file.text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                let path = resolved(&file.path, target);
                let exists = files.iter().any(|other| other.path == path || other.is_under(&[&path]));
                if !target.is_empty() && !target.contains("://") && !exists {
                    refused.push(Violation::new(file, index + 1, RULE, format!("links to `{link}`")));
                }
            }
        }
    }
    refused
}

/// The path from the root of what a document at `from` calls `target`.
fn resolved(from: &str, target: &str) -> String {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

pub fn every_record_is_listed(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "docs/decisions/README.md lists every record";
    let list = files.iter().find(|file| file.path == format!("{RECORDS}README.md"));
    let list = list.map_or("", |file| file.text.as_str());
    let records = files.iter().filter_map(|file| Some((file, file.path.strip_prefix(RECORDS)?)));
    records
        .filter(|(_, name)| *name != "README.md" && !list.contains(&format!("({name})")))
        .map(|(file, _)| Violation::new(file, 0, RULE, "is not listed"))
        .collect()
}

#[test]
fn a_dead_link_and_an_unlisted_record_are_found() {
    let files = [
        ("README.md", "[a](docs/A.md) [b](docs/B.md)\n[c](http://example.org) [d](#d) [e](docs)\n"),
        ("docs/A.md", "[up](../README.md#two)\n[none](../NONE.md)\n"),
        ("docs/decisions/README.md", "[1](0001-one.md)\n"),
        ("docs/decisions/0001-one.md", ""),
        ("docs/decisions/0002-two.md", ""),
    ];
    assert_eq!(super::refused(links_lead_somewhere, &files), ["README.md:1", "docs/A.md:2"]);
    assert_eq!(super::refused(every_record_is_listed, &files), ["docs/decisions/0002-two.md:0"]);
}
