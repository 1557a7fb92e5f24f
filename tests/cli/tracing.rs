//! A trace is the same text every time, ends as the run does, and says what happened.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{TemporaryFile, run, sample};
use hypervisor_core::abi::Call;

/// mov eax, 5; add [data], eax; then console_write of two bytes of code, then shutdown(9).
fn works_a_little() -> TemporaryFile {
    let data = CODE + 0x1000;
    let mut code = vec![0xb8, 5, 0, 0, 0, 0x01, 0x05];
    code.extend(data.to_le_bytes());
    code.extend(call(Call::ConsoleWrite, CODE, 2));
    code.extend(call(Call::Shutdown, 9, 0));
    TemporaryFile::new("works.elf", &ElfFile::guest(&code).bytes())
}

#[test]
fn a_trace_shows_each_instruction_with_what_it_changed() {
    let file = works_a_little();
    let finished = run(["trace".as_ref(), file.as_ref()]);
    assert_eq!(finished.status, Some(9), "{}", finished.stderr);
    let text = finished.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "paravane-trace text 1");
    assert!(lines[1].starts_with("image "), "{text}");
    for (line, parts) in [
        (2, vec!["#0 ", " 0.000000000 ", "00101000 ", "b805000000 ", "mov eax, 5 ", " eax=00000005"]),
        (3, vec!["#1 ", " 0.000000010 ", "[00102000]->00000000", "[00102000]<-00000005", " PF=1"]),
        (8, vec!["#5 ", "== call", "console_write(bytes=2 at 0x00101000) = 2  from 0x0010101a"]),
        (9, vec!["#5 ", "== console \"\\xb8\\x05\""]),
    ] {
        for part in parts {
            assert!(lines[line].contains(part), "`{part}` is missing in line {line}:\n{text}");
        }
    }
    assert!(lines[lines.len() - 2].contains("== call    shutdown(code=9)"), "{text}");
    assert!(lines[lines.len() - 1].contains("== end     shutdown with code 9"), "{text}");
}

#[test]
fn with_an_output_file_the_console_goes_to_stdout() {
    let file = works_a_little();
    let trace = TemporaryFile::new("trace.txt", b"");
    let to_file = run(["trace".as_ref(), "-o".as_ref(), trace.as_ref(), file.as_ref()]);
    assert_eq!((to_file.status, to_file.stdout.as_slice()), (Some(9), [0xb8, 5].as_slice()));
    let to_stdout = run(["trace".as_ref(), file.as_ref()]);
    assert!(trace.contents() == to_stdout.stdout, "the two traces differ");
}

#[test]
fn two_traces_of_a_guest_are_the_same_bytes() {
    let names =
        ["hello", "ticker", "divide_by_zero", "page_fault", "masked_event", "echo", "switch_in_upcall"];
    for name in names.into_iter().chain(["self_modify"]) {
        let guest = sample(name);
        let arguments = ["trace".as_ref(), guest.as_os_str()];
        let (first, second) = (run(arguments), run(arguments));
        assert_eq!((first.status, second.status), (Some(0), Some(0)), "{name}");
        assert!(first.stdout.len() > 1000, "{name}: the trace is almost empty");
        assert!(first.stdout == second.stdout, "{name}: the traces differ");
    }
}

#[test]
fn both_dispatchers_give_the_same_trace() {
    let guest = sample("ticker");
    let traces = ["loop", "tail"].map(|dispatch| {
        run(["trace".as_ref(), "--dispatch".as_ref(), dispatch.as_ref(), guest.as_os_str()]).stdout
    });
    assert!(!traces[0].is_empty() && traces[0] == traces[1], "the traces differ");
}

#[test]
fn a_trace_takes_the_limits_of_a_run_and_stops_at_the_same_instruction() {
    let file = works_a_little();
    let arguments = ["trace".as_ref(), "--max-instructions".as_ref(), "2".as_ref(), file.as_ref()];
    let finished = run(arguments);
    assert_eq!(finished.status, Some(124), "{}", finished.stderr);
    assert!(finished.text().ends_with("== end     limit of instructions\n"), "{}", finished.text());
    assert_eq!(finished.text().lines().count(), 5, "{}", finished.text());
}
