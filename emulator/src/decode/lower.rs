//! Decides which handler serves an instruction.

use super::form::{Form, Lowered};
use super::{lower_arithmetic, lower_control, lower_simd, lower_system, lower_transfer, lower_x87};
use crate::instructions::control;
use crate::interpreter::{self, CpuProfile};
use iced_x86::{CpuidFeature, Mnemonic};

/// Lowers one valid instruction.
pub(super) fn lower(form: &Form<'_>) -> Lowered {
    if !is_present(form) {
        return Lowered::ends(interpreter::control(control::invalid));
    }
    // First: MOVSD and CMPSD are also names of string instructions.
    let simd = if is_simd(form) { lower_simd::lower(form) } else { None };
    simd.or_else(|| lower_transfer::lower(form))
        .or_else(|| lower_arithmetic::lower(form))
        .or_else(|| lower_control::lower(form))
        .or_else(|| lower_system::lower(form))
        .or_else(|| lower_x87::lower(form))
        .unwrap_or_else(|| Lowered::ends(interpreter::control(control::unimplemented)))
}

fn is_simd(form: &Form<'_>) -> bool {
    use CpuidFeature::{CLFSH, MMX, SSE, SSE2, SSE3};
    form.instruction.cpuid_features().iter().any(|feature| [MMX, SSE, SSE2, SSE3, CLFSH].contains(feature))
}

/// Whether the modelled processor has the instruction; otherwise it is #UD.
fn is_present(form: &Form<'_>) -> bool {
    if lower_transfer::is_hint(form.mnemonic()) {
        return true;
    }
    let profile = form.mode.profile;
    // iced-x86 counts the form for MMX registers among MMX; it came with SSE2 (SDM Vol. 1, 5.6.3).
    if form.mnemonic() == Mnemonic::Paddq && profile < CpuProfile::Pentium4 {
        return false;
    }
    form.instruction.cpuid_features().iter().all(|feature| match feature {
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
        | CpuidFeature::MMX => true,
        CpuidFeature::FXSR | CpuidFeature::SSE | CpuidFeature::SSE2 | CpuidFeature::CLFSH => {
            profile >= CpuProfile::Pentium4
        }
        CpuidFeature::SSE3 => profile >= CpuProfile::Prescott,
        _ => false,
    })
}
