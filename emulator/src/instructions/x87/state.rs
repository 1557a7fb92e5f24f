//! Control instructions: control and status words, environment and state in memory. SDM Vol. 1, 8.1.10 and 8.3.11.

use super::SUMMARY;
use crate::alu::x87::{Class, unpack};
use crate::cpu::{EAX, control};
use crate::interpreter::{Executor, Operation, Stop};
use crate::{AccessKind, F80, Fpu, Vector};

/// Bits of the control word that can be set; bit 6 reads as 1.
const CONTROL_BITS: u16 = 0x1f3f;
const CONTROL_ONE: u16 = 0x40;
/// Exceptions, stack fault, ES and B.
const CLEARED: u16 = 0x80ff;

impl Executor<'_> {
    fn set_x87_control(&mut self, word: u16) {
        self.cpu.fpu.control = word & CONTROL_BITS | CONTROL_ONE;
        self.summarize();
    }

    /// ES and B follow from the flags and the masks.
    fn summarize(&mut self) {
        let fpu = &mut self.cpu.fpu;
        let pending = fpu.status & !fpu.control & 0x3f != 0;
        fpu.status = fpu.status & !SUMMARY | if pending { SUMMARY } else { 0 };
    }

    /// The tag word with two bits for each physical register.
    fn tag_word(&self) -> u16 {
        let fpu = &self.cpu.fpu;
        (0..8).fold(0, |word, physical| {
            let operand = unpack(fpu.registers[physical]);
            let tag = if fpu.tags >> physical & 1 == 0 {
                3
            } else {
                match operand.class {
                    Class::Zero => 1,
                    Class::Finite if !operand.denormal => 0,
                    _ => 2,
                }
            };
            word | tag << (2 * physical)
        })
    }

    /// The environment as memory holds it, and its length.
    fn environment(&self, wide: bool) -> ([u8; 28], u32) {
        let fpu = &self.cpu.fpu;
        let mut image = [0; 28];
        let words = [fpu.control, fpu.status, self.tag_word()];
        if wide {
            let [control, status, tags] = words.map(|word| 0xffff_0000 | u32::from(word));
            let code = u32::from(fpu.instruction_selector) | u32::from(fpu.opcode) << 16;
            let data = 0xffff_0000 | u32::from(fpu.data_selector);
            let fields = [control, status, tags, fpu.instruction_pointer, code, fpu.data_pointer, data];
            for (field, bytes) in fields.iter().zip(image.chunks_exact_mut(4)) {
                bytes.copy_from_slice(&field.to_le_bytes());
            }
            return (image, 28);
        }
        let pointers = [
            fpu.instruction_pointer as u16,
            fpu.instruction_selector,
            fpu.data_pointer as u16,
            fpu.data_selector,
        ];
        for (word, bytes) in words.iter().chain(&pointers).zip(image.chunks_exact_mut(2)) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        (image, 14)
    }

    fn set_environment(&mut self, image: &[u8], wide: bool) {
        let step = if wide { 4 } else { 2 };
        let word = |i: usize| u16::from_le_bytes([image[i * step], image[i * step + 1]]);
        let pointer = |i: usize| {
            let high = if wide { [image[i * step + 2], image[i * step + 3]] } else { [0; 2] };
            u32::from(word(i)) | u32::from(u16::from_le_bytes(high)) << 16
        };
        let tags = word(2);
        let fpu = &mut self.cpu.fpu;
        fpu.status = word(1);
        fpu.tags =
            (0..8).fold(0, |bits, physical| bits | u8::from(tags >> (2 * physical) & 3 != 3) << physical);
        fpu.instruction_pointer = pointer(3);
        fpu.instruction_selector = word(4);
        fpu.opcode = if wide { (pointer(4) >> 16) as u16 & 0x7ff } else { 0 };
        fpu.data_pointer = pointer(5);
        fpu.data_selector = word(6);
        self.set_x87_control(word(0));
    }

    /// The linear address of `length` bytes that can be written.
    fn writable(&mut self, operation: &Operation, length: u32) -> Result<u32, Stop> {
        let address = self.x87_address(operation, length, AccessKind::Write)?;
        self.check_image(address, length)?;
        Ok(address)
    }

    /// Checks that an image can be written, by its first and its last byte: it has no third page, and these are the
    /// bytes that a fault names.
    fn check_image(&mut self, address: u32, length: u32) -> Result<(), Stop> {
        self.check_store(address, 1)?;
        self.check_store(address.wrapping_add(length - 1), 1)
    }

    /// Stores bytes that [`Executor::writable`] has checked.
    fn store_bytes(&mut self, operation: &Operation, address: u32, bytes: &[u8]) -> Result<(), Stop> {
        let places = (address..=u32::MAX).chain(0..);
        // The alignment is that of the words of an environment: two bytes in the short forms, four in the others.
        if bytes.len().is_multiple_of(4) {
            for (word, address) in bytes.as_chunks::<4>().0.iter().zip(places.step_by(4)) {
                self.store::<u32>(operation, address, u32::from_le_bytes(*word))?;
            }
        } else {
            for (word, address) in bytes.as_chunks::<2>().0.iter().zip(places.step_by(2)) {
                self.store::<u16>(operation, address, u16::from_le_bytes(*word))?;
            }
        }
        Ok(())
    }

    fn load_bytes(&mut self, operation: &Operation, bytes: &mut [u8]) -> Result<(), Stop> {
        let length = bytes.len() as u32;
        let address = self.x87_address(operation, length, AccessKind::Read)?;
        self.check_alignment(address, if length.is_multiple_of(4) { 4 } else { 2 })?;
        // As for an image that is written.
        self.check_load(address)?;
        self.check_load(address.wrapping_add(length - 1))?;
        let places = (address..=u32::MAX).chain(0..);
        if bytes.len().is_multiple_of(4) {
            for (word, address) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(places.step_by(4)) {
                *word = self.load::<u32>(address)?.to_le_bytes();
            }
        } else {
            for (word, address) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(places.step_by(2)) {
                *word = self.load::<u16>(address)?.to_le_bytes();
            }
        }
        Ok(())
    }
}

