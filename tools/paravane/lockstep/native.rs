//! The program on the host's own processor: a child process that runs one instruction at a time, by ptrace.
//!
//! The child is a copy of this process which maps the program's pages below 4 GiB and stops; its registers are then
//! set so that it goes on in 32-bit code. From there on it may only change its memory, and only at the gate: an
//! instruction of ours, to which the parent sends it. Not here: what its state should be.

#![allow(unsafe_code)] // fork, ptrace and their companions: see docs/decisions/0006-lockstep.md.

use super::Region;
use super::state::State;
use emulator::{Rights, cpu};
use std::arch::{asm, naked_asm};
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::fs::{File, OpenOptions};
use std::mem::{MaybeUninit, size_of};
use std::os::unix::fs::FileExt;
use std::{io, ptr};

/// Why the child is not there.
#[derive(Debug)]
pub enum Refused {
    /// This host does not let one process run another step by step.
    Host(String),
    /// The program cannot be laid out in the child.
    Program(String),
}

/// Why the child stands still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// It ran one instruction, or one iteration of a REP.
    Step,
    /// The instruction raised an exception, which Linux makes this signal.
    Signal(c_int),
}

/// How the child says what it could not do.
const EXIT_TRACE: c_int = 1;
const EXIT_MAP: c_int = 2;
const EXIT_CONFINE: c_int = 3;

/// PTRACE_SET_THREAD_AREA (Linux arch/x86/include/uapi/asm/ptrace-abi.h).
const SET_THREAD_AREA: c_uint = 26;
/// Code segment of 64-bit programs, and the flags that it starts a system call with.
const LONG_CODE: u64 = 0x33;
const PLAIN_FLAGS: u64 = 0x202;
/// AUDIT_ARCH_X86_64 (Linux include/uapi/linux/audit.h).
const ARCHITECTURE: u32 = 0xc000_003e;
/// The length of SYSCALL: a filter sees the address behind it.
const SYSCALL_BYTES: u64 = 2;

/// A child process, stopped.
#[derive(Debug)]
pub struct Native {
    pid: libc::pid_t,
    memory: File,
    /// What its x87 and SSE registers were when they were last read or set.
    floating: libc::user_fpregs_struct,
}

/// Which registers are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All.
    All,
    /// The x87 and SSE registers are those that were read or set before: nothing that ran since can change them.
    Integer,
}

