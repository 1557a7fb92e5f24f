//! Which crate may depend on which.

use super::{File, Violation};

/// A manifest, and the crates that its `[dependencies]` and `[dev-dependencies]` may name.
struct Allowed {
    manifest: &'static str,
    dependencies: &'static [&'static str],
    only_in_tests: &'static [&'static str],
}

const ALLOWED: [Allowed; 12] = [
    // serde and postcard write the state of a machine and read it again: docs/decisions/0008-snapshots.md.
    Allowed {
        manifest: "emulator/Cargo.toml",
        dependencies: &["iced-x86", "serde", "xxhash-rust"],
        only_in_tests: &["iced-x86"],
    },
    Allowed {
        manifest: "hypervisor-core/Cargo.toml",
        dependencies: &["emulator", "goblin", "log", "postcard", "serde", "xxhash-rust"],
        only_in_tests: &["iced-x86"],
    },
    // toml tells where each value stands, annotate-snippets underlines it, serde_json writes the schema for editors.
    Allowed {
        manifest: "tools/system-file/Cargo.toml",
        dependencies: &["emulator", "hypervisor-core", "toml", "annotate-snippets", "serde_json"],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tools/recording/Cargo.toml",
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "system-file",
            "trace",
            "postcard",
            "serde",
            "xxhash-rust",
        ],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tools/trace/Cargo.toml",
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "addr2line",
            "gimli",
            "postcard",
            "serde",
            "xxhash-rust",
            "zstd",
        ],
        only_in_tests: &[],
    },
    // prost encodes what Perfetto reads, parquet what SQL engines read: formats that nobody should write by hand.
    Allowed {
        manifest: "tools/export/Cargo.toml",
        dependencies: &["emulator", "hypervisor-core", "trace", "inferno", "prost", "parquet"],
        only_in_tests: &[],
    },
    // serde_json writes what the page shows.
    Allowed {
        manifest: "tools/report/Cargo.toml",
        dependencies: &["emulator", "hypervisor-core", "trace", "serde", "serde_json"],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tools/golden/Cargo.toml",
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "system-file",
            "trace",
            "recording",
            "libtest-mimic",
            "serde",
            "toml",
            "xxhash-rust",
        ],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tools/vectors/Cargo.toml",
        dependencies: &["emulator", "serde", "serde_json"],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tools/xtask/Cargo.toml",
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "vectors",
            "xxhash-rust",
            "serde",
            "serde_json",
            "iced-x86",
            "libc",
        ],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "tests/fuzz/Cargo.toml",
        // postcard, xxhash-rust and zstd write the damaged frames of a recording anew.
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "recording",
            "report",
            "trace",
            "vectors",
            "libfuzzer-sys",
            "postcard",
            "xxhash-rust",
            "zstd",
        ],
        only_in_tests: &[],
    },
    Allowed {
        manifest: "Cargo.toml",
        dependencies: &[
            "emulator",
            "hypervisor-core",
            "system-file",
            "trace",
            "export",
            "golden",
            "recording",
            "report",
            "vectors",
            "anstream",
            "anstyle",
            "clap",
            "log",
            "env_logger",
            "indicatif",
            "libc",
        ],
        // nix opens the pseudo-terminal of a test.
        only_in_tests: &[
            "iced-x86",
            "postcard",
            "serde",
            "serde_json",
            "xxhash-rust",
            "goblin",
            "nix",
            "zstd",
        ],
    },
];

const RULE: &str = "software depends on hardware, never the other way round (docs/ARCHITECTURE.md, Crates)";

pub fn dependencies(files: &[File]) -> Vec<Violation> {
    let manifests = files.iter().filter(|file| file.path.ends_with("Cargo.toml"));
    manifests
        .flat_map(|file| {
            let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.manifest == file.path) else {
                return vec![Violation::new(
                    file,
                    0,
                    RULE,
                    "a crate without a row in tests/layers/crates.rs",
                )];
            };
            named(&file.text)
                .into_iter()
                .filter(|(_, section, name)| match section {
                    Section::Product => !allowed.dependencies.contains(name),
                    Section::Tests => {
                        !allowed.dependencies.contains(name) && !allowed.only_in_tests.contains(name)
                    }
                })
                .map(|(line, _, name)| {
                    Violation::new(file, line, RULE, format!("may not depend on `{name}`"))
                })
                .collect()
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Section {
    Product,
    Tests,
}

/// Each dependency with its line. Reads the two shapes `name = ...` in a section and `[dependencies.name]`.
fn named(manifest: &str) -> Vec<(usize, Section, &str)> {
    let mut found = Vec::new();
    let mut section = None;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (kind, name) = split_header(header);
            section = kind;
            if let (Some(kind), Some(name)) = (kind, name) {
                found.push((index + 1, kind, name));
                section = None;
            }
        } else if let (Some(kind), Some((name, _))) = (section, line.split_once(['.', ' ', '=']))
            && !name.is_empty()
            && !name.starts_with('#')
        {
            found.push((index + 1, kind, name.trim_matches('"')));
        }
    }
    found
}

/// `[workspace.dependencies]` only names versions, so that it is no section of a crate.
fn split_header(header: &str) -> (Option<Section>, Option<&str>) {
    if header.starts_with("workspace") {
        return (None, None);
    }
    for (word, kind) in [
        ("dev-dependencies", Section::Tests),
        ("build-dependencies", Section::Product),
        ("dependencies", Section::Product),
    ] {
        if let Some(at) = header.find(word) {
            let name = header[at + word.len()..].strip_prefix('.');
            return (Some(kind), name);
        }
    }
    (None, None)
}

#[test]
fn a_dependency_against_the_layers_is_found_in_every_spelling() {
    let manifest = "[package]\nname = \"emulator\"\n[dependencies]\niced-x86.workspace = true\n\
                    hypervisor-core = { path = \"..\" }\n[dependencies.log]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[dev-dependencies]\nrand = \"1\"\n[lints]\nworkspace = true\n";
    let expected =
        ["emulator/Cargo.toml:5", "emulator/Cargo.toml:6", "emulator/Cargo.toml:9", "emulator/Cargo.toml:11"];
    assert_eq!(super::refused(dependencies, &[("emulator/Cargo.toml", manifest)]), expected);
}

#[test]
fn a_crate_without_a_row_is_found() {
    assert_eq!(super::refused(dependencies, &[("tools/new/Cargo.toml", "")]), ["tools/new/Cargo.toml:0"]);
}
