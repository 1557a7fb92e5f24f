//! `paravane check`: errors with their places, warnings, a summary, the schema.

use super::elf::{ElfFile, exits_with};
use super::paravane::{Finished, TemporaryFile, paravane, run};
use std::path::Path;

const ALONE: &str = "[[partition]]\nname = \"alone\"\nimage = \"builtin:ticker\"\n";

fn check(text: &str) -> Finished {
    let file = TemporaryFile::new("system.toml", text.as_bytes());
    run(["check".as_ref(), file.as_ref()])
}

/// A system of one partition with this image, which lies beside the system file.
fn with_image(image: &ElfFile, more: &str) -> (Finished, String) {
    let image = TemporaryFile::new("guest.elf", &image.bytes());
    let name = Path::new(image.as_ref()).file_name().unwrap().to_string_lossy().into_owned();
    (check(&format!("[[partition]]\nname = \"alone\"\nimage = \"{name}\"\n{more}\n")), name)
}

#[test]
fn a_good_system_is_summed_up_in_one_line() {
    let finished = check(ALONE);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    let text = finished.text();
    assert!(text.ends_with("system.toml: 1 partition, 0 plans, 0 windows; `alone` always runs\n"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn errors_are_shown_at_once_and_counted() {
    let finished = check(&format!(
        "{ALONE}memroy = \"2MiB\"\nrestarts = \"5\"\n[[line]]\nnumber = 3\nname = \"uart\"\n"
    ));
    assert_eq!((finished.status, finished.text().as_str()), (Some(125), ""));
    let stderr = &finished.stderr;
    for part in [
        "error: unknown key `memroy` in this partition\n",
        "system.toml:4:1\n",
        "4 | memroy = \"2MiB\"\n",
        "help: did you mean `memory`?\n",
        "error: `restarts` is a whole number, not text\n",
        "warning: the line `uart` has no owner: its interrupts reach nobody\n",
    ] {
        assert!(stderr.contains(part), "{part}\n{stderr}");
    }
    assert!(stderr.ends_with("system.toml: 2 errors and 1 warning\n"), "{stderr}");
    assert!(!stderr.contains('\x1b'), "{stderr:?}");
}

#[test]
fn warnings_are_shown_unless_the_user_wants_none() {
    let text = format!("{ALONE}[[line]]\nnumber = 3\nname = \"uart\"\n");
    let file = TemporaryFile::new("system.toml", text.as_bytes());
    let finished = run(["check".as_ref(), file.as_ref()]);
    assert_eq!(finished.status, Some(0));
    assert!(finished.stderr.starts_with("warning: the line `uart` has no owner"), "{finished:?}");
    let quiet = run(["check".as_ref(), "--quiet".as_ref(), file.as_ref()]);
    assert_eq!((quiet.status, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn images_are_found_beside_the_system_file() {
    let (finished, _) = with_image(&exits_with(0), "");
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
}

#[test]
fn the_memory_that_an_image_lacks_is_named() {
    let mut large = exits_with(0);
    large.segments[1].memory_bytes = 0x10_0000;
    let (finished, _) = with_image(&large, "memory = \"1MiB\"");
    assert_eq!(finished.status, Some(125));
    for part in
        ["this partition has 8 KiB too little memory for its image", "write `memory = \"1088KiB\"` or more"]
    {
        assert!(finished.stderr.contains(part), "{part}\n{finished:?}");
    }
    let (finished, _) = with_image(&large, "memory = \"1088KiB\"");
    assert_eq!(finished.status, Some(0), "{finished:?}");
}

#[test]
fn images_for_another_system_are_refused() {
    let mut linux = exits_with(0);
    linux.note = None;
    let (finished, name) = with_image(&linux, "");
    assert_eq!(finished.status, Some(125));
    assert!(
        finished.stderr.contains(&format!("error: the image `{name}` does not run here")),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("--abi linux"), "{finished:?}");
}

#[test]
fn files_that_are_no_text_are_refused_with_one_line() {
    let no_text = TemporaryFile::new("system.toml", b"[system]\n\xff");
    let elf = TemporaryFile::new("guest.elf", &exits_with(0).bytes());
    let folder = std::env::temp_dir();
    for (path, says) in [
        (no_text.as_ref(), "line 2 is no UTF-8 text"),
        (elf.as_ref(), "this is an ELF file: name a system file"),
        (folder.as_os_str(), "this is a folder"),
        ("missing.toml".as_ref(), "there is no such file"),
    ] {
        let finished = run(["check".as_ref(), path]);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
        assert!(finished.stderr.contains(says), "{finished:?}");
    }
}

#[test]
fn the_schema_is_printed_for_editors() {
    let finished = run(["check", "--schema"]);
    assert_eq!(finished.status, Some(0));
    let text = finished.text();
    assert!(text.starts_with("{\n") && text.ends_with("}\n"), "{text}");
    for part in ["\"title\": \"Paravane system file\"", "\"default\": \"16MiB\"", "\"console_input\": {"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let both = run(["check", "--schema", "system.toml"]);
    assert_eq!(both.status, Some(125), "{both:?}");
}

#[test]
fn colours_are_for_terminals() {
    let file = TemporaryFile::new("system.toml", b"[[partition]]\n");
    let forced = paravane(["check".as_ref(), file.as_ref()]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&forced.stderr).contains("\x1b["), "{forced:?}");
}