impl Native {
    /// A child with these regions, filled by `fill`, that stops with the registers of `state`.
    ///
    /// # Errors
    /// The host does not allow it, or has no place for the program.
    pub fn start(
        regions: &[Region],
        state: &State,
        mut fill: impl FnMut(&Region) -> Vec<u8>,
    ) -> Result<Self, Refused> {
        stay_on_one_processor();
        // SAFETY: the child calls only what is allowed after a fork, and allocates nothing.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => return Err(Refused::Host(format!("cannot fork: {}", io::Error::last_os_error()))),
            0 => become_program(regions),
            _ => {}
        }
        let status =
            wait(pid).map_err(|error| Refused::Host(format!("cannot wait for the child: {error}")))?;
        if !libc::WIFSTOPPED(status) {
            return Err(refusal(status));
        }
        let opened = OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"));
        let memory = opened.map_err(|error| {
            end(pid);
            Refused::Host(format!("cannot open the child's memory: {error}"))
        })?;
        // SAFETY: the structure consists of integers.
        let floating = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut native = Self { pid, memory, floating };
        let refused = |error: io::Error| Refused::Host(format!("cannot set the child's state: {error}"));
        for region in regions {
            native.write(region.address, &fill(region)).map_err(refused)?;
        }
        native.set_state(state).map_err(refused)?;
        Ok(native)
    }

    /// Runs one instruction, or one iteration of a REP.
    ///
    /// # Errors
    /// The child is gone.
    pub fn step(&mut self) -> io::Result<Stop> {
        self.ask(libc::PTRACE_SINGLESTEP, ptr::null_mut())?;
        let status = wait(self.pid)?;
        if !libc::WIFSTOPPED(status) {
            return Err(io::Error::other(format!("its child {}", ending(status))));
        }
        Ok(match libc::WSTOPSIG(status) {
            libc::SIGTRAP => Stop::Step,
            signal => Stop::Signal(signal),
        })
    }

    /// What it has in its registers.
    ///
    /// # Errors
    /// The child is gone.
    pub fn state(&mut self, scope: Scope) -> io::Result<State> {
        let general = self.general()?;
        if scope == Scope::All {
            self.floating = self.read_floating()?;
        }
        let floating = &self.floating;
        let selectors = [general.es, general.cs, general.ss, general.ds, general.fs, general.gs];
        Ok(State {
            registers: [
                general.rax,
                general.rcx,
                general.rdx,
                general.rbx,
                general.rsp,
                general.rbp,
                general.rsi,
                general.rdi,
            ]
            .map(|value| value as u32),
            eip: general.rip as u32,
            eflags: general.eflags as u32,
            bases: [general.fs_base as u32, general.gs_base as u32],
            selectors: selectors.map(|selector| selector as u16),
            control: floating.cwd,
            status: floating.swd,
            tags: floating.ftw as u8,
            stack: std::array::from_fn(|i| wide(&floating.st_space[4 * i..]) & ((1 << 80) - 1)),
            mxcsr: floating.mxcsr,
            xmm: std::array::from_fn(|i| wide(&floating.xmm_space[4 * i..])),
        })
    }

    /// Gives it these registers.
    ///
    /// # Errors
    /// The child is gone, or a selector is none of ring 3.
    pub fn set_state(&mut self, state: &State) -> io::Result<()> {
        let mut general = self.general()?;
        let value = |number: usize| u64::from(state.registers[number]);
        (general.rax, general.rcx, general.rdx) = (value(cpu::EAX), value(cpu::ECX), value(cpu::EDX));
        (general.rbx, general.rsp, general.rbp) = (value(cpu::EBX), value(cpu::ESP), value(cpu::EBP));
        (general.rsi, general.rdi) = (value(cpu::ESI), value(cpu::EDI));
        let selectors = state.selectors.map(u64::from);
        [general.es, general.cs, general.ss, general.ds, general.fs, general.gs] = selectors;
        [general.fs_base, general.gs_base] = state.bases.map(u64::from);
        general.rip = u64::from(state.eip);
        general.eflags = u64::from(state.eflags);
        // It is in no system call that the kernel would have to start again.
        general.orig_rax = u64::MAX;
        let mut floating = self.read_floating()?;
        floating.cwd = state.control;
        floating.swd = state.status;
        floating.ftw = u16::from(state.tags);
        floating.mxcsr = state.mxcsr;
        for (words, value) in floating.st_space.chunks_exact_mut(4).zip(state.stack) {
            words.copy_from_slice(&narrow(value));
        }
        for (words, value) in floating.xmm_space.chunks_exact_mut(4).zip(state.xmm) {
            words.copy_from_slice(&narrow(value));
        }
        self.ask(libc::PTRACE_SETREGS, ptr::from_mut(&mut general).cast())?;
        self.ask(libc::PTRACE_SETFPREGS, ptr::from_mut(&mut floating).cast())?;
        self.floating = floating;
        Ok(())
    }

    /// Reads its memory.
    ///
    /// # Errors
    /// Some of it is not mapped.
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> io::Result<()> {
        self.memory.read_exact_at(bytes, u64::from(address))
    }

    /// Writes its memory, whatever the rights of the pages.
    ///
    /// # Errors
    /// Some of it is not mapped.
    pub fn write(&self, address: u32, bytes: &[u8]) -> io::Result<()> {
        self.memory.write_all_at(bytes, u64::from(address))
    }

    /// Gives it zeroed pages where it has none.
    ///
    /// # Errors
    /// The host has no place for them.
    pub fn map(&mut self, region: &Region) -> io::Result<()> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let numbers = [protection(region.rights), flags, -1, 0].map(i64::from).map(i64::cast_unsigned);
        let [protection, flags, no_file, offset] = numbers;
        let (address, length) = (u64::from(region.address), u64::from(region.length_bytes));
        self.call(libc::SYS_mmap, [address, length, protection, flags, no_file, offset])
    }

    /// Takes pages away.
    ///
    /// # Errors
    /// The child is gone.
    pub fn unmap(&mut self, address: u32, length_bytes: u32) -> io::Result<()> {
        self.call(libc::SYS_munmap, [address.into(), length_bytes.into(), 0, 0, 0, 0])
    }

    /// Gives its pages other rights.
    ///
    /// # Errors
    /// It does not have all of them.
    pub fn protect(&mut self, region: &Region) -> io::Result<()> {
        let rights = i64::from(protection(region.rights)).cast_unsigned();
        self.call(libc::SYS_mprotect, [region.address.into(), region.length_bytes.into(), rights, 0, 0, 0])
    }

    /// Sets a segment for thread-local storage, a `user_desc`.
    ///
    /// # Errors
    /// The host does not accept it.
    pub fn set_thread_area(&mut self, entry: u32, mut words: [u32; 4]) -> io::Result<()> {
        // SAFETY: the request takes the number of the entry and reads the four words.
        let answer = unsafe {
            let entry = ptr::without_provenance_mut::<c_void>(entry as usize);
            libc::ptrace(SET_THREAD_AREA, self.pid, entry, words.as_mut_ptr().cast::<c_void>())
        };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Sends it through the gate. Its registers are lost.
    fn call(&mut self, number: c_long, arguments: [u64; 6]) -> io::Result<()> {
        let mut general = self.general()?;
        general.rax = number.cast_unsigned();
        [general.rdi, general.rsi, general.rdx, general.r10, general.r8, general.r9] = arguments;
        (general.cs, general.rip, general.eflags) = (LONG_CODE, gate_address(), PLAIN_FLAGS);
        general.orig_rax = u64::MAX;
        self.ask(libc::PTRACE_SETREGS, ptr::from_mut(&mut general).cast())?;
        self.ask(libc::PTRACE_CONT, ptr::null_mut())?;
        let status = wait(self.pid)?;
        if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGTRAP {
            return Err(io::Error::other("the child did not come back from changing its memory"));
        }
        let answer = self.general()?.rax.cast_signed();
        // Errors are the last 4095 numbers.
        match i32::try_from(answer) {
            Ok(number @ -4095..=-1) => Err(io::Error::from_raw_os_error(-number)),
            _ => Ok(()),
        }
    }

    fn general(&self) -> io::Result<libc::user_regs_struct> {
        let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
        self.ask(libc::PTRACE_GETREGS, registers.as_mut_ptr().cast())?;
        // SAFETY: the structure consists of integers, and was zero before the kernel filled it.
        Ok(unsafe { registers.assume_init() })
    }

    fn read_floating(&self) -> io::Result<libc::user_fpregs_struct> {
        let mut registers = MaybeUninit::<libc::user_fpregs_struct>::zeroed();
        self.ask(libc::PTRACE_GETFPREGS, registers.as_mut_ptr().cast())?;
        // SAFETY: the structure consists of integers, and was zero before the kernel filled it.
        Ok(unsafe { registers.assume_init() })
    }

    /// A ptrace request whose fourth argument is `data`: null, or as large as the request asks for.
    fn ask(&self, request: c_uint, data: *mut c_void) -> io::Result<()> {
        // SAFETY: `data` points to the structure of the request, which the kernel reads or fills; the private callers see to that.
        let answer = unsafe { libc::ptrace(request, self.pid, ptr::null_mut::<c_void>(), data) };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        end(self.pid);
    }
}

