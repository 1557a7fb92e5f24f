//! Runs cases on the host's own processor, in 32-bit compatibility mode.
//!
//! A child process maps the regions below 4 GiB and raises a signal. The handler writes a case into the context that
//! it returns to, so that the kernel itself enters 32-bit code; the trap that ends the case brings the handler back,
//! with the registers, the trap's number, its error code and CR2. The x87 and SSE state go the same way, as the FXSAVE
//! image in that context. The child has no open file and may make no system call but that return and its exit, whatever
//! a case of somebody's file does; a crash of it costs one case.

#![allow(unsafe_code)] // Signals, shared memory and another code segment: see docs/decisions/0004-native-oracle.md.

use super::image::{FxImage, IMAGE_BYTES};
use std::arch::{asm, naked_asm};
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use vectors::{Layout, Region};

/// Cases that one child runs.
const BATCH: usize = 256;
/// A child that has not ended its batch by then hangs.
const SECONDS: u32 = 20;
const STACK_BYTES: usize = 1 << 16;
/// How the child says that it could not be confined.
const EXIT_UNCONFINED: c_int = 3;
const SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];
/// What the handler runs with: IF, and the bit that is always one.
const CALM_FLAGS: u64 = 0x202;
const TRAP_FLAG: u32 = 0x100;

/// Registers as the host loads and stores them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct State {
    /// EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI.
    pub general: [u32; 8],
    /// ES, CS, SS, DS, FS, GS.
    pub segments: [u16; 6],
    /// EIP.
    pub eip: u32,
    /// EFLAGS.
    pub eflags: u32,
    /// The x87 and SSE state.
    pub extended: FxImage,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Task {
    /// The registers before.
    pub state: State,
    /// The bytes of all regions before, one region after the other.
    pub image: Vec<u8>,
    /// What brings the processor back.
    pub end: End,
}

/// What brings the processor back after a task's instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// An INT3 that follows them, at this address.
    Int3(u32),
    /// The trap flag: there is one instruction, which branches.
    Trap,
}

/// What the host's processor did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The registers after.
    pub state: State,
    /// The bytes of all regions after.
    pub image: Vec<u8>,
    /// The vector that ended the task.
    pub vector: u8,
    /// Its error code.
    pub error: u32,
    /// CR2 if it was a page fault.
    pub address: u32,
}

#[repr(C)]
struct Slot {
    state: State,
    vector: u64,
    error: u64,
    address: u64,
}

/// What parent and child share. The slots follow, then the images.
#[repr(C)]
struct Control {
    count: usize,
    done: usize,
    running: bool,
    image_bytes: usize,
    /// A writable view of the regions, one after the other.
    view: *mut u8,
    slots: *mut Slot,
    images: *mut u8,
}

static CONTROL: AtomicPtr<Control> = AtomicPtr::new(ptr::null_mut());

/// The host's processor with the regions of one memory map.
#[derive(Debug)]
pub struct Native {
    control: *mut Control,
    image_bytes: usize,
    /// Every page that may be read.
    pages: Vec<usize>,
}

impl Native {
    /// Maps the regions. There can be only one in a process.
    ///
    /// # Errors
    /// The host does not let us map them where they belong.
    pub fn new(layout: &Layout) -> Result<Self, String> {
        let image_bytes = layout.regions().iter().map(|region| region.pages as usize * 4096).sum();
        // SAFETY: plain system calls; results are checked, and what is mapped stays mapped.
        unsafe {
            let file = libc::memfd_create(c"regions".as_ptr(), 0);
            if file < 0 || libc::ftruncate(file, image_bytes as libc::off_t) != 0 {
                return Err(failure("cannot make a file in memory"));
            }
            let mut offset = 0;
            for region in layout.regions() {
                map_region(region, file, offset)?;
                offset += region.pages as usize * 4096;
            }
            let view: *mut u8 = shared(image_bytes, file)?.cast();
            let slots = shared(BATCH * size_of::<Slot>(), -1)?.cast();
            let images = shared(BATCH * image_bytes, -1)?.cast();
            let control = shared(size_of::<Control>(), -1)?.cast::<Control>();
            control.write(Control { count: 0, done: 0, running: false, image_bytes, view, slots, images });
            let readable =
                layout.regions().iter().filter(|region| region.rights.contains(emulator::Rights::READ));
            let pages = readable
                .flat_map(|region| (0..region.pages).map(|page| (region.base + page * 4096) as usize));
            Ok(Self { control, image_bytes, pages: pages.collect() })
        }
    }

