//! The x87 and SSE state of a case, into a processor and out of it.

use crate::format::{Fpu, Hex, Sse, State};
use emulator::{Cpu, F80};

/// Puts the x87 and SSE state of a case into `cpu`; what the case leaves out stays as after FNINIT.
pub fn load(state: &State, cpu: &mut Cpu) {
    if let Some(fpu) = &state.fpu {
        cpu.fpu.control = fpu.cw.unwrap_or(cpu.fpu.control);
        cpu.fpu.status = fpu.sw.unwrap_or(cpu.fpu.status);
        cpu.fpu.tags = fpu.tag.unwrap_or(cpu.fpu.tags);
        for (i, Hex(value)) in fpu.st.iter().flatten().enumerate() {
            let physical = cpu.fpu.physical(i);
            cpu.fpu.registers[physical] =
                F80 { sign_exponent: (value >> 64) as u16, significand: *value as u64 };
        }
    }
    if let Some(sse) = &state.sse {
        cpu.sse.mxcsr = sse.mxcsr.unwrap_or(cpu.sse.mxcsr);
        for (register, Hex(value)) in cpu.sse.xmm.iter_mut().zip(sse.xmm.iter().flatten()) {
            *register = *value;
        }
    }
}

/// The state of `cpu`, if the case has such a state or it is no longer that after FNINIT.
pub fn changed(before: &State, cpu: &Cpu) -> (Option<Fpu>, Option<Sse>) {
    let fpu = (before.fpu.is_some() || cpu.fpu != emulator::Fpu::default()).then(|| Fpu {
        cw: Some(cpu.fpu.control),
        sw: Some(cpu.fpu.status),
        tag: Some(cpu.fpu.tags),
        st: Some(std::array::from_fn(|i| {
            let F80 { sign_exponent, significand } = cpu.fpu.registers[cpu.fpu.physical(i)];
            Hex(u128::from(sign_exponent) << 64 | u128::from(significand))
        })),
    });
    let sse = (before.sse.is_some() || cpu.sse != emulator::Sse::default())
        .then(|| Sse { mxcsr: Some(cpu.sse.mxcsr), xmm: Some(cpu.sse.xmm.map(Hex)) });
    (fpu, sse)
}