fn end(pid: libc::pid_t) {
    // SAFETY: both name a child of ours that was not waited for to its end; if it is gone, nothing happens.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, ptr::null_mut(), libc::__WALL);
    }
}

fn wait(pid: libc::pid_t) -> io::Result<c_int> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        if unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } == pid {
            return Ok(status);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// How a child ended that should have gone on.
fn ending(status: c_int) -> String {
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        format!("was killed by signal {signal}: from outside, or because it made a system call")
    } else {
        format!("ended by itself with code {}", libc::WEXITSTATUS(status))
    }
}

/// Why a child ended that should have stopped.
fn refusal(status: c_int) -> Refused {
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 0 };
    match code {
        EXIT_TRACE => Refused::Host("ptrace is not allowed".to_owned()),
        EXIT_CONFINE => Refused::Host("seccomp is not there to confine the child".to_owned()),
        EXIT_MAP => Refused::Program(
            "the host has no place for its pages: they are below vm.mmap_min_addr, or memory is short"
                .to_owned(),
        ),
        _ => Refused::Host("the child was killed before it could start".to_owned()),
    }
}

/// The child's side: it maps the program and stops. The one that traces it takes over from there.
fn become_program(regions: &[Region]) -> ! {
    // SAFETY: plain system calls. The new mappings replace none: the kernel refuses that.
    unsafe {
        // Nothing that the terminal sends may stop it, and it does not outlive its parent.
        libc::setpgid(0, 0);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_long, 0, 0, 0);
        if libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<c_void>(), ptr::null_mut::<c_void>()) == -1 {
            libc::_exit(EXIT_TRACE);
        }
        for region in regions {
            let address = ptr::without_provenance_mut(region.address as usize);
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
            let length = region.length_bytes as usize;
            if libc::mmap(address, length, protection(region.rights), flags, -1, 0) != address {
                libc::_exit(EXIT_MAP);
            }
        }
        // Only its memory can be changed, only by the gate, and the steps never get to an INT.
        if !confine() {
            libc::_exit(EXIT_CONFINE);
        }
        asm!("int3");
        libc::_exit(EXIT_TRACE)
    }
}