    /// Runs tasks and returns what became of each; None for one that took its process down.
    ///
    /// # Errors
    /// No process could be made.
    pub fn run(&mut self, tasks: &[Task]) -> Result<Vec<Option<Outcome>>, String> {
        let mut outcomes = Vec::new();
        while outcomes.len() < tasks.len() {
            let rest = &tasks[outcomes.len()..];
            let batch = &rest[..rest.len().min(BATCH)];
            self.load(batch);
            self.run_child()?;
            // SAFETY: the child has ended; nobody else has the mapping.
            let (started, done) = unsafe { ((*self.control).running, (*self.control).done.min(batch.len())) };
            if !started {
                return Err("the process that runs cases ended before the first of them".to_owned());
            }
            outcomes.extend((0..done).map(|index| Some(self.outcome(index))));
            if done < batch.len() {
                outcomes.push(None);
            }
        }
        Ok(outcomes)
    }

    fn load(&mut self, batch: &[Task]) {
        // SAFETY: there are BATCH slots and images, and no child runs.
        unsafe {
            let control = &mut *self.control;
            (control.count, control.done, control.running) = (batch.len(), 0, false);
            for (index, task) in batch.iter().enumerate() {
                assert_eq!(task.image.len(), self.image_bytes, "an image has the bytes of all regions");
                let mut state = task.state;
                if task.end == End::Trap {
                    state.eflags |= TRAP_FLAG;
                }
                control.slots.add(index).write(Slot { state, vector: 0, error: 0, address: 0 });
                let image = control.images.add(index * self.image_bytes);
                image.copy_from_nonoverlapping(task.image.as_ptr(), self.image_bytes);
            }
        }
    }

    fn run_child(&self) -> Result<(), String> {
        // SAFETY: this process has one thread, so that the child may go on like its parent.
        match unsafe { libc::fork() } {
            -1 => Err(failure("cannot fork")),
            0 => child(self.control, &self.pages),
            pid => {
                let mut status = 0;
                // SAFETY: `pid` is our child and nobody else waits for it.
                while unsafe { libc::waitpid(pid, &raw mut status, 0) } < 0 {
                    if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                        return Err(failure("cannot wait for the child"));
                    }
                }
                if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == EXIT_UNCONFINED {
                    return Err("seccomp is not there to confine the process that runs cases".to_owned());
                }
                Ok(())
            }
        }
    }

    fn outcome(&self, index: usize) -> Outcome {
        // SAFETY: `index` is below BATCH, and no child runs.
        unsafe {
            let control = &*self.control;
            let slot = &*control.slots.add(index);
            let image = control.images.add(index * self.image_bytes);
            Outcome {
                state: slot.state,
                image: std::slice::from_raw_parts(image, self.image_bytes).to_vec(),
                vector: slot.vector as u8,
                error: slot.error as u32,
                address: if slot.vector == 14 { slot.address as u32 } else { 0 },
            }
        }
    }
}

fn failure(what: &str) -> String {
    format!("{what}: {}", io::Error::last_os_error())
}

