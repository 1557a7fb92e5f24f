//! Which module may name which path.

use super::source::{Path, paths, tokens};
use super::{File, Violation};

/// Paths that only some files may name.
struct Reserved {
    rule: &'static str,
    /// Where the rule holds.
    within: &'static [&'static str],
    /// The beginnings of the refused paths.
    paths: &'static [&'static [&'static str]],
    /// Files and folders that may name them all the same.
    except: &'static [&'static str],
}

const RESERVED: &[Reserved] = &[
    Reserved {
        rule: "only emulator/src/decode names iced-x86 (tests and xtask excepted)",
        within: &["emulator/src", "hypervisor-core/src", "tools"],
        paths: &[&["iced_x86"]],
        except: &["emulator/src/decode", "tools/xtask"],
    },
    Reserved {
        rule: "only the loader names goblin",
        within: &["emulator/src", "hypervisor-core/src", "tools"],
        paths: &[&["goblin"]],
        except: &["hypervisor-core/src/loader"],
    },
    Reserved {
        rule: "of the core crates only the machine's snapshot names postcard",
        within: &["emulator/src", "hypervisor-core/src"],
        paths: &[&["postcard"]],
        except: &["hypervisor-core/src/machine/snapshot"],
    },
    Reserved {
        rule: "only the system file's crate draws diagnostics",
        within: &["emulator/src", "hypervisor-core/src", "tools"],
        paths: &[&["annotate_snippets"]],
        except: &["tools/system-file"],
    },
    Reserved {
        rule: "only the crates of system files and of golden tests read TOML",
        within: &["emulator/src", "hypervisor-core/src", "tools"],
        paths: &[&["toml"]],
        except: &["tools/system-file", "tools/golden"],
    },
    Reserved {
        rule: "the core crates do no I/O and read no host clock, host environment or host randomness",
        within: &["emulator/src", "hypervisor-core/src"],
        paths: &[
            &["std", "env"],
            &["std", "fs"],
            &["std", "io"],
            &["std", "net"],
            &["std", "process"],
            &["std", "thread"],
            &["std", "time"],
            &["print"],
            &["println"],
            &["eprint"],
            &["eprintln"],
        ],
        except: &[],
    },
    Reserved {
        rule: "the core crates do not depend on the order of a hash map: take a BTreeMap or a Vec",
        within: &["emulator/src", "hypervisor-core/src"],
        paths: &[
            &["std", "collections", "HashMap"],
            &["std", "collections", "HashSet"],
            &["std", "collections", "hash_map"],
            &["std", "collections", "hash_set"],
            &["std", "hash", "RandomState"],
        ],
        except: &[],
    },
    Reserved {
        rule: "clock, schedule, timers, health, event channels and message ports are policy: they name nothing of the emulator",
        within: &[
            "hypervisor-core/src/clock.rs",
            "hypervisor-core/src/event_channel.rs",
            "hypervisor-core/src/health.rs",
            "hypervisor-core/src/latency.rs",
            "hypervisor-core/src/ledger.rs",
            "hypervisor-core/src/message_port",
            "hypervisor-core/src/message_port.rs",
            "hypervisor-core/src/schedule.rs",
            "hypervisor-core/src/timer.rs",
        ],
        paths: &[&["emulator"]],
        except: &[],
    },
    Reserved {
        rule: "the ABI is a description: it names nothing of the emulator",
        within: &["hypervisor-core/src/abi"],
        paths: &[&["emulator"]],
        except: &[],
    },
];

/// Modules that may contain `unsafe`; docs/decisions/0001-unsafe.md says why, 0004-native-oracle.md for the oracle and
/// 0006-lockstep.md for the lockstep.
const UNSAFE: &[&str] = &[
    "emulator/src/interpreter/blocks.rs",
    "emulator/src/interpreter/executor.rs",
    "emulator/src/interpreter/handler.rs",
    "emulator/src/interpreter/operation.rs",
    "emulator/src/interpreter/run.rs",
    "emulator/src/memory/physical.rs",
    "emulator/src/memory/translation.rs",
    "tools/paravane/lockstep/native.rs",
    "tools/xtask/src/oracle/native.rs",
];

pub fn names(files: &[File]) -> Vec<Violation> {
    let mut refused = Vec::new();
    for reserved in RESERVED {
        let rust = files.iter().filter(|file| file.is_rust() && file.is_under(reserved.within));
        for file in rust.filter(|file| !file.is_under_module(reserved.except)) {
            for path in product_paths(&file.text) {
                if reserved.paths.iter().any(|start| path.starts_with(start)) {
                    let what = format!("names `{}`", path.text());
                    refused.push(Violation::new(file, path.line, reserved.rule, what));
                }
            }
        }
    }
    refused
}

/// The paths outside the tests at the end of the file.
fn product_paths(text: &str) -> Vec<Path> {
    let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    paths(&tokens(&text[..end]))
}

impl File {
    /// Whether this is the module `a/b` (as a/b.rs or a folder) or a part of it.
    fn is_under_module(&self, modules: &[&str]) -> bool {
        self.is_under(modules) || modules.iter().any(|module| self.path == format!("{module}.rs"))
    }
}

pub fn no_globs(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "no glob imports: a reader finds where a name comes from";
    let mut refused = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for path in
            paths(&tokens(&file.text)).iter().filter(|path| path.parts.last().is_some_and(|p| p == "*"))
        {
            refused.push(Violation::new(file, path.line, RULE, format!("imports `{}`", path.text())));
        }
    }
    refused
}

