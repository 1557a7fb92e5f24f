//! The exit status says who ended the run, and how.

use super::elf::{ElfFile, call, exits_with};
use super::paravane::{TemporaryFile, run, sample};
use hypervisor_core::abi::Call;

#[test]
fn a_guests_code_passes_through_up_to_122() {
    for code in [0, 1, 5, 122] {
        let file = TemporaryFile::new("exits.elf", &exits_with(code).bytes());
        let finished = run(["run".as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(code as i32), "{finished:?}");
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn any_other_code_exits_123_and_stands_in_full_on_stderr() {
    for (code, shown) in [(123, "123"), (125, "125"), (200, "200"), (256, "256"), (u32::MAX, "-1")] {
        let file = TemporaryFile::new("exits.elf", &exits_with(code).bytes());
        let finished = run(["run".as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(123), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains(&format!("code {shown} ")), "{finished:?}");
    }
}

#[test]
fn a_limit_of_instructions_is_exact() {
    // Five instructions: three moves, INT, and the next one would be the sixth.
    let mut code = vec![0x90];
    code.extend(call(Call::Shutdown, 7, 0));
    let file = TemporaryFile::new("five.elf", &ElfFile::guest(&code).bytes());
    for (limit, status) in [("0", 124), ("1", 124), ("4", 124), ("5", 7), ("6", 7)] {
        let finished = run(["run".as_ref(), "--max-instructions".as_ref(), limit.as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(status), "limit {limit}: {finished:?}");
    }
}

#[test]
fn a_guest_that_never_ends_runs_into_its_limits() {
    let file = TemporaryFile::new("loops.elf", &ElfFile::guest(&[0xeb, 0xfe]).bytes());
    for limit in [["--max-instructions", "1_000"], ["--max-time", "10us"]] {
        let finished = run(["run".as_ref(), limit[0].as_ref(), limit[1].as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(124), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains(limit[0]), "{finished:?}");
    }
}

#[test]
fn a_fault_without_a_handler_exits_126_with_a_report() {
    // mov eax, 0x1234; mov [8], eax
    let code = [0xb8, 0x34, 0x12, 0, 0, 0xa3, 8, 0, 0, 0];
    let file = TemporaryFile::new("faults.elf", &ElfFile::guest(&code).bytes());
    let finished = run(["run".as_ref(), file.as_ref()]);
    assert_eq!(finished.status, Some(126), "{finished:?}");
    for part in [
        "page fault (#PF) writing to 0x00000008",
        "0x00101005",
        "eax 00001234",
        "> #1 ",
        "mov [8], eax",
        "cr2 00000008",
        "Stack",
    ] {
        assert!(finished.stderr.contains(part), "`{part}` is missing in\n{}", finished.stderr);
    }
    assert_eq!(finished.text(), "");
}

#[test]
fn a_guest_that_nothing_can_wake_is_reported_as_deadlocked() {
    let file = TemporaryFile::new("waits.elf", &ElfFile::guest(&call(Call::Block, 0, 0)).bytes());
    let finished = run(["run".as_ref(), file.as_ref()]);
    assert_eq!(finished.status, Some(126), "{finished:?}");
    assert!(finished.stderr.contains("deadlock"), "{finished:?}");
}

#[test]
fn an_instruction_beyond_the_processor_is_invalid_and_another_processor_has_it() {
    // addps xmm0, xmm1 ; ud2
    let file = TemporaryFile::new("addps.elf", &ElfFile::guest(&[0x0f, 0x58, 0xc1, 0x0f, 0x0b]).bytes());
    for (cpu, place) in [("i686", "0x00101000"), ("pentium4", "0x00101003")] {
        let finished = run(["run".as_ref(), "--cpu".as_ref(), cpu.as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(126), "{finished:?}");
        assert!(finished.stderr.contains("#UD") && finished.stderr.contains(place), "{cpu}: {finished:?}");
    }
}

#[test]
fn a_crash_says_what_takes_the_place_of_the_instruction() {
    for (code, advice) in [
        (
            &[0xfa][..],
            "`cli` is privileged: store 1 to `mask`, or `interrupts_set_level`. `privileged = \"settle\"`",
        ),
        (&[0x0f, 0x22, 0xd8], "`mov cr3, eax` is privileged: `register_set`"),
        (&[0xe4, 0x60], "`in al, 0x60` uses a port that the partition was not granted: `console_write`"),
        (
            &[0xcd, 0x20],
            "int 0x20 reaches no handler (error code 0x102 is 8 x 0x20 + 2): set a handler with `PV_TRAP_USER`",
        ),
        // push; jmp to itself
        (&[0x50, 0xeb, 0xfd], "below the boot stack, which is used up: 32768 bytes from 0xf0010000 on"),
    ] {
        let file = TemporaryFile::new("advised.elf", &ElfFile::guest(code).bytes());
        let finished = run(["run".as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(126), "{finished:?}");
        assert!(finished.stderr.contains(advice), "`{advice}` is missing in {}", finished.stderr);
    }
}

#[test]
fn a_crash_without_advice_gives_none() {
    // mov ds, ax; ud2
    for code in [&[0x8e, 0xd8][..], &[0x0f, 0x0b]] {
        let file = TemporaryFile::new("unadvised.elf", &ElfFile::guest(code).bytes());
        let finished = run(["run".as_ref(), file.as_ref()]);
        assert_eq!(finished.status, Some(126), "{finished:?}");
        assert!(!finished.stderr.contains("privileged"), "{finished:?}");
    }
}

#[test]
fn threads_share_a_floating_point_unit_saved_by_fnsave_or_fxsave() {
    for (cpu, instruction) in [("i686", "FNSAVE"), ("pentium4", "FXSAVE"), ("prescott", "FXSAVE")] {
        let guest = sample("lazy_fpu");
        let finished = run(["run".as_ref(), "--cpu".as_ref(), cpu.as_ref(), guest.as_os_str()]);
        assert_eq!(finished.status, Some(0), "{finished:?}");
        assert!(finished.text().contains(instruction), "{finished:?}");
    }
}

#[test]
fn without_a_file_the_system_flight_runs_to_its_end() {
    let finished = run(["run"]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    assert!(finished.text().ends_with("display | No attitude any more: the display ends.\n"), "{finished:?}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-images/systems/flight.toml");
    for file in ["builtin:flight", path] {
        assert_eq!(run(["run", file]).stdout, finished.stdout, "{file}");
    }
}
