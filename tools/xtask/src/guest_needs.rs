//! Holds that `docs/GUEST-NEEDS.md` names tests and golden directories that exist.

use std::fs;
use std::path::Path;

use crate::project_root;

/// Appends the text of every Rust source below `folder`.
fn add_sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names between back quotes of the right column, each with whether it is a golden test.
fn names(document: &str) -> Vec<(String, bool)> {
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).skip(1);
    let held_by = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | ").map(|(_, cell)| cell));
    held_by
        .flat_map(|cell| {
            let parts: Vec<&str> = cell.split('`').collect();
            parts
                .chunks_exact(2)
                .map(|pair| (pair[1].to_owned(), pair[0].ends_with("golden: ")))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_test_that_the_document_names_exists() {
    let root = project_root();
    let names = names(&fs::read_to_string(root.join("docs/GUEST-NEEDS.md")).unwrap());
    assert!(names.len() > 20, "{names:?}");
    let mut sources = String::new();
    for folder in ["emulator", "hypervisor-core", "tests", "tools"] {
        add_sources(&root.join(folder), &mut sources);
    }
    for (name, is_golden) in names {
        if is_golden {
            assert!(root.join("tests/golden").join(&name).is_dir(), "no golden test of {name}");
        } else {
            assert!(sources.contains(&format!("fn {name}(")), "no test {name}");
        }
    }
}
