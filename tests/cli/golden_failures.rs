//! What `paravane golden` tells and leaves of a case that differs: the first instruction, who wrote what differs, and files.

use super::elf::{ElfFile, call};
use super::golden_suite::{Suite, one_line};
use super::paravane::{run as run_paravane, sample};
use hypervisor_core::abi::Call;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `mov eax, 3` of the sample ticker, the port of its timer, and what follows.
const PORT: [u8; 9] = [0xb8, 3, 0, 0, 0, 0x89, 0x7c, 0x24, 0x08];

/// A suite with the accepted sample ticker in `boot`.
fn suite() -> Suite {
    let suite = Suite::new();
    fs::copy(sample("ticker"), suite.file("guest.elf")).unwrap();
    suite.accepted("boot", &["--image", "guest.elf", "--require-symbol", "main"]);
    suite
}

/// Breaks one instruction: its timer has port 4.
fn break_guest(suite: &Suite) {
    let mut image = fs::read(suite.file("guest.elf")).unwrap();
    let place =
        image.windows(PORT.len()).position(|bytes| bytes == PORT).expect("the sample has this instruction");
    image[place + 1] = 4;
    fs::write(suite.file("guest.elf"), image).unwrap();
}

const KNOWN: [&str; 9] = [
    "FAIL boot: the guest changed: ../guest.elf is not what was accepted\n",
    "first differing instruction (- accepted, + this run):\n",
    "accepted #128 0.000001280 main+0x1d, now #128 0.000001280 main+0x1d\n",
    "mov eax, 3                           eax=00000003\n",
    "mov eax, 4                           eax=00000004\n",
    "eax: 00000003 accepted, 00000004 now\n",
    "last writer of eax: #124 hypercall.console_write+0x5  int 0x82  (4 instructions before)\n",
    "events differs in line 4:\n",
    "first difference between #0 and #",
];

#[test]
fn one_changed_instruction_of_a_guest_is_told_with_both_values_and_who_wrote_what_differs() {
    let suite = suite();
    break_guest(&suite);
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(4), "{run:?}");
    let text = run.text();
    for part in KNOWN {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The commands do what they say.
    let commands: Vec<&str> =
        text.lines().filter_map(|line| line.trim().split_once(": paravane ")).map(|(_, c)| c).collect();
    assert_eq!(commands.len(), 2, "{text}");
    for (command, says) in commands.iter().zip(["mov eax, 4", "eax: 00000003 in A, 00000004 in B"]) {
        let command = format!("'{}' {command}", env!("CARGO_BIN_EXE_paravane"));
        let output = Command::new("sh").arg("-c").arg(&command).current_dir(&suite.0).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains(says), "{command}\n{shown}\n{output:?}");
    }
}

#[test]
fn a_failure_leaves_recordings_a_page_an_object_and_a_script_and_a_success_removes_them() {
    let suite = suite();
    let original = fs::read(suite.file("guest.elf")).unwrap();
    break_guest(&suite);
    for (options, folder) in [(&[][..], "target/golden/boot"), (&["--artifacts", "left"], "left/boot")] {
        // What was accepted is kept in the folder for which it was accepted.
        fs::create_dir_all(suite.file("left")).unwrap();
        let known = folder.starts_with("target");
        let run = suite.golden(&[&["run", "boot"], options].concat());
        assert_eq!(run.status, Some(4), "{run:?}");
        let file = |name: &str| suite.file(&format!("{folder}/{name}"));
        for (name, is_there) in [("actual.pvt", true), ("expected.pvt", known)] {
            assert_eq!(file(name).exists(), is_there, "{name}");
            if is_there {
                let verified = run_paravane(["verify".as_ref(), file(name).as_os_str()]);
                assert_eq!(verified.status, Some(0), "{name}: {verified:?}");
            }
        }
        let object = suite.text(&format!("{folder}/divergence.json"));
        let page = suite.text(&format!("{folder}/diff.html"));
        if known {
            for part in [
                "\"accepted_instruction\": 128",
                "\"of\": \"eax\"",
                "\"reason\": \"a test\"",
                "\"status\": 4",
            ] {
                assert!(object.contains(part), "{part}\n{object}");
            }
            for part in ["<del>    - #128 ", "<ins>    + #128 ", "<h2>events</h2>", "accepted by ann"] {
                assert!(page.contains(part), "{part}\n{page}");
            }
        } else {
            assert!(object.contains("\"first_difference\": null"), "{object}");
            for text in [&object, &page, &run.text()] {
                assert!(text.contains("is not kept here, and not in git"), "{text}");
            }
        }
        assert!(!page.contains("http"), "a page needs nothing but itself");
        let mut script = Command::new(file("repro.sh"));
        script.env("PARAVANE", env!("CARGO_BIN_EXE_paravane")).current_dir(&suite.0);
        let again = script.output().unwrap();
        assert_eq!(again.status.code(), Some(4), "{again:?}");
        assert!(String::from_utf8_lossy(&again.stdout).starts_with("boot: the guest changed"), "{again:?}");
    }
    fs::write(suite.file("guest.elf"), original).unwrap();
    assert_eq!(suite.golden(&["run", "."]).status, Some(0));
    assert!(!suite.file("target/golden/boot").exists());
}