/// FNINIT
pub(crate) fn initialize(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    x.cpu.fpu = Fpu { registers: x.cpu.fpu.registers, ..Fpu::default() };
    Ok(())
}

/// FNCLEX
pub(crate) fn clear_exceptions(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    x.cpu.fpu.status &= !CLEARED;
    Ok(())
}

/// FWAIT: waits for pending exceptions. #NM only if CR0.MP says that it counts as an x87 instruction.
pub(crate) fn wait(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let both = control::CR0_MP | control::CR0_TS;
    if x.cpu.system.cr0 & both == both {
        return Err(x.fault(Vector::DeviceNotAvailable, 0));
    }
    if x.cpu.fpu.status & SUMMARY != 0 {
        return Err(x.fault(Vector::FloatingPoint, 0));
    }
    Ok(())
}

/// FNENI, FNDISI and FNSETPM: the 8087's and 287's control instructions, which later processors ignore.
pub(crate) fn ignored(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()
}

/// FNOP
pub(crate) fn nothing(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    Ok(())
}

/// FNSTCW
pub(crate) fn store_control(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    let address = x.x87_address(operation, 2, AccessKind::Write)?;
    x.store::<u16>(operation, address, x.cpu.fpu.control)
}

/// FLDCW
pub(crate) fn load_control(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let address = x.x87_address(operation, 2, AccessKind::Read)?;
    let word = x.load::<u16>(address)?;
    x.set_x87_control(word);
    Ok(())
}

/// FNSTSW m16
pub(crate) fn store_status(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    let address = x.x87_address(operation, 2, AccessKind::Write)?;
    x.store::<u16>(operation, address, x.cpu.fpu.status)
}

/// FNSTSW AX
pub(crate) fn status_into_ax(_: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    let status = u32::from(x.cpu.fpu.status);
    x.set_register::<u16>(EAX as u8, status);
    Ok(())
}

/// FNSTENV: all exceptions are masked afterwards.
pub(crate) fn store_environment<const WIDE: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_available()?;
    let (image, length) = x.environment(WIDE);
    let address = x.writable(operation, length)?;
    x.store_bytes(operation, address, &image[..length as usize])?;
    let control = x.cpu.fpu.control;
    x.set_x87_control(control | 0x3f);
    Ok(())
}

/// FLDENV
pub(crate) fn load_environment<const WIDE: bool>(
    operation: &Operation,
    x: &mut Executor<'_>,
) -> Result<(), Stop> {
    x.x87_begin()?;
    let mut image = [0; 28];
    let length = if WIDE { 28 } else { 14 };
    x.load_bytes(operation, &mut image[..length])?;
    x.set_environment(&image, WIDE);
    Ok(())
}

/// FNSAVE: environment and registers, then FNINIT.
pub(crate) fn save<const WIDE: bool>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_available()?;
    let (environment, length) = x.environment(WIDE);
    let length = length as usize;
    let mut image = [0; 108];
    image[..length].copy_from_slice(&environment[..length]);
    for i in 0..8 {
        let value = x.cpu.fpu.registers[x.cpu.fpu.physical(i)];
        image[length + 10 * i..][..10].copy_from_slice(&value.to_bytes());
    }
    let address = x.writable(operation, length as u32 + 80)?;
    x.store_bytes(operation, address, &image[..length + 80])?;
    initialize(operation, x)
}

