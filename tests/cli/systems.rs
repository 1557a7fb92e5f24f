//! Systems of several guests: their consoles, traces, exit statuses, crashes and health lines.

use super::elf::{CODE, ElfFile, call, exits_with};
use super::paravane::{Finished, TemporaryFile, paravane, run, run_with_input};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;
use std::path::Path;

/// Bytes of a call in these guests.
const CALL_BYTES: u32 = 17;

/// A guest that writes `text`, runs `then` and ends with `code`.
fn says(text: &str, then: &[u8], code: u32) -> ElfFile {
    let length = text.len() as u32;
    let mut bytes = call(Call::ConsoleWrite, CODE + 2 * CALL_BYTES + then.len() as u32, length);
    bytes.extend(then);
    bytes.extend(call(Call::Shutdown, code, 0));
    bytes.extend(text.as_bytes());
    ElfFile::guest(&bytes)
}

/// xor ecx, ecx; div ecx
const DIVIDES_BY_ZERO: [u8; 4] = [0x31, 0xc9, 0xf7, 0xf1];
/// mov ecx, 10000; dec ecx; jnz
const WORKS: [u8; 8] = [0xb9, 0x10, 0x27, 0, 0, 0x49, 0x75, 0xfd];

/// A system file with its images, and what is written in it for each partition.
struct System {
    file: TemporaryFile,
    _images: Vec<TemporaryFile>,
}

impl System {
    /// Partitions with their names, images and further keys; each has a window of 100 us, in turn.
    fn new(partitions: &[(&str, ElfFile, &str)], more: &str) -> Self {
        let (mut text, mut windows, mut images) = (String::new(), String::new(), Vec::new());
        for (name, image, keys) in partitions {
            let image = TemporaryFile::new("guest.elf", &image.bytes());
            let path = Path::new(image.as_ref()).file_name().unwrap().to_string_lossy().into_owned();
            text += &format!(
                "[[partition]]\nname = \"{name}\"\nimage = \"{path}\"\nmemory = \"1088KiB\"\n{keys}\n"
            );
            windows += &format!("    {{ partition = \"{name}\", length = \"100us\" }},\n");
            images.push(image);
        }
        text += &format!("[[plan]]\nname = \"cruise\"\nwindows = [\n{windows}]\n{more}\n");
        Self { file: TemporaryFile::new("system.toml", text.as_bytes()), _images: images }
    }

    fn run(&self, command: &[&str]) -> Finished {
        let command = command.iter().map(AsRef::as_ref);
        run(command.chain([self.file.as_ref()]).collect::<Vec<&OsStr>>())
    }
}

fn nav_and_display() -> System {
    System::new(
        &[("nav", says("one\ntwo\nthr", &WORKS, 0), ""), ("display", says("shown\n", &WORKS, 0), "")],
        "",
    )
}

#[test]
fn each_line_of_several_partitions_has_the_name_of_its_own() {
    let finished = nav_and_display().run(&["run"]);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(finished.text(), "nav     | one\nnav     | two\ndisplay | shown\nnav     | thr\n");
}

#[test]
fn the_bytes_of_a_single_partition_are_unchanged() {
    let system = System::new(&[("nav", says("one\n\x01two", &[], 7), "")], "");
    let finished = system.run(&["run"]);
    assert_eq!((finished.status, finished.text().as_str()), (Some(7), "one\n\x01two"));
}

