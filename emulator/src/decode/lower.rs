//! Decides which handler serves an instruction.

use super::form::{Form, Lowered};
use super::{lower_arithmetic, lower_control, lower_system, lower_transfer, lower_x87};
use crate::instructions::control;
use crate::interpreter;
use iced_x86::{CpuidFeature, Mnemonic};

/// Lowers one valid instruction.
pub(super) fn lower(form: &Form<'_>) -> Lowered {
    match availability(form) {
        Availability::Present => {}
        Availability::Later => return Lowered::ends(interpreter::control(control::unimplemented)),
        Availability::Absent => return Lowered::ends(interpreter::control(control::invalid)),
    }
    lower_transfer::lower(form)
        .or_else(|| lower_arithmetic::lower(form))
        .or_else(|| lower_control::lower(form))
        .or_else(|| lower_system::lower(form))
        .or_else(|| lower_x87::lower(form))
        .unwrap_or_else(|| Lowered::ends(interpreter::control(control::unimplemented)))
}

enum Availability {
    /// Every i686 has it.
    Present,
    /// A processor that we mean to model has it: MMX, SSE.
    Later,
    /// No processor that we model has it: #UD.
    Absent,
}

fn availability(form: &Form<'_>) -> Availability {
    // Hints are NOPs on a processor that does not know them.
    if matches!(
        form.mnemonic(),
        Mnemonic::Nop
            | Mnemonic::Reservednop
            | Mnemonic::Prefetch
            | Mnemonic::Prefetchw
            | Mnemonic::Prefetchwt1
            | Mnemonic::Prefetchnta
            | Mnemonic::Prefetcht0
            | Mnemonic::Prefetcht1
            | Mnemonic::Prefetcht2
            | Mnemonic::Endbr32
            | Mnemonic::Endbr64
            | Mnemonic::Cldemote
            | Mnemonic::Pause
    ) {
        return Availability::Present;
    }
    if form.mnemonic() == Mnemonic::Fisttp {
        return Availability::Present;
    }
    let mut result = Availability::Present;
    for feature in form.instruction.cpuid_features() {
        match feature {
            CpuidFeature::INTEL8086
            | CpuidFeature::INTEL8086_ONLY
            | CpuidFeature::INTEL186
            | CpuidFeature::INTEL286
            | CpuidFeature::INTEL386
            | CpuidFeature::INTEL486
            | CpuidFeature::CPUID
            | CpuidFeature::CMOV
            | CpuidFeature::CX8
            | CpuidFeature::MSR
            | CpuidFeature::MULTIBYTENOP
            | CpuidFeature::PAUSE
            | CpuidFeature::RDPMC
            | CpuidFeature::SEP
            | CpuidFeature::TSC
            | CpuidFeature::FPU
            | CpuidFeature::FPU287
            | CpuidFeature::FPU387
            | CpuidFeature::FXSR => {}
            CpuidFeature::MMX
            | CpuidFeature::SSE
            | CpuidFeature::SSE2
            | CpuidFeature::SSE3
            | CpuidFeature::CLFSH => result = Availability::Later,
            _ => return Availability::Absent,
        }
    }
    result
}
