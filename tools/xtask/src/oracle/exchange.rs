//! From drafts to cases, from cases to tasks for the host's processor, and from what it did to an answer.

use super::forms::extent;
use super::generate::Draft;
use super::image::FxImage;
use super::native::{End, Outcome, State, Task};
use emulator::decode::disassemble;
use emulator::{Rights, flags};
use std::fmt::Write as _;
use vectors::{Case, Change, EFLAGS, EIP, ExceptionRecord, Expected, Fpu, Layout, Piece, Registers, Sse};

/// The vector of INT3.
pub const BREAKPOINT: u8 = 3;
const DEBUG: u8 = 1;
const INT3: u8 = 0xcc;
const NOP: u8 = 0x90;
/// EFLAGS without any flag.
const ALWAYS_ONE: u32 = 2;
/// Flags that say how the processor was stopped, not what the case did.
const STOP_FLAGS: u32 = flags::TF | flags::RF | flags::VM;

/// A draft as a case without an answer.
pub fn case(draft: &Draft) -> Case {
    let mut regs = Registers::default();
    let [fs, gs] = draft.fs_and_gs.map(u32::from);
    let segments = [0x2b, 0x23, 0x2b, 0x2b, fs, gs];
    let values = draft.general.into_iter().chain(segments).chain([draft.eip, draft.eflags]);
    for (register, value) in regs.0.iter_mut().zip(values) {
        *register = Some(value);
    }
    let mut case = Case { group: draft.group.to_owned(), steps: draft.steps, ..Case::default() };
    let code = Piece { address: draft.eip, bytes: draft.code.clone() };
    let data = draft.ram.iter().map(|(address, bytes)| Piece { address: *address, bytes: bytes.clone() });
    case.initial.regs = regs;
    case.initial.ram = std::iter::once(code).chain(data).collect();
    if let Some((fpu, sse)) = draft.extended {
        (case.initial.fpu, case.initial.sse) = (Some(fpu), Some(sse));
    }
    case.name = name(&case);
    case
}

/// The disassembly of a case's instructions.
pub fn name(case: &Case) -> String {
    let mut name = String::new();
    let mut code = case.code();
    let mut eip = case.initial.regs.value(EIP);
    for step in 0..case.steps {
        let disassembly = disassemble(code, eip);
        let separator = if step == 0 { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(name, "{separator}{}", disassembly.text);
        let length = disassembly.length.min(code.len());
        eip = eip.wrapping_add(length as u32);
        code = &code[length..];
    }
    name
}

/// What the host is asked to do.
pub fn task(case: &Case, layout: &Layout) -> Task {
    let registers = case.initial.regs;
    let eip = registers.value(EIP);
    let mut image = layout.filled();
    for piece in &case.initial.ram {
        if let Some(position) = layout.position(piece.address) {
            image[position..position + piece.bytes.len()].copy_from_slice(&piece.bytes);
        }
    }
    let extent = extent(case.code(), case.steps);
    let end = if extent.branches { End::Trap } else { End::Int3(eip.wrapping_add(extent.length)) };
    if let End::Int3(end) = end
        && let Some(position) = layout.position(end)
    {
        image[position] = INT3;
    }
    let mut state = State {
        general: [0; 8],
        segments: [0; 6],
        eip,
        eflags: registers.value(EFLAGS),
        extended: FxImage::of(&case.initial),
    };
    for (position, register) in state.general.iter_mut().enumerate() {
        *register = registers.value(position);
    }
    for (index, segment) in state.segments.iter_mut().enumerate() {
        *segment = registers.value(8 + index) as u16;
    }
    Task { state, image, end }
}

/// A task that every host with a 32-bit mode can do: a NOP in the first page that may be executed.
/// None if there is no such page.
pub fn nop(layout: &Layout) -> Option<Task> {
    let executable = |region: &&vectors::Region| region.rights.contains(Rights::EXECUTE);
    let region = layout.regions().iter().find(executable)?;
    let code = Piece { address: region.base, bytes: vec![NOP] };
    let mut case = Case { steps: 1, ..Case::default() };
    case.initial.ram = vec![code];
    for (position, register) in case.initial.regs.0.iter_mut().enumerate() {
        *register = Some(match position {
            EIP => region.base,
            EFLAGS => ALWAYS_ONE,
            9 => 0x23,
            8 | 10 | 11 => 0x2b,
            _ => 0,
        });
    }
    Some(task(&case, layout))
}

/// The answer that the host gave.
pub fn expected(task: &Task, outcome: &Outcome, layout: &Layout) -> Expected {
    let mut after = outcome.state;
    let finished = match task.end {
        // The INT3 that ended the case is one byte long.
        End::Int3(end) => outcome.vector == BREAKPOINT && after.eip == end.wrapping_add(1),
        End::Trap => outcome.vector == DEBUG,
    };
    let exception = if finished {
        None
    } else {
        Some(ExceptionRecord { number: outcome.vector, error: outcome.error, address: outcome.address })
    };
    if finished && let End::Int3(end) = task.end {
        after.eip = end;
    }
    after.eflags &= !STOP_FLAGS;
    let regs = changed_registers(&task.state, &after);
    let ram = changed_memory(&task.image, &outcome.image, layout);
    let fpu = changed_fpu(&task.state.extended.fpu(), &after.extended.fpu());
    let sse = changed_sse(&task.state.extended.sse(), &after.extended.sse());
    let change = Change { regs, ram, fpu, sse };
    Expected { change, exception, ..Expected::default() }
}

fn changed_registers(before: &State, after: &State) -> Registers {
    let mut changed = Registers::default();
    let values = |state: &State| {
        let segments = state.segments.map(u32::from);
        let mut values = [0; 16];
        values[..8].copy_from_slice(&state.general);
        values[8..14].copy_from_slice(&segments);
        values[EIP] = state.eip;
        values[EFLAGS] = state.eflags;
        values
    };
    let pairs = values(before).into_iter().zip(values(after));
    for (register, (before, after)) in changed.0.iter_mut().zip(pairs) {
        *register = (before != after).then_some(after);
    }
    changed
}

fn changed_fpu(before: &Fpu, after: &Fpu) -> Option<Fpu> {
    let changed = Fpu {
        cw: after.cw.filter(|_| before.cw != after.cw),
        sw: after.sw.filter(|_| before.sw != after.sw),
        tag: after.tag.filter(|_| before.tag != after.tag),
        st: after.st.filter(|_| before.st != after.st),
    };
    (changed != Fpu::default()).then_some(changed)
}

fn changed_sse(before: &Sse, after: &Sse) -> Option<Sse> {
    let changed = Sse {
        mxcsr: after.mxcsr.filter(|_| before.mxcsr != after.mxcsr),
        xmm: after.xmm.filter(|_| before.xmm != after.xmm),
    };
    (changed != Sse::default()).then_some(changed)
}

fn changed_memory(before: &[u8], after: &[u8], layout: &Layout) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (position, (_, byte)) in
        before.iter().zip(after).enumerate().filter(|(_, (before, after))| before != after)
    {
        let Some(address) = layout.address(position) else { continue };
        match pieces.last_mut() {
            Some(last) if last.address + last.bytes.len() as u32 == address => last.bytes.push(*byte),
            _ => pieces.push(Piece { address, bytes: vec![*byte] }),
        }
    }
    pieces
}