#[test]
fn colours_of_names_are_for_terminals() {
    let system = nav_and_display();
    let arguments: [&OsStr; 2] = ["run".as_ref(), system.file.as_ref()];
    let forced = paravane(arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
    let text = String::from_utf8_lossy(&forced.stdout).into_owned();
    assert!(text.contains("\x1b[36mnav     |\x1b[0m one\n"), "{text:?}");
}

#[test]
fn a_file_that_is_neither_elf_nor_toml_gets_one_line() {
    for text in ["", "hello\n", "# A heading\n\nSome [link](x) text.\n"] {
        let file = TemporaryFile::new("notes.md", text.as_bytes());
        for command in ["run", "trace"] {
            let finished = run([command.as_ref(), file.as_ref()]);
            assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
            assert!(finished.stderr.contains("no system file"), "{finished:?}");
        }
    }
}

#[test]
fn a_system_file_with_errors_shows_them_all() {
    let file = TemporaryFile::new("system.toml", b"[[partition]]\nname = \"a\"\n[[line]]\nname = \"b\"\n");
    let finished = run(["run".as_ref(), file.as_ref()]);
    assert_eq!(finished.status, Some(125));
    assert!(finished.stderr.ends_with("system.toml: 2 errors\n"), "{}", finished.stderr);
}

#[test]
fn options_of_a_single_guest_name_the_key_to_use() {
    let system = nav_and_display();
    for (option, value, key) in [
        ("--memory", "2MiB", "`memory`"),
        ("--arg", "x", "`arguments`"),
        ("--cpu", "pentium4", "`cpu`"),
        ("--abi", "paravane", "`image`"),
    ] {
        let finished = system.run(&["run", option, value]);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
        assert!(finished.stderr.contains(option) && finished.stderr.contains(key), "{finished:?}");
    }
}

#[test]
fn the_first_status_in_the_order_of_the_file_counts() {
    let system = |first, second, third| {
        let partition = |name, image| (name, image, "");
        let partitions = [partition("a", first), partition("b", second), partition("c", third)];
        System::new(&partitions, "").run(&["run"]).status
    };
    let late = |code| says("", &WORKS, code);
    assert_eq!(system(exits_with(0), late(5), exits_with(6)), Some(5));
    assert_eq!(system(exits_with(0), exits_with(200), exits_with(6)), Some(123));
    assert_eq!(system(exits_with(0), says("", &DIVIDES_BY_ZERO, 0), exits_with(6)), Some(126));
    assert_eq!(system(exits_with(0), exits_with(0), exits_with(0)), Some(0));
}

#[test]
fn limits_count_all_partitions() {
    let system = nav_and_display();
    let finished = system.run(&["run", "--max-instructions", "1000"]);
    assert_eq!(finished.status, Some(124));
    assert!(finished.stderr.contains("1_000 instructions of all partitions"), "{finished:?}");
    let finished = system.run(&["run", "--max-time", "100us"]);
    assert_eq!(
        (finished.status, finished.text().as_str()),
        (Some(124), "nav     | one\nnav     | two\nnav     | thr\n")
    );
}

#[test]
fn a_crash_names_its_partition_and_shows_its_own_way_there() {
    // It crashes at the beginning of its third window; `other` works for thousands of instructions after that.
    let mut crashes = WORKS.to_vec();
    crashes.extend([0x40; 3]); // inc eax
    crashes.extend(DIVIDES_BY_ZERO);
    let long: Vec<u8> = WORKS.repeat(5);
    let system =
        System::new(&[("nav", says("x\n", &crashes, 0), ""), ("other", says("done\n", &long, 3), "")], "");
    let finished = system.run(&["run"]);
    assert_eq!(finished.status, Some(126), "{finished:?}");
    let stderr = &finished.stderr;
    assert!(stderr.starts_with("nav: divide_error at 0x0010101e, 400.09 us: halt_partition\n"), "{stderr}");
    assert!(stderr.contains("`nav` crashed: divide error (#DE); it has no handler for that"), "{stderr}");
    assert!(stderr.contains("instruction #20009, virtual time 400.09 us"), "{stderr}");
    let way: Vec<&str> = stderr.lines().filter(|line| line.starts_with("  #")).collect();
    assert_eq!(way.len(), 16, "{stderr}");
    assert!(way[0].contains("#19993") && way[15].contains("xor ecx, ecx"), "{stderr}");
    assert!(stderr.contains("\n> #20009 "), "{stderr}");
    let quiet = system.run(&["run", "-q"]);
    assert!(!quiet.stderr.contains("halt_partition") && quiet.stderr.contains("`nav` crashed"), "{quiet:?}");
}

#[test]
fn the_health_monitor_tells_what_it_does_and_can_stop_the_system() {
    let crashing = |health: &str| {
        let health = format!("health = {{ {health} }}");
        let partitions = [
            ("nav", says("x\n", &DIVIDES_BY_ZERO, 0), health.as_str()),
            ("other", says("done\n", &WORKS, 0), ""),
        ];
        System::new(&partitions, "[health]\ndivide_error = \"halt_system\"\n").run(&["run"])
    };
    let restarted = crashing("divide_error = \"cold_restart\"");
    let lines: Vec<&str> = restarted.stderr.lines().take(4).collect();
    assert!(lines[..3].iter().all(|line| line.ends_with(": cold_restart")), "{restarted:?}");
    assert!(lines[3].ends_with(": halt_partition"), "{restarted:?}");
    assert_eq!(restarted.text().matches("nav   | x\n").count(), 4, "{restarted:?}");
    assert!(restarted.text().ends_with("other | done\n"), "{restarted:?}");

    let stopped = crashing("divide_error = \"escalate\"");
    assert_eq!((stopped.status, stopped.text().as_str()), (Some(126), "nav   | x\n"));
    assert!(
        stopped.stderr.contains("the health monitor stopped the system: divide_error of `nav`\n"),
        "{stopped:?}"
    );
}

#[test]
fn a_trace_names_the_partition_of_each_line_and_shows_windows() {
    let system = nav_and_display();
    let finished = system.run(&["trace"]);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    let text = finished.text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("paravane-trace system text 1"));
    assert_eq!(lines.next(), Some("100000000 units a second"));
    assert!(lines.next().is_some_and(|line| line.starts_with("partition nav: image ")), "{text}");
    assert!(lines.next().is_some_and(|line| line.starts_with("partition display: image ")), "{text}");
    let names = ["nav     #", "display #", "*       #"];
    assert!(lines.clone().all(|line| names.iter().any(|name| line.starts_with(name))), "{text}");
    for part in [
        "nav     #0         0.000000000  == window  0 of plan cruise begins\n",
        "0.000100000  == window  0 of plan cruise ends\ndisplay #0         0.000100000  == window  1 of plan cruise begins\n",
        "== console \"shown\\n\"\n",
        "== end     shutdown with code 0\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.lines().last().is_some_and(|line| line.starts_with("*       #")), "{text}");
    assert!(system.run(&["trace"]).stdout == finished.stdout, "the traces differ");

    let only = system.run(&["trace", "--partition", "display"]).text();
    let of_display = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("display #")).map(str::to_owned).collect()
    };
    assert_eq!(of_display(&only), of_display(&text));
    assert!(!only.lines().any(|line| line.starts_with("nav")), "{only}");
}