/// # Safety
/// `file` is open and holds the region at `offset`.
unsafe fn map_region(region: &Region, file: c_int, offset: usize) -> Result<(), String> {
    let mut protection = 0;
    for (right, bit) in [
        (emulator::Rights::READ, libc::PROT_READ),
        (emulator::Rights::WRITE, libc::PROT_WRITE),
        (emulator::Rights::EXECUTE, libc::PROT_EXEC),
    ] {
        protection |= if region.rights.contains(right) { bit } else { 0 };
    }
    let address = ptr::without_provenance_mut::<c_void>(region.base as usize);
    let flags = libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE;
    let length = region.pages as usize * 4096;
    // SAFETY: NOREPLACE takes no address that is in use.
    let mapped = unsafe { libc::mmap(address, length, protection, flags, file, offset as libc::off_t) };
    if mapped == address {
        return Ok(());
    }
    let privileged =
        if region.base < 0x1_0000 { ", which needs privileges below vm.mmap_min_addr" } else { "" };
    Err(failure(&format!("the host does not map {:#x}{privileged}", region.base)))
}

/// Memory that stays shared across fork.
unsafe fn shared(bytes: usize, file: c_int) -> Result<*mut c_void, String> {
    let flags = libc::MAP_SHARED | if file < 0 { libc::MAP_ANONYMOUS } else { 0 };
    // SAFETY: the kernel chooses the address.
    let mapped =
        unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, file, 0) };
    if mapped == libc::MAP_FAILED { Err(failure("cannot map shared memory")) } else { Ok(mapped) }
}

/// Installs the handler and enters it. What follows happens in there.
fn child(control: *mut Control, pages: &[usize]) -> ! {
    CONTROL.store(control, Ordering::Relaxed);
    for page in pages {
        // A page that was not touched is not present yet, and a store to a read-only one would say so.
        // SAFETY: the page is mapped and may be read.
        unsafe { ptr::without_provenance::<u8>(*page).read_volatile() };
    }
    // SAFETY: the stack lives until the process ends, and the handler has the signature that SA_SIGINFO asks for.
    unsafe {
        libc::alarm(SECONDS);
        let mut stack = vec![0u8; STACK_BYTES];
        let alternate = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK_BYTES };
        libc::sigaltstack(&raw const alternate, ptr::null_mut());
        std::mem::forget(stack);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = entry as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in SIGNALS {
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
        confine();
        asm!("int3");
        libc::_exit(1)
    }
}

/// Takes away what a case could reach with a system call of its own.
fn confine() {
    // SAFETY: plain system calls in a process that has nothing left to do with its files.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_long, 0, 0, 0);
        // A kernel before 5.9 keeps them open: then a case may still write to them, and do no more.
        libc::syscall(libc::SYS_close_range, 0, c_uint::MAX, 0);
        if libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT as c_long, 0, 0, 0) == -1 {
            libc::_exit(EXIT_UNCONFINED);
        }
    }
}

/// The handler's first instructions. The flags and the data segments are still those of the case.
#[unsafe(naked)]
unsafe extern "C" fn entry(signal: c_int, info: *mut libc::siginfo_t, context: *mut libc::ucontext_t) {
    naked_asm!(
        "push {calm}",
        "popfq",
        "mov ecx, gs",
        "shl rcx, 16",
        "mov eax, fs",
        "or rcx, rax",
        "shl rcx, 16",
        "mov eax, ds",
        "or rcx, rax",
        "shl rcx, 16",
        "mov eax, es",
        "or rcx, rax",
        "mov eax, 0x2b",
        "mov ds, eax",
        "mov es, eax",
        "jmp {handle}",
        calm = const CALM_FLAGS,
        handle = sym handle,
    )
}

