//! Names of Linux's system calls on i386 that programs make, with the number of their arguments.
//!
//! Not here: those whose arguments are shown in words, in `event_text.rs`.

/// Number, name, how many arguments (five at most are known); by number.
const NAMES: [(u32, &str, usize); 54] = [
    (5, "open", 3),
    (6, "close", 1),
    (13, "time", 1),
    (19, "lseek", 3),
    (24, "getuid", 0),
    (33, "access", 2),
    (37, "kill", 2),
    (45, "brk", 1),
    (47, "getgid", 0),
    (49, "geteuid", 0),
    (50, "getegid", 0),
    (54, "ioctl", 3),
    (64, "getppid", 0),
    (78, "gettimeofday", 2),
    (85, "readlink", 3),
    (90, "mmap", 1),
    (91, "munmap", 2),
    (116, "sysinfo", 1),
    (122, "uname", 1),
    (125, "mprotect", 3),
    (140, "_llseek", 5),
    (146, "writev", 3),
    (158, "sched_yield", 0),
    (163, "mremap", 5),
    (175, "rt_sigprocmask", 4),
    (191, "ugetrlimit", 2),
    (192, "mmap2", 5),
    (195, "stat64", 2),
    (196, "lstat64", 2),
    (197, "fstat64", 2),
    (199, "getuid32", 0),
    (200, "getgid32", 0),
    (201, "geteuid32", 0),
    (202, "getegid32", 0),
    (224, "gettid", 0),
    (238, "tkill", 2),
    (240, "futex", 5),
    (243, "set_thread_area", 1),
    (258, "set_tid_address", 1),
    (265, "clock_gettime", 2),
    (266, "clock_getres", 2),
    (270, "tgkill", 3),
    (295, "openat", 4),
    (300, "fstatat64", 4),
    (305, "readlinkat", 4),
    (307, "faccessat", 3),
    (311, "set_robust_list", 2),
    (340, "prlimit64", 4),
    (355, "getrandom", 3),
    (383, "statx", 5),
    (384, "arch_prctl", 2),
    (386, "rseq", 4),
    (403, "clock_gettime64", 2),
    (406, "clock_getres_time64", 2),
];

/// A call as `strace` would name it, with plain numbers.
pub fn linux_call_by_name(number: u32, arguments: [u32; 5]) -> Option<String> {
    let (_, name, count) = NAMES.iter().find(|(known, ..)| *known == number)?;
    let shown = |value: &u32| if *value < 10 { value.to_string() } else { format!("0x{value:x}") };
    let arguments: Vec<String> = arguments.iter().take(*count).map(shown).collect();
    Some(format!("{name}({})", arguments.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{NAMES, linux_call_by_name};

    #[test]
    fn a_call_is_shown_with_the_arguments_that_it_has() {
        let arguments = [0, 0x2000, 3, 0x22, u32::MAX];
        assert_eq!(linux_call_by_name(192, arguments).unwrap(), "mmap2(0, 0x2000, 3, 0x22, 0xffffffff)");
        assert_eq!(linux_call_by_name(45, arguments).unwrap(), "brk(0)");
        assert_eq!(linux_call_by_name(199, arguments).unwrap(), "getuid32()");
        assert_eq!(linux_call_by_name(9999, arguments), None);
    }

    #[test]
    fn the_names_are_in_order() {
        assert!(NAMES.is_sorted_by_key(|(number, ..)| *number));
    }
}
