//! The repository's own list of files, and what its top level may hold.
//!
//! Files that nobody has added to the repository (build output, a trace that someone wrote) do not count.

use super::{File, Violation};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names at the root, dot-files apart.
const TOP_LEVEL: [&str; 12] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "docs",
    "emulator",
    "guest-images",
    "hypervisor-core",
    "tests",
    "tools",
];

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every tracked file: Rust, Markdown and Cargo.toml with their text, all others by name.
pub fn tracked_files() -> Vec<File> {
    let root = root();
    let mut paths = tracked(&root).unwrap_or_else(|| walked(&root));
    paths.sort();
    paths
        .into_iter()
        .filter(|path| root.join(path).is_file())
        .map(|path| {
            let read = [".rs", ".md", "Cargo.toml"].iter().any(|end| path.ends_with(end));
            let text = if read { fs::read_to_string(root.join(&path)).unwrap() } else { String::new() };
            File { path, text }
        })
        .collect()
}

/// None where there is no git or no repository, as in an unpacked archive.
fn tracked(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output().ok()?;
    let paths: Vec<_> = String::from_utf8(output.stdout)
        .ok()?
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap().components();
                let parts: Vec<_> = relative.map(|part| part.as_os_str().to_string_lossy()).collect();
                found.push(parts.join("/"));
            }
        }
    }
    found
}

pub fn top_level(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "the top level holds only what a reader looks for there; the rest goes into a folder";
    let mut refused: Vec<Violation> = Vec::new();
    for file in files {
        let name = file.path.split('/').next().unwrap_or_default();
        if !name.starts_with('.') && !TOP_LEVEL.contains(&name) {
            let what = format!("`{name}` may not stand at the top level");
            if refused.iter().all(|violation| violation.what != what) {
                refused.push(Violation::new(file, 0, RULE, what));
            }
        }
    }
    refused
}

#[test]
fn a_stray_folder_or_file_at_the_top_level_is_found_once() {
    let files = [
        (".ci/run", ""),
        ("README.md", ""),
        ("tools/xtask/src/main.rs", ""),
        ("notes/a.md", ""),
        ("notes/b.md", ""),
        ("rustfmt.toml", ""),
    ];
    assert_eq!(super::refused(top_level, &files), ["notes/a.md:0", "rustfmt.toml:0"]);
}