#[test]
fn only_partitions_that_there_are_can_be_chosen() {
    let finished = nav_and_display().run(&["trace", "--partition", "nova"]);
    assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
    assert!(finished.stderr.contains("no partition `nova`; it has nav, display"), "{finished:?}");
    let guest = TemporaryFile::new("guest.elf", &exits_with(0).bytes());
    let finished = run(["trace".as_ref(), "--partition".as_ref(), "nav".as_ref(), guest.as_ref()]);
    assert_eq!(finished.status, Some(125), "{finished:?}");
}

/// A guest that writes back what it reads at first.
fn echoes() -> ElfFile {
    let buffer = CODE + 0x1000;
    let mut code = call(Call::ConsoleRead, buffer, 64);
    code.extend([0x89, 0xc1]); // mov ecx, eax
    code.push(0xb8); // mov eax, console_write
    code.extend(Call::ConsoleWrite.description().number.to_le_bytes());
    code.push(0xbb); // mov ebx, buffer
    code.extend(buffer.to_le_bytes());
    code.extend([0xcd, 0x82]); // int 82h
    code.extend(call(Call::Shutdown, 0, 0));
    ElfFile::guest(&code)
}

#[test]
fn stdin_goes_to_the_partition_that_reads_it_and_is_recorded_for_this_system() {
    let partitions = |display| {
        [
            ("nav", says("a\n", &[], 0), ""),
            ("display", display, "console_input = true"),
            ("third", echoes(), ""),
        ]
    };
    let system = System::new(&partitions(echoes()), "");
    let recording = TemporaryFile::new("input.txt", b"");
    let arguments: [&OsStr; 4] =
        ["run".as_ref(), "--record".as_ref(), recording.as_ref(), system.file.as_ref()];
    let recorded = run_with_input(arguments, b"typed\n");
    assert_eq!(recorded.status, Some(0), "{recorded:?}");
    assert!(recorded.text().contains("display | typed\n"), "{recorded:?}");
    assert!(!recorded.text().contains("third"), "{recorded:?}");
    let text = String::from_utf8(recording.contents()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "paravane-input 1");
    assert!(lines[1].starts_with("system ") && lines[2].starts_with("image "), "{text}");
    assert!(lines[3].ends_with(" display") && lines[5..] == ["0 \"typed\\n\"", "0 end"], "{text}");

    let replay = |system: &System| {
        let arguments: [&OsStr; 4] =
            ["run".as_ref(), "--replay".as_ref(), recording.as_ref(), system.file.as_ref()];
        run(arguments)
    };
    let replayed = replay(&system);
    assert_eq!((replayed.status, replayed.stdout), (Some(0), recorded.stdout));
    for (other, says) in [
        (System::new(&partitions(exits_with(0)), ""), "another image of `display`"),
        (System::new(&partitions(echoes()), "[system]\nclock = \"50MHz\"\n"), "another configuration"),
    ] {
        let refused = replay(&other);
        assert_eq!((refused.status, refused.stderr.lines().count()), (Some(125), 1), "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
}

/// Two partitions, a line that nobody owns and one that `nav` owns and never binds.
fn with_lines() -> System {
    let lines = "[[line]]\nnumber = 3\nname = \"uart\"\n[[line]]\nnumber = 4\nname = \"adc\"\nowner = \"nav\"\n\
                 [[inject]]\nline = \"uart\"\nat = \"10us\"\nevery = \"10us\"\ncount = 5\n\
                 [[inject]]\nline = 4\nat = \"20us\"\nevery = \"100us\"\ncount = 3\n";
    let health = "health = { divide_error = \"halt_partition\" }";
    let mut crashes = WORKS.to_vec();
    crashes.extend(DIVIDES_BY_ZERO);
    System::new(
        &[("nav", says("one\n", &crashes, 0), health), ("display", says("shown\n", &WORKS.repeat(5), 0), "")],
        lines,
    )
}

#[test]
fn statistics_of_a_system_have_a_block_for_each_partition() {
    let finished = with_lines().run(&["run", "-q", "--stats"]);
    assert_eq!(finished.status, Some(126));
    let words = finished.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Statistics instructions 120_019 retired 120_019 virtual time",
        "Partition nav units: run 20_006 units: idle 0 units: away ",
        "windows 3 call console_write 1 engine: runs",
        "events raised = delivered + coalesced + taken + pending + dropped line adc 3 = 0 + 0 + 0 + 0 + 3 (3 not_bound)",
        "Partition display units: run 100_013 ",
        "Lines without an owner line uart 5",
        "Health log, the last 1 of 1 nav: divide_error at 0x0010101b, 400.06 us: halt_partition",
    ] {
        assert!(words.contains(part), "`{part}` is missing in\n{}", finished.stderr);
    }
}

#[test]
fn a_line_that_nobody_owns_is_told_of_once() {
    // The way to the crash is found by a second run, which tells nothing.
    let stderr = with_lines().run(&["run"]).stderr;
    assert!(stderr.contains("`nav` crashed"), "{stderr}");
    assert_eq!(stderr.matches("line 3 uart interrupts and nobody owns it").count(), 1, "{stderr}");
}

#[test]
fn statistics_as_json_go_where_they_are_asked_for() {
    let system = with_lines();
    let file = TemporaryFile::new("statistics.json", b"");
    let path = Path::new(file.as_ref()).to_string_lossy().into_owned();
    let plain = system.run(&["run"]);
    let counted = system.run(&["run", "--stats=json", "--stats-output", &path]);
    assert_eq!(
        (counted.status, &counted.stdout, &counted.stderr),
        (plain.status, &plain.stdout, &plain.stderr)
    );
    let text = String::from_utf8(file.contents()).unwrap();
    for part in [
        "{\n  \"schema\": \"paravane-statistics 1\",\n  \"instructions\": 120019,\n",
        "      \"name\": \"nav\",\n",
        "      \"ended\": \"crashed\",\n",
        "          \"source\": \"line:4\",\n          \"name\": \"line adc\",\n          \"raised\": 3,\n",
        "          \"dropped_by\": {\"not_bound\": 3},\n          \"latency_ns\": null\n",
        "    {\"line\": 3, \"name\": \"line uart\", \"count\": 5}\n",
        "\"event\": \"divide_error\", \"action\": \"halt_partition\"",
    ] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
    let to_stderr = system.run(&["run", "-q", "--stats=json"]).stderr;
    assert!(to_stderr.ends_with(&text), "{to_stderr}\n{text}");

    let unasked = system.run(&["run", "--stats-output", &path]);
    assert_eq!(unasked.status, Some(125), "{unasked:?}");
    let nowhere = system.run(&["run", "--stats", "--stats-output", "/nowhere/file"]);
    assert_eq!((nowhere.status, nowhere.text().as_str()), (Some(125), ""), "{nowhere:?}");
}

#[test]
fn json_of_a_single_guest_tells_how_long_its_events_waited() {
    let guest = super::paravane::sample("ticker");
    let finished = run(["run".as_ref(), "--stats=json".as_ref(), guest.as_os_str()]);
    assert_eq!(finished.status, Some(0));
    let part = "\"latency_ns\": {\n            \"count\": 350,\n            \"least\": 0,\n";
    assert!(finished.stderr.contains(part), "{}", finished.stderr);
}

#[test]
fn interrupts_of_a_line_wait_for_the_windows_of_its_owner() {
    let finished = run(["run", "builtin:irq", "--stats=json"]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    let of_driver: Vec<_> = finished
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("driver | "))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        of_driver,
        [
            "at 1.000 ms: 1 interrupt",
            "at 10.000 ms: 6 interrupts",
            "at 11.500 ms: 1 interrupt",
            "at 20.000 ms: 5 interrupts",
            "at 20.500 ms: 1 interrupt",
            "at 30.000 ms: 6 interrupts",
            "20 interrupts in 6 calls of the handler; none is lost.",
        ]
    );
    // The one that came at 22 ms, when a window had just ended, waited for the one at 30 ms.
    for part in
        ["\"raised\": 20,\n          \"delivered\": 6,\n          \"coalesced\": 14,", "\"most\": 8000000,"]
    {
        assert!(finished.stderr.contains(part), "{part}\n{}", finished.stderr);
    }
}