/// A block or an implementation has to say why it is right; that a function asks for something, clippy looks after.
pub fn no_unsafe(files: &[File]) -> Vec<Violation> {
    const RULE: &str =
        "`unsafe` stands only in the modules of docs/decisions/0001-unsafe.md, with a SAFETY comment";
    let mut refused = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines: Vec<_> = file.text.lines().collect();
        let found = tokens(&file.text);
        for (token, next) in
            found.iter().zip(found.iter().skip(1)).filter(|(token, _)| token.text == "unsafe")
        {
            let proves = matches!(next.text.as_str(), "{" | "impl");
            let above = &lines[token.line.saturating_sub(6)..token.line];
            if !UNSAFE.contains(&file.path.as_str()) {
                refused.push(Violation::new(file, token.line, RULE, "`unsafe` in a module without a record"));
            } else if proves && !above.iter().any(|line| line.contains("SAFETY:")) {
                refused.push(Violation::new(
                    file,
                    token.line,
                    RULE,
                    "`unsafe` without a SAFETY comment above it",
                ));
            }
        }
    }
    refused
}

/// Who may set EIP: delivery diverts, boot and the Linux loader enter the image, an exit goes past its own instruction.
const SETS_EIP: [&str; 4] = [
    "hypervisor-core/src/boot.rs",
    "hypervisor-core/src/delivery.rs",
    "hypervisor-core/src/linux/start.rs",
    "hypervisor-core/src/machine/exits.rs",
];

pub fn diverts_in_one_place(files: &[File]) -> Vec<Violation> {
    const RULE: &str = "guests are diverted in one place, hypervisor-core/src/delivery.rs";
    let mut refused = Vec::new();
    let core = files.iter().filter(|file| file.is_rust() && file.is_under(&["hypervisor-core/src"]));
    for file in core.filter(|file| !SETS_EIP.contains(&file.path.as_str())) {
        let end = file.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(file.text.len());
        for window in tokens(&file.text[..end]).windows(4) {
            let [dot, name, equals, value] = window else { continue };
            if (dot.text.as_str(), name.text.as_str(), equals.text.as_str()) == (".", "eip", "=")
                && value.text != "="
            {
                refused.push(Violation::new(file, name.line, RULE, "sets EIP"));
            }
        }
    }
    refused
}

#[test]
fn a_second_place_that_diverts_is_found() {
    let text = "//! A\nfn f() {\n    if cpu.eip == 3 {\n        cpu.eip = 4;\n    }\n}\n";
    let files = [("hypervisor-core/src/calls.rs", text), ("hypervisor-core/src/delivery.rs", text)];
    assert_eq!(super::refused(diverts_in_one_place, &files), ["hypervisor-core/src/calls.rs:4"]);
}

#[test]
fn every_rule_meets_a_file_and_every_unsafe_module_needs_it() {
    let files = super::tree::tracked_files();
    for reserved in RESERVED {
        for place in reserved.within {
            assert!(
                files.iter().any(|file| file.is_under(&[place])),
                "{place}: no such file ({})",
                reserved.rule
            );
        }
    }
    for path in UNSAFE {
        let file =
            files.iter().find(|file| file.path == *path).unwrap_or_else(|| panic!("{path}: no such file"));
        assert!(
            tokens(&file.text).iter().any(|token| token.text == "unsafe"),
            "{path} needs no `unsafe` any more"
        );
    }
}

#[test]
fn a_reserved_name_is_found_outside_its_module() {
    let files = [
        ("emulator/src/decode/mod.rs", "//! D\nuse iced_x86::Decoder;\n"),
        (
            "emulator/src/cpu.rs",
            "//! iced_x86\nuse iced_x86::Decoder;\n\n#[cfg(test)]\nmod tests {\nuse iced_x86::A;\n}\n",
        ),
        ("hypervisor-core/src/loader.rs", "//! L\nuse goblin::elf::Elf;\n"),
        ("hypervisor-core/src/machine.rs", "//! M\nfn f() {\n    goblin::elf::parse(x);\n}\n"),
        (
            "hypervisor-core/src/clock.rs",
            "//! C\nuse std::{fmt, time::Instant};\nuse std::collections::HashMap;\n",
        ),
        ("hypervisor-core/src/a.rs", "//! A\nfn f() {\n    println!(\"{}\", 1);\n}\n"),
        ("tools/paravane/main.rs", "//! P\nuse std::fs;\n"),
    ];
    let expected = [
        "emulator/src/cpu.rs:2",
        "hypervisor-core/src/machine.rs:3",
        "hypervisor-core/src/clock.rs:2",
        "hypervisor-core/src/a.rs:3",
        "hypervisor-core/src/clock.rs:3",
    ];
    assert_eq!(super::refused(names, &files), expected);
}

#[test]
fn a_glob_import_is_found() {
    let text = "//! A\nuse super::*;\nuse a::{b::*, c};\nlet x = y * z;\nlet w = *v;\n";
    assert_eq!(super::refused(no_globs, &[("tests/a.rs", text)]), ["tests/a.rs:2", "tests/a.rs:3"]);
}

#[test]
fn unsafe_without_a_record_or_a_comment_is_found() {
    let physical =
        "//! P\n#![allow(unsafe_code)]\n// SAFETY: proven.\nunsafe { f() }\n\n\n\n\n\n\n\nunsafe { g() }\n";
    let files = [
        ("emulator/src/memory/physical.rs", physical),
        ("emulator/src/cpu.rs", "//! C\n// unsafe\nunsafe { f() }\n"),
    ];
    assert_eq!(
        super::refused(no_unsafe, &files),
        ["emulator/src/memory/physical.rs:12", "emulator/src/cpu.rs:3"]
    );
}