/// Commits files, and forgets what was kept of them.
fn commit(suite: &Suite, files: &[&str]) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let person =
            ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"];
        let output = command.args(person).args(arguments).current_dir(&suite.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q"]);
    git(&[&["add"], files].concat());
    git(&["commit", "-qm", "Accept"]);
    fs::remove_dir_all(suite.file("target")).unwrap();
}

#[test]
fn the_accepted_run_is_made_again_from_git() {
    let suite = suite();
    commit(&suite, &["boot", "guest.elf"]);
    break_guest(&suite);
    let explained = suite.golden(&["explain", "boot"]);
    assert_eq!(explained.status, Some(4), "{explained:?}");
    for part in &KNOWN[1..] {
        assert!(explained.text().contains(part), "{part}\n{explained:?}");
    }
}

#[test]
fn the_accepted_run_of_a_system_is_made_again_from_git() {
    let suite = Suite::new();
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/systems");
    fs::create_dir_all(suite.file("system/prebuilt")).unwrap();
    for file in ["flight.toml", "prebuilt/imu.elf", "prebuilt/nav.elf", "prebuilt/display.elf"] {
        fs::copy(systems.join(file), suite.file("system").join(file)).unwrap();
    }
    suite.accepted("flight", &["--image", "system/flight.toml"]);
    commit(&suite, &["flight", "system"]);
    // `mov esi, 1` of nav's main.
    let nav = suite.file("system/prebuilt/nav.elf");
    let mut image = fs::read(&nav).unwrap();
    let place = image
        .windows(5)
        .position(|bytes| bytes == [0xbe, 1, 0, 0, 0])
        .expect("the sample has this instruction");
    image[place + 1] = 2;
    fs::write(nav, image).unwrap();
    let explained = suite.golden(&["explain", "flight"]);
    assert_eq!(explained.status, Some(4), "{explained:?}");
    for part in [
        "prebuilt/nav.elf is not what was accepted",
        "first differing instruction of nav (- accepted, + this run):",
        "esi: 00000001 accepted, 00000002 now",
    ] {
        assert!(explained.text().contains(part), "{part}\n{explained:?}");
    }
}

#[test]
fn a_changed_option_is_compared_with_the_accepted_one() {
    let suite = Suite::with_hello();
    suite.change("hello/case.toml", "run = ", "memory = \"8MiB\"\nrun = ");
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(4), "{run:?}");
    let text = run.text();
    for part in ["case.toml is not what was accepted", "first differing instruction", " accepted, "] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("--by symbol"), "{text}");
    // Nothing that the ticker does depends on it, but its memory is another one at the end.
    let suite = self::suite();
    suite.change("boot/case.toml", "run = ", "memory = \"8MiB\"\nrun = ");
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(4), "{run:?}");
    assert!(run.text().contains("instruction by instruction both runs do the same"), "{run:?}");
}