/// FRSTOR
pub(crate) fn restore<const WIDE: bool>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    let length = if WIDE { 28 } else { 14 };
    let mut image = [0; 108];
    x.load_bytes(operation, &mut image[..length + 80])?;
    x.set_environment(&image[..length], WIDE);
    for i in 0..8 {
        let physical = x.cpu.fpu.physical(i);
        x.cpu.fpu.registers[physical] = number(&image[length + 10 * i..]);
    }
    Ok(())
}

/// Ten bytes as a register holds them.
fn number(bytes: &[u8]) -> F80 {
    let significand = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    F80 { sign_exponent: u16::from_le_bytes([bytes[8], bytes[9]]), significand }
}

/// FFREE ST(`source`), and with a pop FFREEP.
pub(crate) fn free<const POP: bool>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    x.x87_conditions(super::C1, 0);
    let physical = x.cpu.fpu.physical(usize::from(operation.source));
    x.cpu.fpu.tags &= !(1 << physical);
    if POP {
        x.x87_pop();
    }
    Ok(())
}

/// FINCSTP by 1, FDECSTP by 7. The tags stay.
pub(crate) fn turn<const BY: u16>(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    x.x87_begin()?;
    x.x87_note(operation);
    x.x87_turn(BY);
    x.x87_conditions(super::C1, 0);
    Ok(())
}

/// The offset of the first XMM register in an FXSAVE image, and the bytes that are defined.
const XMM_OFFSET: usize = 160;
const FX_BYTES: usize = 288;
/// The bytes that are accessed.
const FX_IMAGE_BYTES: u32 = 512;
/// The bits of MXCSR that exist, DAZ included.
const MXCSR_MASK: u32 = 0xffff;

fn fx_address(operation: &Operation, x: &mut Executor<'_>, kind: AccessKind) -> Result<u32, Stop> {
    x.x87_available()?;
    let address = x.x87_address(operation, FX_IMAGE_BYTES, kind)?;
    if address & 15 != 0 {
        return Err(x.fault(Vector::GeneralProtection, 0));
    }
    Ok(address)
}

/// FXSAVE: x87, MXCSR and XMM registers; the 224 bytes behind them stay as they are.
pub(crate) fn fx_save(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let address = fx_address(operation, x, AccessKind::Write)?;
    // Unlike other images, processors look at the end of this one first.
    x.check_store(address.wrapping_add(FX_IMAGE_BYTES - 1), 1)?;
    x.check_store(address, 1)?;
    let (fpu, sse) = (&x.cpu.fpu, &x.cpu.sse);
    let mut image = [0; FX_BYTES];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &fpu.control.to_le_bytes());
    put(2, &fpu.status.to_le_bytes());
    put(4, &[fpu.tags]);
    put(6, &fpu.opcode.to_le_bytes());
    put(8, &fpu.instruction_pointer.to_le_bytes());
    put(12, &fpu.instruction_selector.to_le_bytes());
    put(16, &fpu.data_pointer.to_le_bytes());
    put(20, &fpu.data_selector.to_le_bytes());
    put(24, &sse.mxcsr.to_le_bytes());
    put(28, &MXCSR_MASK.to_le_bytes());
    for i in 0..8 {
        put(32 + 16 * i, &fpu.registers[fpu.physical(i)].to_bytes());
        put(XMM_OFFSET + 16 * i, &sse.xmm[i].to_le_bytes());
    }
    x.store_bytes(operation, address, &image)
}

/// FXRSTOR: reserved bits of MXCSR are #GP.
pub(crate) fn fx_restore(operation: &Operation, x: &mut Executor<'_>) -> Result<(), Stop> {
    let address = fx_address(operation, x, AccessKind::Read)?;
    x.check_load(address.wrapping_add(FX_IMAGE_BYTES - 1))?;
    // All of it is read, also what means nothing.
    let mut image = [0; FX_IMAGE_BYTES as usize];
    x.load_bytes(operation, &mut image)?;
    let word = |at: usize| u16::from_le_bytes([image[at], image[at + 1]]);
    let long = |at: usize| u32::from(word(at)) | u32::from(word(at + 2)) << 16;
    let mxcsr = long(24);
    if mxcsr & !MXCSR_MASK != 0 {
        return Err(x.fault(Vector::GeneralProtection, 0));
    }
    let fpu = &mut x.cpu.fpu;
    fpu.status = word(2);
    fpu.tags = image[4];
    fpu.opcode = word(6) & 0x7ff;
    fpu.instruction_pointer = long(8);
    fpu.instruction_selector = word(12);
    fpu.data_pointer = long(16);
    fpu.data_selector = word(20);
    for i in 0..8 {
        let physical = fpu.physical(i);
        fpu.registers[physical] = number(&image[32 + 16 * i..]);
        let bytes = image[XMM_OFFSET + 16 * i..][..16].try_into().expect("sixteen bytes");
        x.cpu.sse.xmm[i] = u128::from_le_bytes(bytes);
    }
    x.cpu.sse.mxcsr = mxcsr;
    x.set_x87_control(word(0));
    Ok(())
}
