//! A privileged instruction of the guest: a fault, or done in the guest's place, as the configuration says.
//!
//! What such an instruction does is in `settle`.

use super::exits::general_protection;
use super::turn::Turn;
use crate::abi::sensitive;
use crate::debug_registers;
use crate::paravirtual::Wait;
use crate::partition::Personality;
use crate::record::{Event, Recorder};
use crate::settle::{After, Settler};
use emulator::decode::{self, PrivilegedInstruction, PrivilegedOperation};
use emulator::{Cpu, flags};

impl Turn<'_> {
    /// Decides a privileged instruction at EIP.
    pub(super) fn privileged(&mut self, recorder: &mut dyn Recorder) {
        let instruction = decode::privileged(&self.partition.guest.code());
        let settled = instruction.filter(|instruction| self.may_settle(instruction.operation));
        match settled {
            Some(instruction) => self.settle(instruction, recorder),
            None => self.exception(general_protection(0), recorder),
        }
    }

    /// Ports have a bitmap of their own, whatever becomes of other privileged instructions.
    fn may_settle(&self, operation: PrivilegedOperation) -> bool {
        let Personality::Paravane(paravirtual) = &self.partition.personality else { return false };
        paravirtual.privileges.settles() || is_port_access(operation)
    }

    fn settle(&mut self, instruction: PrivilegedInstruction, recorder: &mut dyn Recorder) {
        let PrivilegedInstruction { length, operation } = instruction;
        let before = self.before(length);
        let Cpu { eip, eflags, .. } = self.partition.guest.cpu;
        let time_stamp = self.clock.units();
        let Personality::Paravane(paravirtual) = &mut self.partition.personality else { return };
        let guest = &mut self.partition.guest;
        let mut settler = Settler { paravirtual, guest, time_stamp, accesses: Vec::new() };
        let after = match settler.settle(operation) {
            Ok(after) => after,
            Err(exception) => return self.exception(exception, recorder),
        };
        let accesses = settler.accesses;
        let debug = self.debug_registers();
        self.tell_of(operation, eip);
        let stepping = eflags & flags::TF != 0;
        self.retire(if after == After::Again { 0 } else { length });
        if after == After::Again {
            // A REP completes with its last iteration.
            self.partition.guest.cpu.eflags |= eflags & flags::RF;
        }
        self.report(before.as_ref(), &accesses, recorder);
        self.flush(recorder);
        self.pass(1);
        if let Personality::Paravane(paravirtual) = &mut self.partition.personality {
            // No shadow of the processor's: that of STI holds off no debug exception (SDM Vol. 2B, "STI").
            paravirtual.holds_upcall = after == After::Shadow;
            // A single step ends a HLT.
            paravirtual.waits = (after == After::Wait && !stepping).then_some(Wait::Upcall);
        }
        let bits = debug.map_or(0, |debug| debug.of_accesses(&accesses))
            | if stepping { debug_registers::STEP } else { 0 };
        if bits != 0 {
            self.debug_trap(bits, recorder);
        }
    }

    /// Tells a person once for each place that an instruction is settled there.
    fn tell_of(&mut self, operation: PrivilegedOperation, eip: u32) {
        let Personality::Paravane(paravirtual) = &mut self.partition.personality else { return };
        if is_port_access(operation) || !paravirtual.privileges.tells_of(eip) {
            return;
        }
        let code = self.partition.guest.code_at(eip);
        let text = decode::disassemble(&code, eip).text;
        let instead = sensitive(&text).map_or("", |instruction| instruction.instead);
        let name = &self.config.partitions[self.partition.id.index()].name;
        log::warn!(
            "{name}: the privileged instruction `{text}` at 0x{eip:08x} is settled in the guest's place. Instead: {instead}"
        );
        self.log.note(|| Event::Settled { eip, text });
    }
}

fn is_port_access(operation: PrivilegedOperation) -> bool {
    use PrivilegedOperation::{In, InString, Out, OutString};
    matches!(operation, In { .. } | Out { .. } | InString(_) | OutString(_))
}