#[test]
fn a_difference_late_in_a_run_is_found_and_only_there_compared() {
    // mov ecx, 0x40000; loop: dec ecx; jnz loop; mov eax, 3; shutdown
    let guest = |value: u8| {
        let mut code = vec![0xb9, 0, 0, 4, 0, 0x49, 0x75, 0xfd, 0xb8, value, 0, 0, 0];
        code.extend(call(Call::Shutdown, 0, 0));
        ElfFile::guest(&code).bytes()
    };
    let suite = Suite::new();
    fs::write(suite.file("loops.elf"), guest(3)).unwrap();
    suite.accepted("loops", &["--image", "loops.elf"]);
    fs::write(suite.file("loops.elf"), guest(4)).unwrap();
    let run = suite.golden(&["run", "."]);
    let text = run.text();
    for part in [
        "accepted #524289 ",
        "mov eax, 4",
        "eax: 00000003 accepted, 00000004 now",
        "last writer of eax: nothing",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn what_is_not_known_is_not_claimed() {
    let suite = suite();
    suite.spoil_ladder("boot", 30_000);
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(1), "{run:?}");
    let text = run.text();
    assert!(
        text.contains("expected values are not known: what was accepted are digests and events"),
        "{text}"
    );
    assert!(
        !text.contains("first differing instruction")
            && !suite.file("target/golden/boot/expected.pvt").exists()
    );
    // Both changed: the accepted files do not do what was accepted either.
    break_guest(&suite);
    let both = suite.golden(&["run", "."]);
    assert_eq!(both.status, Some(4), "{both:?}");
    assert!(both.text().contains("so Paravane changed as well"), "{both:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_warning() {
    let suite = suite();
    fs::write(suite.file("file"), "").unwrap();
    break_guest(&suite);
    let run = suite.golden(&["run", ".", "--artifacts", "file/left"]);
    assert_eq!(run.status, Some(4), "{run:?}");
    one_line(&run, "file/left");
}

#[test]
fn an_image_that_changed_is_told_by_its_build_and_its_symbols_first() {
    let suite = suite();
    break_guest(&suite);
    let text = suite.golden(&["run", "."]).text();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let (accepted, now) = lines[1].split_once(" accepted, ").expect(&text);
    assert!(
        accepted.starts_with("../guest.elf: ") && now.ends_with(" now") && !now.contains(accepted),
        "{text}"
    );
    assert_eq!(lines[2], "changed: main", "{text}");
    assert_eq!(lines[3], "first differing instruction (- accepted, + this run):", "{text}");
    let object = suite.text("target/golden/boot/divergence.json");
    assert!(object.contains("\"changed\": [\"main\"]") && object.contains("\"moved\": 0"), "{object}");
    // It is told although the run ends at a limit, and nothing can be accepted then.
    suite.change("boot/case.toml", "instructions = 100000000", "instructions = 1000");
    let limited = suite.golden(&["run", "."]);
    assert_eq!((limited.status, suite.pending("boot")), (Some(4), 0), "{limited:?}");
    for part in ["changed: main\n", "besides: it did not end within 1000 instructions"] {
        assert!(limited.text().contains(part), "{part}\n{limited:?}");
    }
    // Bytes that no function has do no harm.
    let mut image = fs::read(sample("ticker")).unwrap();
    image.extend(b"at the end");
    fs::write(suite.file("guest.elf"), image).unwrap();
    suite.change("boot/case.toml", "instructions = 1000", "instructions = 100000000");
    let same = suite.golden(&["run", "."]);
    assert_eq!(same.status, Some(4), "{same:?}");
    for part in
        ["no function and no named data changed", "it does all that was accepted: accept the new image"]
    {
        assert!(same.text().contains(part), "{part}\n{same:?}");
    }
    let accepted = suite.golden(&["accept", "boot", "--reason", "a longer file"]);
    assert_eq!(accepted.status, Some(0), "{accepted:?}");
    assert!(
        accepted.text().contains("made of other files: ../guest.elf\n    it does the same as before"),
        "{accepted:?}"
    );
}

/// The command of a report that opens a recording.
fn opened(suite: &Suite, report: &str) -> String {
    let command = report.lines().find_map(|line| line.trim().strip_prefix("open: paravane ")).expect(report);
    let command = format!("'{}' {command}", env!("CARGO_BIN_EXE_paravane"));
    let output = Command::new("sh").arg("-c").arg(&command).current_dir(&suite.0).output().unwrap();
    assert!(output.stderr.is_empty(), "{command}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_run_that_hits_a_limit_or_lacks_something_leaves_a_recording_of_its_end() {
    // mov ecx, 0x40000; loop: dec ecx; jmp loop
    let code = [0xb9, 0, 0, 4, 0, 0x49, 0xeb, 0xfd];
    let suite = Suite::new();
    fs::write(suite.file("loops.elf"), ElfFile::guest(&code).bytes()).unwrap();
    suite.golden(&["new", "loops", "--image", "loops.elf", "--max-instructions", "1000"]);
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(6), "{run:?}");
    let shown = opened(&suite, &run.text());
    assert!(shown.contains("\n#999 ") && shown.contains("limit of instructions"), "{shown}");
    // Events without end are recorded up to there, and not further.
    let mut code = call(Call::Yield, 0, 0);
    code.extend([0xeb, (-(code.len() as i16) - 2) as u8]);
    fs::write(suite.file("calls.elf"), ElfFile::guest(&code).bytes()).unwrap();
    suite.golden(&["new", "calls", "--image", "calls.elf", "--max-instructions", "1G"]);
    let run = suite.golden(&["run", ".", "calls"]);
    assert_eq!(run.status, Some(6), "{run:?}");
    assert!(opened(&suite, &run.text()).contains("limit of instructions"), "{run:?}");
    let image = sample("hello");
    suite.golden(&[
        "new",
        "lacks",
        "--image",
        image.to_str().unwrap(),
        "--require-symbol",
        "pv_upcall_entry",
    ]);
    let run = suite.golden(&["run", ".", "lacks"]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(opened(&suite, &run.text()).contains("shutdown"), "{run:?}");
    suite.accepted("flight", &["--image", "builtin:flight"]);
    suite.change("flight/case.toml", "instructions = 100000000", "instructions = 9000");
    let run = suite.golden(&["run", ".", "flight"]);
    assert_eq!(run.status, Some(6), "{run:?}");
    assert!(opened(&suite, &run.text()).contains("limit of instructions"), "{run:?}");
}

#[test]
fn runs_that_are_alike_have_no_stretch_to_look_at() {
    let suite = suite();
    // Another memory: both runs are alike, and their images are the same.
    suite.change("boot/case.toml", "run = ", "memory = \"8MiB\"\nrun = ");
    let text = suite.golden(&["run", "."]).text();
    assert!(text.contains("both runs do the same") && !text.contains("this run there:"), "{text}");
    assert!(text.contains("compare: ") && !text.contains("--by symbol"), "{text}");
}

#[test]
fn what_only_the_console_says_is_no_difference_of_instructions() {
    let suite = Suite::with_hello();
    suite.change("hello/expect.console", "16 MiB", "17 MiB");
    let run = suite.golden(&["run", "."]);
    assert_eq!(run.status, Some(1), "{run:?}");
    let text = run.text();
    assert!(
        text.contains("instruction by instruction this run does what was accepted: only what is told"),
        "{text}"
    );
    assert!(!text.contains("not known"), "{text}");
    assert!(opened(&suite, &text).contains("shutdown"), "{text}");
}

#[test]
fn the_steps_of_an_accepted_run_say_what_another_paravane_did() {
    // Who changed the emulator has accepted files, steps, and a program that does something else: here the steps of another
    // guest, which differs in one instruction, lie where those of the accepted run are.
    let suite = suite();
    let steps = |suite: &Suite| -> PathBuf {
        let entries = fs::read_dir(suite.file("target/golden/.accepted")).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|extension| extension == "steps")).unwrap()
    };
    let other = self::suite();
    break_guest(&other);
    assert_eq!(other.golden(&["accept", ".", "--run", "--reason", "port 4"]).status, Some(0));
    fs::remove_file(steps(&suite)).unwrap();
    let broken =
        fs::read_dir(other.file("target/golden/.accepted")).unwrap().map(|entry| entry.unwrap().path());
    let broken: Vec<PathBuf> = broken.filter(|path| path.extension().is_some()).collect();
    assert_eq!(broken.len(), 2, "those of both guests");
    let console = suite.text("boot/expect.console");
    let write = |text: &str| fs::write(suite.file("boot/expect.console"), text).unwrap();
    write("something else\n");
    let text = suite.golden(&["explain", "boot"]).text();
    assert!(text.contains("expected values are not known"), "{text}");
    let mut told = Vec::new();
    for path in broken {
        // The console is no part of what the name is made of.
        write(&console);
        assert_eq!(suite.golden(&["run", "."]).status, Some(0));
        write("something else\n");
        fs::copy(&path, steps(&suite)).unwrap();
        told.push(suite.golden(&["explain", "boot"]).text());
    }
    told.sort_by_key(|text| text.contains("first differing instruction"));
    assert!(told[0].contains("only what is told of it differs"), "{told:?}");
    for part in [
        "first differing instruction (- accepted, + this run):\n",
        "accepted #128 0.000001280 main+0x1d, now #128 0.000001280 main+0x1d\n",
        "- #128       main+0x1d                   mov eax, 4                           eax=00000004\n",
        "+ #128       main+0x1d                   mov eax, 3                           eax=00000003\n",
        "bytes: b804000000 accepted, b803000000 now\n",
        "eax: 00000004 accepted, 00000003 now\n",
        "last writer of eax: #124 hypercall.console_write+0x5  int 0x82  (4 instructions before)\n",
    ] {
        assert!(told[1].contains(part), "{part}\n{}", told[1]);
    }
}