#[test]
fn samples_are_known_by_name() {
    assert_eq!(run(["run", "builtin:hello"]).status, Some(0));
    let checked = run(["check", "builtin:irq"]);
    assert_eq!((checked.status, checked.stderr.as_str()), (Some(0), ""));
    assert!(checked.text().starts_with("builtin:irq: 2 partitions, 1 plan, 2 windows"), "{checked:?}");
    let unknown = run(["run", "builtin:nothing"]);
    assert_eq!((unknown.status, unknown.stderr.lines().count()), (Some(125), 1));
    assert!(
        unknown.stderr.contains("the samples are ticker, hello, echo, flight, guard, irq"),
        "{unknown:?}"
    );
}

#[test]
fn a_partition_that_stops_its_trace_leaves_the_others_alone() {
    let mut quiet = call(Call::TraceStop, 0, 0);
    quiet.extend(WORKS);
    let system = System::new(
        &[("nav", says("one\n", &quiet, 0), ""), ("display", says("shown\n", &WORKS, 0), "")],
        "",
    );
    let text = system.run(&["trace"]).text();
    assert!(text.lines().skip(4).all(|line| line.get(8..9) == Some("#")), "{}", &text[..3000]);
    let lines_of = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert!(lines_of("nav ") < 100 && lines_of("display ") > 20_000, "{}", &text[..3000]);
}

