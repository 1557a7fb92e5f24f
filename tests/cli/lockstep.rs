//! The emulator and the host's own processor in step. Where the host cannot do it, only that it says so is tested.

use super::elf::{CODE, ElfFile};
use super::paravane::{Finished, TemporaryFile, run, sample};
use std::ffi::OsStr;

/// The status of a host that cannot be compared with.
const UNAVAILABLE: i32 = 77;

/// A Linux program that runs `code` and ends with code 0. Its writable page is the one after [`CODE`]'s.
fn program(code: &[u8]) -> ElfFile {
    let mut code = code.to_vec();
    // mov eax, 1; xor ebx, ebx; int 0x80
    code.extend([0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80]);
    let mut file = ElfFile::guest(&code);
    file.note = None;
    file
}

/// Runs a program in step, or tells that this host cannot.
fn lockstep(file: &ElfFile, options: &[&str]) -> Option<Finished> {
    let file = TemporaryFile::new("lockstep.elf", &file.bytes());
    let mut arguments = vec![OsStr::new("lockstep")];
    arguments.extend(options.iter().map(OsStr::new));
    arguments.push(file.as_ref());
    let finished = run(arguments);
    if finished.status == Some(UNAVAILABLE) {
        assert!(finished.stderr.contains("cannot run on this host"), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        return None;
    }
    Some(finished)
}

#[test]
fn integer_string_x87_and_flag_instructions_are_in_step_to_the_end() {
    let [low, high, ..] = (CODE + 0x1000).to_le_bytes();
    let page = [low, high, 0x10, 0];
    let mut code = vec![0xbf]; // mov edi, page
    code.extend(page);
    code.extend([0xb9, 0x05, 0, 0, 0, 0xf3, 0xab]); // mov ecx, 5; rep stosd
    code.extend([0xf3, 0xab]); // rep stosd without an iteration
    code.extend([0x9c, 0x58]); // pushf; pop eax
    code.extend([0x0d, 0, 0, 0x04, 0, 0x50, 0x9d, 0x9c, 0x5a]); // or eax, AC; push eax; popf; pushf; pop edx
    code.extend([0x25, 0xff, 0xff, 0xfb, 0xff, 0x50, 0x9d]); // and eax, ~AC; push eax; popf
    code.extend([0x0f, 0xbc, 0xd9, 0xf7, 0xe2, 0xc1, 0xe0, 0x09]); // bsf ebx, ecx of 0; mul edx; shl eax, 9
    code.extend([0x16, 0x17, 0x40]); // push ss; pop ss; inc eax
    code.extend([0xd9, 0xee, 0xd9, 0xeb, 0xde, 0xc1, 0xd9, 0xfe]); // fldz; fldpi; faddp; fsin
    code.extend([0xd9, 0xe8, 0xd9, 0xeb, 0xde, 0xf9, 0xdb, 0x3f]); // fld1; fldpi; fdivp; fstp tword [edi]
    code.extend([0xd9, 0x77, 0x20, 0xdb, 0xe3]); // fnstenv [edi + 32]; fninit
    code.extend([0x0f, 0xa2, 0x0f, 0x31]); // cpuid; rdtsc
    code.extend([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0x01, 0xc3]); // getpid; add ebx, eax
    let Some(finished) = lockstep(&program(&code), &[]) else { return };
    assert_eq!(finished.status, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("paravane: equal for "), "{finished:?}");
}

#[test]
fn what_system_calls_change_is_in_step() {
    let call = |number: u8| [0xb8, number, 0, 0, 0, 0xcd, 0x80];
    let ebx_ebp = [0x89, 0xeb];
    let mut code = vec![0x31, 0xdb, 0xb9, 0, 0x20, 0, 0, 0xba, 3, 0, 0, 0, 0xbe, 0x22, 0, 0, 0]; // 2000h bytes, anonymous
    code.extend([0xbf, 0xff, 0xff, 0xff, 0xff, 0x31, 0xed]); // edi = -1; ebp = 0
    code.extend(call(192)); // mmap2
    code.extend([0x89, 0xc5, 0xc7, 0x45, 4, 42, 0, 0, 0]); // mov ebp, eax; mov dword [ebp + 4], 42
    code.extend([0x6a, 0x51, 0x68, 0xff, 0xff, 0x0f, 0, 0x55, 0x6a, 0xff, 0x89, 0xe3]); // a user_desc; mov ebx, esp
    code.extend(call(243)); // set_thread_area
    code.extend([0x5b, 0x8d, 0x04, 0xdd, 3, 0, 0, 0, 0x8e, 0xe8]); // pop ebx; lea eax, [8 * ebx + 3]; mov gs, eax
    code.extend([0x65, 0x8b, 0x15, 4, 0, 0, 0, 0x8c, 0xe9]); // mov edx, gs:[4]; mov ecx, gs
    code.extend([0x0f, 0xa2]); // cpuid: the effects of the last call are not to come again
    code.extend(ebx_ebp);
    code.extend(call(122)); // uname
    code.extend([0x8b, 0x4d, 0]); // mov ecx, [ebp]
    code.extend(ebx_ebp);
    code.extend([0xb9, 0, 0x20, 0, 0, 0xba, 0, 0x30, 0, 0, 0xbe, 1, 0, 0, 0]); // from 2000h to 3000h, may move
    code.extend(call(163)); // mremap
    code.extend([0x89, 0xc5, 0x8b, 0x4d, 0, 0x89, 0xeb]); // mov ebp, eax; mov ecx, [ebp]; mov ebx, ebp
    code.extend([0xb9, 0, 0x10, 0, 0, 0xba, 1, 0, 0, 0]); // 1000h bytes, to read
    code.extend(call(125)); // mprotect
    code.extend([0x8b, 0x55, 0]); // mov edx, [ebp]
    code.extend(call(91)); // munmap
    code.extend([0x8b, 0x8d, 0, 0x10, 0, 0, 0x89, 0x8d, 0, 0x20, 0, 0]); // mov ecx, [ebp + 1000h]; mov [ebp + 2000h], ecx
    let file = program(&code);
    let Some(finished) = lockstep(&file, &[]) else { return };
    assert_eq!(finished.status, Some(0), "{finished:?}");
    // A page that went is gone on both sides.
    code.extend([0x8b, 0x4d, 0]); // mov ecx, [ebp]
    let Some(finished) = lockstep(&program(&code), &[]) else { return };
    assert!(finished.stderr.contains("both raised #PF"), "{finished:?}");
}

#[test]
fn the_console_is_printed_once() {
    // call over the text; pop ecx; write(1, ecx, 3)
    let code = [
        0xe8, 3, 0, 0, 0, b'h', b'i', b'\n', 0x59, 0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xba, 3, 0, 0, 0,
        0xcd, 0x80,
    ];
    let Some(finished) = lockstep(&program(&code), &[]) else { return };
    assert_eq!(finished.status, Some(0), "{finished:?}");
    assert_eq!(finished.text(), "hi\n");
}

#[test]
fn a_fault_that_both_raise_is_no_difference() {
    for (code, name) in [
        (&[0xa1, 8, 0, 0, 0][..], "#PF"),
        (&[0x31, 0xc9, 0xf7, 0xf1], "#DE"),
        (&[0x0f, 0x0b], "#UD"),
        (&[0xf4], "#GP"),
        (&[0xcc], "#BP"),
        (&[0xb0, 0x7f, 0x04, 1, 0xce], "#OF"),
        (&[0xf1], "#DB"),
    ] {
        let Some(finished) = lockstep(&program(code), &[]) else { return };
        assert_eq!(finished.status, Some(0), "{name}: {finished:?}");
        assert!(finished.stderr.contains(&format!("both raised {name}")), "{finished:?}");
    }
}

#[test]
fn the_host_is_not_asked_for_what_its_kernel_takes_for_a_system_call() {
    // syscall; sysenter
    for code in [&[0x0f, 0x05][..], &[0x0f, 0x34]] {
        let Some(finished) = lockstep(&program(code), &[]) else { return };
        assert_eq!(finished.status, Some(0), "{finished:?}");
        assert!(finished.stderr.contains("(the emulator raised #"), "{finished:?}");
    }
}

#[test]
fn the_first_difference_ends_the_run_and_both_states_are_shown() {
    // nop; inc eax; lea ecx, [eax + 1]; nop
    let file = program(&[0x90, 0x40, 0x8d, 0x48, 1, 0x90]);
    let Some(finished) = lockstep(&file, &["--disturb", "3"]) else { return };
    assert_eq!(finished.status, Some(1), "{finished:?}");
    let marked: Vec<_> = finished.stderr.lines().filter(|line| line.ends_with('<')).collect();
    let [eax, ecx] = marked[..] else { panic!("{}", finished.stderr) };
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(eax), ["eax", "00000001", "00000000", "<"]);
    assert_eq!(words(ecx), ["ecx", "00000002", "00000001", "<"]);
    let last = finished.stderr.lines().find(|line| line.starts_with("> #2 ")).unwrap_or_default();
    assert!(last.ends_with("lea ecx, [eax+1]"), "{}", finished.stderr);
}

#[test]
fn a_limit_ends_with_its_own_status() {
    let Some(finished) = lockstep(&program(&[0xeb, 0xfe]), &["--max-instructions", "10"]) else { return };
    assert_eq!(finished.status, Some(124), "{finished:?}");
    assert!(finished.stderr.contains("equal for 10 instructions"), "{finished:?}");
}

#[test]
fn arguments_follow_two_dashes() {
    // cmp dword [esp], 3; je +1; hlt
    let file = TemporaryFile::new("arguments.elf", &program(&[0x83, 0x3c, 0x24, 3, 0x74, 1, 0xf4]).bytes());
    let finished = run(["lockstep".as_ref(), file.as_ref(), "--".as_ref(), "one".as_ref(), "--two".as_ref()]);
    if finished.status != Some(UNAVAILABLE) {
        assert_eq!(finished.status, Some(0), "{finished:?}");
        assert!(finished.stderr.contains("ended with code 0"), "{finished:?}");
    }
}

#[test]
fn a_guest_of_ours_is_refused() {
    let finished = run(["lockstep".as_ref(), sample("ticker").as_os_str()]);
    assert_eq!(finished.status, Some(125), "{finished:?}");
}