/// Stores what became of the case that ran, and lets the kernel return into the next.
///
/// FS has no base any more: nothing here may use thread-local storage, and so no call into the C library.
unsafe extern "C" fn handle(
    _: c_int,
    _: *mut libc::siginfo_t,
    context: *mut libc::ucontext_t,
    selectors: u64,
) {
    // SAFETY: the parent waits; the child has one thread, which is in here.
    unsafe {
        let control = &mut *CONTROL.load(Ordering::Relaxed);
        let registers = &mut (*context).uc_mcontext.gregs;
        if control.running {
            let slot = &mut *control.slots.add(control.done);
            store(registers, selectors, &mut slot.state);
            store_extended(&mut slot.state.extended, (*context).uc_mcontext.fpregs.cast());
            slot.vector = registers[libc::REG_TRAPNO as usize] as u64;
            slot.error = registers[libc::REG_ERR as usize] as u64;
            slot.address = registers[libc::REG_CR2 as usize] as u64;
            let image = control.images.add(control.done * control.image_bytes);
            image.copy_from_nonoverlapping(control.view, control.image_bytes);
            control.done += 1;
        }
        if control.done == control.count {
            asm!("syscall", in("rax") libc::SYS_exit, in("rdi") 0, options(noreturn));
        }
        control.running = true;
        let state = &(*control.slots.add(control.done)).state;
        let image = control.images.add(control.done * control.image_bytes);
        control.view.copy_from_nonoverlapping(image, control.image_bytes);
        load(state, registers);
        load_extended(&state.extended, (*context).uc_mcontext.fpregs.cast());
        asm!(
            "mov es, {es:x}",
            "mov ds, {ds:x}",
            "mov fs, {fs:x}",
            "mov gs, {gs:x}",
            es = in(reg) state.segments[0],
            ds = in(reg) state.segments[3],
            fs = in(reg) state.segments[4],
            gs = in(reg) state.segments[5],
        );
    }
}

/// EAX to EDI in the kernel's context.
const GENERAL: [c_int; 8] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
];

fn store(registers: &[i64; 23], selectors: u64, state: &mut State) {
    let cs_and_ss = registers[libc::REG_CSGSFS as usize] as u64;
    let part = |from: u64, index: u32| (from >> (16 * index)) as u16;
    for (value, name) in state.general.iter_mut().zip(GENERAL) {
        *value = registers[name as usize] as u32;
    }
    state.segments = [
        part(selectors, 0),
        part(cs_and_ss, 0),
        part(cs_and_ss, 3),
        part(selectors, 1),
        part(selectors, 2),
        part(selectors, 3),
    ];
    state.eip = registers[libc::REG_RIP as usize] as u32;
    state.eflags = registers[libc::REG_EFL as usize] as u32;
}

fn load(state: &State, registers: &mut [i64; 23]) {
    for (value, name) in state.general.iter().zip(GENERAL) {
        registers[name as usize] = i64::from(*value);
    }
    let [_, cs, ss, ..] = state.segments.map(i64::from);
    registers[libc::REG_CSGSFS as usize] = cs | ss << 48;
    registers[libc::REG_RIP as usize] = i64::from(state.eip);
    registers[libc::REG_EFL as usize] = i64::from(state.eflags);
}

/// Where an XSAVE image says which of its parts count, and the parts that an FXSAVE image has.
const PARTS: usize = 512;
const X87_AND_SSE: u64 = 3;
/// Where the kernel says that the image is one of XSAVE, and how.
const KERNEL_MARK: usize = 464;
const KERNEL_MARKS_XSAVE: u32 = 0x4650_5853;

/// # Safety
/// `frame` is the x87 and SSE state in the context of a signal.
unsafe fn store_extended(image: &mut FxImage, frame: *const u8) {
    // SAFETY: a frame has at least the 512 bytes of FXSAVE.
    unsafe { ptr::copy_nonoverlapping(frame, image.bytes_mut().as_mut_ptr(), IMAGE_BYTES) }
}

/// # Safety
/// As for [`store_extended`].
unsafe fn load_extended(image: &FxImage, frame: *mut u8) {
    // SAFETY: a frame has at least the 512 bytes of FXSAVE, and the header of XSAVE behind them if the kernel says so.
    unsafe {
        ptr::copy_nonoverlapping(image.bytes().as_ptr(), frame, IMAGE_BYTES);
        if frame.add(KERNEL_MARK).cast::<u32>().read_unaligned() == KERNEL_MARKS_XSAVE {
            let parts = frame.add(PARTS).cast::<u64>();
            parts.write_unaligned(parts.read_unaligned() | X87_AND_SSE);
        }
    }
}