#[test]
fn a_partition_that_starts_itself_again_in_a_loop_comes_to_its_limit() {
    let restarts = call(Call::PartitionSetMode, 1, 0);
    let system = System::new(&[("nav", says("x\n", &restarts, 0), ""), ("display", exits_with(0), "")], "");
    let finished = system.run(&["run", "--max-instructions", "1000000"]);
    assert_eq!((finished.status, finished.stderr.lines().count()), (Some(124), 1), "{}", finished.stderr);
    // Eight instructions, and a unit for each of its 272 pages.
    assert!(finished.stderr.ends_with("; `nav` was started again 3_572 times\n"), "{}", finished.stderr);
    let guest = TemporaryFile::new("guest.elf", &ElfFile::guest(&restarts).bytes());
    let options = ["run", "--memory", "1088KiB", "--max-time", "1ms"].map(OsStr::new);
    let alone = run(options.into_iter().chain([guest.as_ref()]));
    assert_eq!(alone.status, Some(124));
    assert!(alone.stderr.ends_with("; the guest was started again 363 times\n"), "{}", alone.stderr);
}

#[test]
fn crashes_after_the_eighth_are_announced_and_have_one_line_each() {
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    let crashing = |count: usize| {
        let partitions: Vec<_> =
            names[..count].iter().map(|name| (name.as_str(), says("", &DIVIDES_BY_ZERO, 0), "")).collect();
        System::new(&partitions, "").run(&["run", "-q"]).stderr
    };
    let stderr = crashing(10);
    let announced =
        "paravane: 10 partitions crashed: the first 8 have a report each, the other 2 one line each; ";
    assert_eq!(stderr.lines().filter(|line| line.starts_with(announced)).count(), 1, "{stderr}");
    assert_eq!(stderr.matches("virtual time").count(), 8, "{stderr}");
    assert!(stderr.contains("paravane: `p9` crashed: divide error (#DE)"), "{stderr}");
    assert!(!crashing(8).contains("one line each"));
}