/// Where the child makes the only system calls that it may make.
#[unsafe(naked)]
extern "C" fn gate() {
    // SAFETY: the parent sets all registers before the child gets here, and stops it behind.
    naked_asm!("syscall", "int3")
}

fn gate_address() -> u64 {
    gate as extern "C" fn() as usize as u64
}

/// Gives up all system calls of the calling thread but three, at the gate.
fn confine() -> bool {
    let filter =
        |code: u32, yes: u8, no: u8, k: u32| libc::sock_filter { code: code as u16, jt: yes, jf: no, k };
    let load = |offset| filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let equal = |value, yes, no| filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value);
    let answer = |value| filter(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    let behind = gate_address() + SYSCALL_BYTES;
    // `struct seccomp_data`: number at 0, architecture at 4, address at 8. A jump counts from the next filter.
    let mut filters = [
        load(4),
        equal(ARCHITECTURE, 0, 8),
        load(0),
        equal(libc::SYS_mmap as u32, 2, 0),
        equal(libc::SYS_munmap as u32, 1, 0),
        equal(libc::SYS_mprotect as u32, 0, 4),
        load(8),
        equal(behind as u32, 0, 2),
        load(12),
        equal((behind >> 32) as u32, 1, 0),
        // All mismatches lead here.
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filters.len() as u16, filter: filters.as_mut_ptr() };
    // SAFETY: the program and its filters outlive the calls.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER as c_long, &raw const program) == 0
    }
}

fn protection(rights: Rights) -> c_int {
    [(Rights::READ, libc::PROT_READ), (Rights::WRITE, libc::PROT_WRITE), (Rights::EXECUTE, libc::PROT_EXEC)]
        .into_iter()
        .filter(|(right, _)| rights.contains(*right))
        .fold(libc::PROT_NONE, |all, (_, bit)| all | bit)
}

/// Two processes that take turns are quicker on one processor. Where that is not allowed they are only slower.
fn stay_on_one_processor() {
    // SAFETY: the set is a plain array of bits, zero is the empty set, and the number is one that the kernel gave.
    unsafe {
        let here = libc::sched_getcpu();
        if let Ok(here) = usize::try_from(here) {
            let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed().assume_init();
            libc::CPU_SET(here, &mut set);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
        }
    }
}

/// The first four words as one number.
fn wide(words: &[u32]) -> u128 {
    words[..4].iter().rev().fold(0, |value, word| value << 32 | u128::from(*word))
}

fn narrow(value: u128) -> [u32; 4] {
    std::array::from_fn(|i| (value >> (32 * i)) as u32)
}
