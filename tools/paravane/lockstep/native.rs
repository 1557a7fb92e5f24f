//! The program on the host's own processor: a child process that runs one instruction at a time, by ptrace.
//!
//! The child is a copy of this process which maps the program's pages below 4 GiB and stops; its registers are then
//! set so that it goes on in 32-bit code. It may make no system call any more. Not here: what its state should be.

#![allow(unsafe_code)] // fork, ptrace and their companions: see docs/decisions/0006-lockstep.md.

use super::Region;
use super::state::State;
use emulator::{Rights, cpu};
use std::arch::asm;
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
        (general.fs_base, general.gs_base) = (0, 0);
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
        // Only read, write and exit are left, and the steps never get to an INT.
        if libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT as c_long, 0, 0, 0) == -1 {
            libc::_exit(EXIT_CONFINE);
        }
        asm!("int3");
        libc::_exit(EXIT_TRACE)
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
