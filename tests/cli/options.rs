//! What the options of a run do to the guest.

use super::elf::{ElfFile, call};
use super::paravane::{TemporaryFile, run, sample};
use hypervisor_core::abi::{Call, start_info};

#[test]
fn the_words_of_arg_are_the_guests_command_line() {
    let mut code = vec![0x8b, 0x4b, start_info::COMMAND_LINE_LENGTH as u8]; // mov ecx, [ebx+...]
    code.extend([0x8b, 0x5b, start_info::COMMAND_LINE as u8]); // mov ebx, [ebx+...]
    code.push(0xb8); // mov eax, console_write
    code.extend(Call::ConsoleWrite.description().number.to_le_bytes());
    code.extend([0xcd, 0x82]); // int 82h
    code.extend(call(Call::Shutdown, 0, 0));
    let file = TemporaryFile::new("says.elf", &ElfFile::guest(&code).bytes());
    let words = ["--arg", "period", "--arg", "-5", "--arg=two words"].map(str::as_ref);
    let finished = run([&["run".as_ref(), file.as_ref()], words.as_slice()].concat());
    assert_eq!((finished.status, finished.text().as_str()), (Some(0), "period -5 two words"));
    assert_eq!(run(["run".as_ref(), file.as_ref()]).text(), "");

    let long = "x".repeat(5000);
    let finished = run(["run".as_ref(), file.as_ref(), "--arg".as_ref(), long.as_ref()]);
    assert_eq!(finished.status, Some(125), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

#[test]
fn the_guest_has_the_memory_that_was_asked_for() {
    let hello = sample("hello");
    for (size, shown) in [("2MiB", "2 MiB"), ("64M", "64 MiB"), ("16777216", "16 MiB")] {
        let finished = run(["run".as_ref(), "--memory".as_ref(), size.as_ref(), hello.as_os_str()]);
        assert!(finished.text().contains(&format!("has {shown} of memory")), "{size}: {finished:?}");
    }
    let finished = run(["run".as_ref(), "--memory".as_ref(), "64KiB".as_ref(), sample("ticker").as_os_str()]);
    assert_eq!(finished.status, Some(0), "{finished:?}");
}

/// A Linux program: write(1, argv[1], 3), then system call 5, then exit(its result).
fn linux_program() -> TemporaryFile {
    let code = [
        0x8b, 0x4c, 0x24, 0x08, // mov ecx, [esp+8]
        0xbb, 1, 0, 0, 0, // mov ebx, 1
        0xba, 3, 0, 0, 0, // mov edx, 3
        0xb8, 4, 0, 0, 0, // mov eax, 4
        0xcd, 0x80, // int 80h
        0xb8, 5, 0, 0, 0, // mov eax, 5
        0xcd, 0x80, // int 80h
        0x89, 0xc3, // mov ebx, eax
        0xb8, 1, 0, 0, 0, // mov eax, 1
        0xcd, 0x80, // int 80h
    ];
    TemporaryFile::new("linux.elf", &ElfFile { note: None, ..ElfFile::guest(&code) }.bytes())
}

#[test]
fn under_abi_linux_words_are_arguments_and_other_system_calls_fail_with_a_warning() {
    let file = linux_program();
    let arguments = ["run", "--abi", "linux", "--arg", "abc"].map(str::as_ref);
    let finished = run([arguments.as_slice(), &[file.as_ref()]].concat());
    assert_eq!(finished.text(), "abc");
    // -ENOSYS is -38; its low byte is what a Linux parent sees.
    assert_eq!(finished.status, Some(123), "{finished:?}");
    let lines: Vec<_> = finished.stderr.lines().collect();
    assert!(lines[0].starts_with("warning: ") && lines[0].contains('5'), "{finished:?}");
    assert!(lines.len() == 2, "{finished:?}");

    let quiet = run([arguments.as_slice(), &["-q".as_ref(), file.as_ref()]].concat());
    assert!(!quiet.stderr.contains("warning"), "{quiet:?}");
}

#[test]
fn verbosity_changes_stderr_and_nothing_else() {
    let hello = sample("hello");
    let plain = run(["run".as_ref(), hello.as_os_str()]);
    let verbose = run(["run".as_ref(), "-v".as_ref(), hello.as_os_str()]);
    assert_eq!((plain.status, &plain.stdout), (verbose.status, &verbose.stdout));
    assert_eq!(plain.stderr, "");
    assert!(verbose.stderr.lines().all(|line| line.starts_with("info: ")), "{}", verbose.stderr);
    assert!(verbose.stderr.contains("instructions"), "{}", verbose.stderr);
}

#[test]
fn info_shows_what_a_file_asks_for() {
    let hello = sample("hello");
    let finished = run(["info".as_ref(), hello.as_os_str()]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    for part in [
        "entry    0x00100000 _start",
        "memory ",
        "Paravane 1.2",
        "all known",
        "r-x",
        "rw-",
        "hash ",
        "build id none",
    ] {
        assert!(finished.text().contains(part), "`{part}` is missing in\n{}", finished.text());
    }
    let symbols = run(["info".as_ref(), "--symbols".as_ref(), hello.as_os_str()]).text();
    assert!(symbols.lines().any(|line| line.ends_with("function  main")), "{symbols}");
}

#[test]
fn a_second_v_tells_more() {
    let echo = sample("echo");
    let told = ["-v", "-vv"].map(|option| run([option.as_ref(), "run".as_ref(), echo.as_os_str()]).stderr);
    assert!(told[0].starts_with("info: ") && !told[0].contains("debug: "), "{}", told[0]);
    for says in ["debug: segment 0x00100000", "debug: the guest asks for input"] {
        assert!(told[1].contains(says), "`{says}` is missing: {}", told[1]);
    }
}
