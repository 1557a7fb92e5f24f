//! Lowers segment, system and privileged instructions.

use super::form::{Form, Lowered, Place, with_any_address, with_wide_width};
use crate::Privileged;
use crate::instructions::operand::{Memory, Source, Target};
use crate::instructions::{control as transfer, segment, system};
use crate::interpreter::{Handlers, control, straight};
use iced_x86::{Mnemonic, Register};

/// Lowers an instruction of this group.
pub(super) fn lower(form: &Form<'_>) -> Option<Lowered> {
    if let Some(which) = privileged(form) {
        let number = transfer::PRIVILEGED.iter().position(|one| *one == which)?;
        return Some(Lowered::ends(control(transfer::privileged)).with_immediate(number as u32));
    }
    let lowered = match form.mnemonic() {
        Mnemonic::Sgdt => Lowered::straight(straight(system::store_table::<false>)),
        Mnemonic::Sidt => Lowered::straight(straight(system::store_table::<true>)),
        Mnemonic::Sldt => store_word(form, system::LDTR),
        Mnemonic::Str => store_word(form, system::TR),
        Mnemonic::Smsw => store_word(form, system::MACHINE_STATUS),
        Mnemonic::Cpuid => Lowered::straight(straight(system::identify)),
        Mnemonic::Rdtsc => Lowered::straight(straight(system::read_time_stamp)),
        Mnemonic::Arpl => Lowered::straight(match form.place(0) {
            Place::Register => straight(system::adjust_rpl::<Target>),
            _ => with_any_address!(A => straight(system::adjust_rpl::<Memory<A>>)),
        }),
        Mnemonic::Lar => Lowered::straight(descriptor::<false>(form)),
        Mnemonic::Lsl => Lowered::straight(descriptor::<true>(form)),
        Mnemonic::Verr => Lowered::straight(match form.place(0) {
            Place::Register => straight(segment::verify::<false, Target>),
            _ => with_any_address!(A => straight(segment::verify::<false, Memory<A>>)),
        }),
        Mnemonic::Verw => Lowered::straight(match form.place(0) {
            Place::Register => straight(segment::verify::<true, Target>),
            _ => with_any_address!(A => straight(segment::verify::<true, Memory<A>>)),
        }),
        Mnemonic::Les => far_pointer(form, 0),
        Mnemonic::Lss => far_pointer(form, 2),
        Mnemonic::Lds => far_pointer(form, 3),
        Mnemonic::Lfs => far_pointer(form, 4),
        Mnemonic::Lgs => far_pointer(form, 5),
        _ => return None,
    };
    Some(lowered)
}

fn store_word(form: &Form<'_>, value: u32) -> Lowered {
    Lowered::straight(match form.place(0) {
        Place::Register => with_wide_width!(form.width(0), W => straight(system::store_word::<W, Target>)),
        _ => with_any_address!(A => straight(system::store_word::<u16, Memory<A>>)),
    })
    .with_immediate(value)
}

fn descriptor<const LIMIT: bool>(form: &Form<'_>) -> Handlers {
    with_wide_width!(form.width(0), W => match form.place(1) {
        Place::Register => straight(segment::load_descriptor::<LIMIT, W, Source>),
        _ => with_any_address!(A => straight(segment::load_descriptor::<LIMIT, W, Memory<A>>)),
    })
}

fn far_pointer(form: &Form<'_>, register: u8) -> Lowered {
    Lowered::ends(with_wide_width!(form.width(0), W => control(segment::load_far_pointer::<W>)))
        .with_source(register)
}

/// The privileged instructions, which ring 3 only faults on.
fn privileged(form: &Form<'_>) -> Option<Privileged> {
    Some(match form.mnemonic() {
        Mnemonic::Cli => Privileged::Cli,
        Mnemonic::Sti => Privileged::Sti,
        Mnemonic::Hlt => Privileged::Hlt,
        Mnemonic::In | Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd => Privileged::In,
        Mnemonic::Out | Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd => Privileged::Out,
        Mnemonic::Lmsw | Mnemonic::Clts => Privileged::ControlRegister,
        Mnemonic::Lgdt | Mnemonic::Lidt | Mnemonic::Lldt | Mnemonic::Ltr => Privileged::DescriptorTable,
        Mnemonic::Rdmsr | Mnemonic::Wrmsr | Mnemonic::Rdpmc => Privileged::ModelSpecific,
        Mnemonic::Invd | Mnemonic::Wbinvd | Mnemonic::Invlpg => Privileged::Cache,
        Mnemonic::Sysenter | Mnemonic::Sysexit => Privileged::Other,
        Mnemonic::Mov => {
            let registers = [form.instruction.op0_register(), form.instruction.op1_register()];
            let is = |test: fn(Register) -> bool| registers.into_iter().any(test);
            if is(Register::is_cr) {
                Privileged::ControlRegister
            } else if is(Register::is_dr) {
                Privileged::DebugRegister
            } else {
                return None;
            }
        }
        _ => return None,
    })
}
