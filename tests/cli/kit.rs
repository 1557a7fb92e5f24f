//! `paravane kit`: a line for each guest, a summary by clause, and a status that tells whether all agree.

use super::elf::{ElfFile, call, exits_with};
use super::paravane::{Finished, TemporaryFile, run, sample};
use hypervisor_core::abi::Call;

const JUMP_TO_ITSELF: [u8; 2] = [0xeb, 0xfe];
const UD2: [u8; 2] = [0x0f, 0x0b];

/// The kit's guest `block`, built so.
fn block_is(file: &[u8]) -> Finished {
    let file = TemporaryFile::new("block.elf", file);
    run(["kit".as_ref(), "--image".as_ref(), file.as_ref(), "block".as_ref()])
}

fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(start)).collect()
}

#[test]
fn every_guest_of_the_kit_agrees() {
    let finished = run(["kit"]);
    let text = finished.text();
    assert_eq!(lines(&text, "FAIL"), [""; 0]);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
    let listed = run(["kit", "--list"]).text();
    assert!(listed.lines().count() >= 60, "{listed}");
    let passed: Vec<_> = lines(&text, "PASS ").iter().map(|line| &line[5..]).collect();
    assert_eq!(passed, listed.lines().collect::<Vec<_>>());
    let summary = text.split_once("\n\n").expect("an empty line before the summary").1;
    assert!(!summary.contains("PASS") && !summary.contains("FAIL"), "{summary}");
    assert!(summary.ends_with("all hold.\n"), "{summary}");
}

#[test]
fn names_and_clauses_choose_guests() {
    let text = run(["kit", "block", "f2", "X1"]).text();
    let passed = lines(&text, "PASS ");
    assert_eq!(passed.len(), 7, "{text}");
    assert!(passed.contains(&"PASS I5 block") && passed.contains(&"PASS F2 transparent_x87"), "{text}");
    let listed = run(["kit", "--list", "V1"]).text();
    assert_eq!(listed, "V1 mask_word\n");
}

#[test]
fn a_name_that_the_kit_does_not_know_is_refused() {
    let finished = run(["kit", "blok"]);
    assert_eq!(finished.status, Some(125), "{finished:?}");
    assert!(finished.stderr.contains("blok") && finished.stderr.contains("--list"), "{finished:?}");
}

#[test]
fn a_guest_that_crashes_hangs_or_says_nothing_fails_with_why() {
    for (file, why) in [
        (exits_with(0).bytes(), "without a verdict"),
        (exits_with(3).bytes(), "code 3"),
        (ElfFile::guest(&UD2).bytes(), "it crashed: "),
        (ElfFile::guest(&JUMP_TO_ITSELF).bytes(), "did not end within"),
        (ElfFile::guest(&call(Call::Block, 0, 0)).bytes(), "deadlock"),
        (b"no image".to_vec(), "ELF"),
    ] {
        let finished = block_is(&file);
        let text = finished.text();
        let failed = lines(&text, "FAIL I5 block ");
        assert_eq!(finished.status, Some(1), "{finished:?}");
        assert!(failed.len() == 1 && failed[0].contains(why), "`{why}` is missing in {text}");
        assert!(text.ends_with("1 do not hold: I5.\n"), "{text}");
    }
}

#[test]
fn a_guest_that_is_another_ones_build_fails() {
    let path = sample("../conformance/prebuilt/yield");
    let finished = run(["kit".as_ref(), "block".as_ref(), "--image".as_ref(), path.as_os_str()]);
    assert_eq!(finished.status, Some(1), "{finished:?}");
    assert!(finished.text().contains("FAIL I5 block it says that it is I6 yield\n"), "{finished:?}");
}

#[test]
fn a_folder_of_own_builds_is_run_and_what_is_missing_fails() {
    let folder = sample("../conformance/prebuilt/block").with_file_name("");
    let finished = run(["kit".as_ref(), "I5".as_ref(), "--image".as_ref(), folder.as_os_str()]);
    assert_eq!((finished.status, finished.text().lines().next()), (Some(0), Some("PASS I5 block")));

    let samples = sample("hello").with_file_name("");
    let finished = run(["kit".as_ref(), "I5".as_ref(), "--image".as_ref(), samples.as_os_str()]);
    assert_eq!(finished.status, Some(1), "{finished:?}");
    assert!(finished.text().contains("block.elf: there is no such file"), "{finished:?}");

    let finished = run(["kit", "--image", "/nowhere/block.elf"].map(std::ffi::OsStr::new));
    assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
    assert!(finished.stderr.contains("/nowhere/block.elf: there is no such file"), "{finished:?}");

    let one = sample("../conformance/prebuilt/block");
    let finished = run(["kit".as_ref(), "--image".as_ref(), one.as_os_str(), "X1".as_ref()]);
    assert_eq!(finished.status, Some(125), "{finished:?}");
}