/// mov ecx, 2; cli; loop; lgdt [data]; mov dword [data], 0; sgdt [data]; movzx ebx, word [data]
fn uses_tables() -> ElfFile {
    let data = CODE + 0x1000;
    let at_data = |opcode: &[u8]| [opcode, &data.to_le_bytes()].concat();
    let code = [
        vec![0xb9, 2, 0, 0, 0, 0xfa, 0xe2, 0xfd],
        at_data(&[0xc7, 0x05]),
        7_u32.to_le_bytes().to_vec(),
        at_data(&[0x0f, 0x01, 0x15]),
        at_data(&[0xc7, 0x05]),
        0_u32.to_le_bytes().to_vec(),
        at_data(&[0x0f, 0x01, 0x05]),
        at_data(&[0x0f, 0xb7, 0x1d]),
        [&[0xb8][..], &Call::Shutdown.description().number.to_le_bytes(), &[0xcd, 0x82]].concat(),
    ];
    ElfFile::guest(&code.concat())
}

#[test]
fn a_partition_settles_privileged_instructions_if_its_file_says_so() {
    let of_nav = |keys: &str| {
        System::new(&[("nav", uses_tables(), keys), ("display", exits_with(0), "")], "").run(&["run"])
    };
    let settled = of_nav("privileged = \"settle\"\numip = true");
    // What SGDT stores is what LGDT loaded.
    assert_eq!(settled.status, Some(7), "{settled:?}");
    let told: Vec<&str> = settled.stderr.lines().collect();
    assert_eq!(told.len(), 3, "{settled:?}");
    assert!(told.iter().all(|line| line.contains("nav: the privileged instruction `")), "{settled:?}");
    for (line, text) in told.iter().zip(["`cli` at 0x00101005", "`lgdt [", "`sgdt ["]) {
        assert!(line.contains(text) && line.contains("is settled in the guest's place. Instead: "), "{line}");
    }
    // Without UMIP, SGDT is not privileged and stores a fixed value.
    assert_eq!(of_nav("privileged = \"settle\"").status, Some(0));
    for keys in ["privileged = \"reflect\"\numip = true", ""] {
        let reflected = of_nav(keys);
        assert_eq!(reflected.status, Some(126), "{reflected:?}");
        assert!(reflected.stderr.contains("nav: general_protection at 0x00101005"), "{reflected:?}");
    }
}

#[test]
fn a_guest_that_faults_for_ever_does_not_fill_the_screen() {
    let health = "health = { divide_error = \"propagate\" }";
    let system = System::new(&[("nav", says("x\n", &DIVIDES_BY_ZERO, 0), health)], "");
    let finished = system.run(&["run", "--max-time", "1ms"]);
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!((finished.status, lines.len()), (Some(124), 102), "{}", finished.stderr);
    assert!(lines[99].starts_with("nav: divide_error at "), "{}", lines[99]);
    assert_eq!(lines[100], "nav: more of divide_error is not told, but counted by --stats");
}
