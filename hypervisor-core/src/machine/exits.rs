//! What the machine does when a run of the guest ends.

use super::Abi;
use super::turn::Turn;
use crate::abi::{Call, GATE_VECTOR};
use crate::boot;
use crate::calls::{self, CallEnd, Caller};
use crate::debug_registers::{self, DebugRegisters};
use crate::delivery::{self, Handler, Trap};
use crate::health::HealthEvent;
use crate::linux::{self, SystemCallEnd};
use crate::outcome::{CrashReason, Outcome};
use crate::paravirtual::Wait;
use crate::partition::{InputState, Partition, Personality};
use crate::record::{Event, Recorder, Wanted};
use crate::seeded_faults::{Fault, seeded};
use crate::services::Effect;
use emulator::{Access, Exception, Exit, Step, Vector, cpu, decode, flags};

/// The vector of a Linux system call.
const LINUX_VECTOR: u8 = 0x80;

/// The state before an INT, or a privileged instruction, for its report.
pub(super) struct Before {
    registers: [u32; 8],
    eflags: u32,
    eip: u32,
    bytes: Vec<u8>,
}

impl Turn<'_> {
    /// Decides an exit. Whatever the guest did, its run can go on or has an outcome.
    pub(super) fn decide(&mut self, exit: Exit, debug: Option<&DebugRegisters>, recorder: &mut dyn Recorder) {
        if self.asks_for_input(exit) {
            // The INT has not retired: it comes again when the caller knows, and is counted then.
            self.partition.input = InputState::Wanted;
            return;
        }
        self.partition.counters.count_exit(exit);
        if exit != Exit::Budget
            && let Personality::Paravane(paravirtual) = &mut self.partition.personality
        {
            // Not after a used-up budget: its end depends on the caller's slices.
            paravirtual.may_have_taken = true;
        }
        match exit {
            // The next turn delivers what the attention was about, and looks at the breakpoint.
            Exit::Budget | Exit::Attention | Exit::Breakpoint => {}
            Exit::Watch(hit) => {
                let bits = debug.map_or(0, |debug| debug.of_watch(hit.watch));
                self.debug_trap(bits, recorder);
            }
            Exit::Exception(exception) => self.exception(exception, recorder),
            Exit::Privileged(_) => self.privileged(recorder),
            Exit::SoftwareInterrupt { vector, length } => self.software_interrupt(vector, length, recorder),
            Exit::Int1 { length } => self.int1(length, recorder),
            Exit::Unimplemented => self.unimplemented(),
        }
    }

    /// Whether this is the guest's first call that tells it of console input, of which the caller does not know.
    fn asks_for_input(&self, exit: Exit) -> bool {
        let Partition { guest, personality, input, .. } = &*self.partition;
        let is_gate = matches!(exit, Exit::SoftwareInterrupt { vector: GATE_VECTOR, .. });
        if !is_gate || *input != InputState::Unasked || !matches!(personality, Personality::Paravane(_)) {
            return false;
        }
        let (number, arguments) = call_registers(&guest.cpu.registers);
        calls::asks_for_input(number, &arguments)
    }

    fn unimplemented(&mut self) {
        let eip = self.partition.guest.cpu.eip;
        let mut bytes = self.partition.guest.code();
        let decode::Disassembly { length, text } = decode::disassemble(&bytes, eip);
        bytes.truncate(length);
        self.partition.outcome = Some(Outcome::Unimplemented { eip, bytes, text });
    }

    pub(super) fn exception(&mut self, exception: Exception, recorder: &mut dyn Recorder) {
        let handler = match &self.partition.personality {
            Personality::Paravane(paravirtual) => paravirtual.traps.handler(exception.vector as u8),
            Personality::Linux(_) => None,
        };
        let Some(handler) = handler else { return self.crash(CrashReason::Unhandled(exception)) };
        let trap = Trap::exception(exception);
        self.deliver_trap(handler, trap);
        if self.partition.incident.is_none() && trap.fault {
            self.flush(recorder);
            self.pass(1);
        }
    }

    /// An instruction breakpoint: a fault whose frame has RF as it is (SDM Vol. 3, 18.3.1.1).
    pub(super) fn debug_fault(&mut self, bits: u32, recorder: &mut dyn Recorder) {
        self.debug_trap(bits, recorder);
        if self.partition.incident.is_none() {
            self.flush(recorder);
            self.pass(1);
        }
    }

    /// A data breakpoint or a single step, after its instruction.
    pub(super) fn debug_trap(&mut self, bits: u32, recorder: &mut dyn Recorder) {
        debug_registers::note(&mut self.partition.guest.cpu.system, bits);
        self.exception(Exception { vector: Vector::Debug, error_code: 0, address: 0 }, recorder);
    }

    /// INT1: #DB, whatever the gate allows, and a trap.
    fn int1(&mut self, length: u8, recorder: &mut dyn Recorder) {
        let before = self.before(length);
        self.retire(length);
        self.report(before.as_ref(), &[], recorder);
        self.pass(1);
        self.exception(Exception { vector: Vector::Debug, error_code: 0, address: 0 }, recorder);
    }

    pub(super) fn deliver_trap(&mut self, handler: Handler, trap: Trap) {
        let Personality::Paravane(paravirtual) = &mut self.partition.personality else { return };
        let eip = self.partition.guest.cpu.eip;
        match delivery::deliver_trap(&mut self.partition.guest, paravirtual.interrupts(), handler, trap) {
            Ok(()) => {
                self.partition.counters.traps[usize::from(trap.vector)] += 1;
                let Trap { vector, error_code, address, .. } = trap;
                self.log.note(|| Event::Trap { vector, error_code, address, eip, handler: handler.address });
            }
            Err(reason) => self.crash(reason),
        }
    }

    fn software_interrupt(&mut self, vector: u8, length: u8, recorder: &mut dyn Recorder) {
        let handler = match &self.partition.personality {
            Personality::Paravane(_) if vector == GATE_VECTOR => return self.hypercall(length, recorder),
            Personality::Paravane(paravirtual) => paravirtual
                .traps
                .handler(vector)
                .filter(|handler| handler.user || seeded(Fault::IntNeedsNoFlag)),
            Personality::Linux(_) if vector == LINUX_VECTOR => {
                return self.system_call(length, recorder);
            }
            Personality::Linux(_) => None,
        };
        let Some(handler) = handler else {
            // As an interrupt gate that ring 3 may not use (SDM Vol. 3, 6.12.1.2).
            return self.exception(general_protection(8 * u32::from(vector) + 2), recorder);
        };
        let before = self.before(length);
        self.retire(length);
        self.report(before.as_ref(), &[], recorder);
        self.pass(1);
        self.deliver_trap(handler, Trap::software(vector, None));
    }

    fn hypercall(&mut self, length: u8, recorder: &mut dyn Recorder) {
        let before = self.before(length);
        let (number, arguments) = call_registers(&self.partition.guest.cpu.registers);
        let caller = if self.log.wanted() >= Wanted::Events { self.caller(number) } else { 0 };
        // Not as of the last turn, whose end depends on the caller's slices.
        self.services.statuses[self.partition.id.index()].executed = self.partition.executed;
        let Personality::Paravane(paravirtual) = &mut self.partition.personality else { return };
        let end = calls::perform(
            &mut Caller {
                id: self.partition.id,
                paravirtual,
                guest: &mut self.partition.guest,
                clock: self.clock,
                config: self.config,
                services: self.services,
                log: self.log,
            },
            number,
            &arguments,
        );
        // By reference: moving it would cost as much as a short call.
        let result = match &end {
            Ok(CallEnd::Return(value) | CallEnd::Flash(value)) => Some(*value),
            Ok(CallEnd::Wait(_) | CallEnd::Raise(..)) => Some(0),
            Ok(
                CallEnd::ReturnFromFrame
                | CallEnd::Shutdown(_)
                | CallEnd::Halt
                | CallEnd::Restart(_)
                | CallEnd::Retry(_),
            ) => None,
            Err(error) => {
                let rate = self.config.partitions[self.partition.id.index()].illegal_calls;
                let is_illegal = !error.is_answer() || seeded(Fault::AnswersAreIllegal);
                if is_illegal && paravirtual.counts_illegal_call(rate, self.clock) {
                    let event = HealthEvent::IllegalCalls;
                    self.services.effects.push_back(Effect::survivable(self.partition.id, event));
                }
                Some(error.code())
            }
        };
        if let Ok(CallEnd::Retry(wait)) = end {
            // The INT has not retired: it comes again when it is worth it. An attempt costs a unit, so that a guest that
            // comes back at once uses up its budget. An upcall may come now: the attempt was an instruction after a shadow.
            paravirtual.waits = Some(wait);
            paravirtual.holds_upcall = false;
            self.partition.guest.cpu.interrupt_shadow = false;
            return self.pass(1);
        }
        if let Ok(CallEnd::ReturnFromFrame) = end {
            match delivery::return_from_frame(&mut self.partition.guest, paravirtual.interrupts()) {
                Ok(interrupts) => {
                    self.partition.retired += 1;
                    paravirtual.holds_upcall = !seeded(Fault::UpcallRightAfterIret);
                    let eip = self.partition.guest.cpu.eip;
                    self.log.note(|| Event::InterruptReturn { eip, interrupts });
                }
                Err(exception) => return self.exception(exception, recorder),
            }
        } else {
            self.retire(length);
            if let Some(value) = result {
                self.partition.guest.cpu.registers[cpu::EAX] = value;
            }
            if seeded(Fault::CallChangesEcx) {
                self.partition.guest.cpu.registers[cpu::ECX] = number;
            }
        }
        self.partition.counters.count_call(number);
        self.log.note_cause(|| Event::Call { abi: Abi::Paravane, number, arguments, result, caller });
        self.report(before.as_ref(), &[], recorder);
        self.flush(recorder);
        self.pass(1 + u64::from(seeded(Fault::CallsCostTwo)));
        match end {
            Ok(CallEnd::Return(_)) | Err(_) => {}
            Ok(end) => self.finish_call(end),
        }
    }

    /// What a call does after its INT has retired.
    fn finish_call(&mut self, end: CallEnd) {
        let Personality::Paravane(paravirtual) = &mut self.partition.personality else { return };
        match end {
            CallEnd::Return(_) | CallEnd::ReturnFromFrame => {}
            CallEnd::Wait(wait) => {
                // A partition that always has the processor gets it back at once.
                let lends = wait != Wait::NextWindow
                    || self.services.slot.end != u64::MAX && !seeded(Fault::YieldReturnsAtOnce);
                paravirtual.waits = lends.then_some(wait);
            }
            CallEnd::Flash(_) => {
                // The frame says "disabled", so that the handler's return ends the moment in which upcalls were enabled.
                if paravirtual.interrupts().upcall_pending(&mut self.partition.guest) {
                    self.deliver();
                }
            }
            CallEnd::Raise(handler, trap) => self.deliver_trap(handler, trap),
            CallEnd::Shutdown(code) => self.partition.outcome = Some(Outcome::Shutdown { code }),
            CallEnd::Halt => self.partition.outcome = Some(Outcome::Halted),
            CallEnd::Restart(action) => {
                let partition = self.partition.id;
                self.services.effects.push_back(Effect::Control { partition, action });
            }
            CallEnd::Retry(_) => {}
        }
    }

    fn system_call(&mut self, length: u8, recorder: &mut dyn Recorder) {
        let before = self.before(length);
        let (number, arguments) = call_registers(&self.partition.guest.cpu.registers);
        let caller = self.partition.guest.cpu.eip;
        let Personality::Linux(linux) = &mut self.partition.personality else { return };
        let given = (&mut **linux, &mut self.partition.guest, &*self.clock);
        let end = linux::system_call(given, number, arguments, self.log);
        self.retire(length);
        let result = match end {
            SystemCallEnd::Return(value) => {
                self.partition.guest.cpu.registers[cpu::EAX] = value;
                Some(value)
            }
            SystemCallEnd::Exit(_) => None,
        };
        self.partition.counters.count_system_call(number);
        self.log.note_cause(|| Event::Call { abi: Abi::Linux, number, arguments, result, caller });
        self.report(before.as_ref(), &[], recorder);
        self.flush(recorder);
        self.pass(1);
        if let SystemCallEnd::Exit(code) = end {
            self.partition.outcome = Some(Outcome::Shutdown { code });
        }
    }

    /// Who called: behind a stub of the hypercall page, the return address.
    fn caller(&self, number: u32) -> u32 {
        let eip = self.partition.guest.cpu.eip;
        let is_called = boot::is_in_hypercall_page(eip) && Call::from_number(number) != Some(Call::Iret);
        match self.partition.guest.stack_words::<1>() {
            Ok([return_address]) if is_called => return_address,
            _ => eip,
        }
    }

    /// None if nobody is told.
    pub(super) fn before(&self, length: u8) -> Option<Before> {
        (self.log.wanted() >= Wanted::Blocks).then(|| {
            let mut bytes = self.partition.guest.code();
            bytes.truncate(usize::from(length));
            let processor = &self.partition.guest.cpu;
            Before { registers: processor.registers, eflags: processor.eflags, eip: processor.eip, bytes }
        })
    }

    /// An instruction retires that the processor did not do.
    pub(super) fn retire(&mut self, length: u8) {
        let processor = &mut self.partition.guest.cpu;
        processor.eip = processor.eip.wrapping_add(u32::from(length));
        processor.eflags &= !flags::RF;
        processor.interrupt_shadow = false;
        self.partition.retired += 1;
        if let Personality::Paravane(paravirtual) = &mut self.partition.personality {
            paravirtual.holds_upcall = false;
        }
    }

    pub(super) fn report(&self, before: Option<&Before>, accesses: &[Access], recorder: &mut dyn Recorder) {
        if let Some(before) = before {
            recorder.instruction(
                self.stamp(),
                &Step {
                    eip: before.eip,
                    bytes: &before.bytes,
                    registers_before: &before.registers,
                    eflags_before: before.eflags,
                    after: &self.partition.guest.cpu,
                    accesses,
                },
            );
        }
    }
}

pub(super) fn general_protection(error_code: u32) -> Exception {
    Exception { vector: Vector::GeneralProtection, error_code, address: 0 }
}

/// The number and the arguments of a call: EAX; EBX, ECX, EDX, ESI, EDI.
#[inline]
fn call_registers(registers: &[u32; 8]) -> (u32, [u32; 5]) {
    let [eax, ecx, edx, ebx, _, _, esi, edi] = *registers;
    (eax, [ebx, ecx, edx, esi, edi])
}
