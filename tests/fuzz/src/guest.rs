//! A guest in machine code, made from an input: its operations are the input's, what they need is not.

use crate::elf;
use crate::input::Input;
use hypervisor_core::Image;
use hypervisor_core::abi::{
    Call, EVENT_PORTS, GATE_VECTOR, HYPERCALL_STUB_BYTES, INTERRUPT_FLAG, MAGIC, RAM_BASE, SELECTOR_CODE,
    shared_page,
};
use std::sync::Arc;

pub const MEMORY_BYTES: u32 = 0x1_0000;
/// A number that no call has.
pub const NO_CALL: u32 = 0xff;
/// What the guest shuts down with: it came to its end; a trap; the core's own pages are not as they were.
pub const ENDED: u32 = 0x600d;
const TRAPPED: u32 = 0x7a9;
pub const DAMAGED: u32 = 0xbad;

const CODE: u32 = RAM_BASE;
pub const UPCALL: u32 = CODE + 0x2000;
pub const TRAP: u32 = CODE + 0x2100;
const DATA: u32 = CODE + 0x8000;
const TRAP_TABLE: u32 = DATA + 0x400;
/// The numbers of the calls, far from everything that they are likely to reach.
const NUMBERS: u32 = DATA + 0x3f00;
const DATA_BYTES: usize = 0x4000;
const START_INFO: u32 = 0xf000_0000;
const SHARED: u32 = 0xf000_2000;
const HYPERCALL_PAGE: u32 = 0xf000_4000;
const OPERATIONS: usize = 16;

/// Addresses and numbers that the checks of arguments turn on.
const MARKS: [u32; 16] = [
    0,
    3,
    EVENT_PORTS,
    INTERRUPT_FLAG,
    1000,
    DATA,
    DATA + 0x100,
    TRAP_TABLE,
    UPCALL,
    TRAP,
    CODE + MEMORY_BYTES,
    START_INFO,
    SHARED,
    HYPERCALL_PAGE,
    0x8000_0000,
    0xffff_ffff,
];
/// EAX and the five registers of the arguments, as `mov register, number` names them.
const EAX: u8 = 0;
const ESP: u8 = 4;
const ARGUMENTS: [u8; 5] = [3, 1, 2, 6, 7];

/// A guest, and what its operations are.
pub struct Guest {
    code: Vec<u8>,
    data: Vec<u8>,
    /// The call numbers, in the order in which the program comes to them.
    numbers: Vec<u32>,
    /// The addresses after each gate of the program.
    pub returns: Vec<u32>,
}

impl Guest {
    /// A guest with at most sixteen operations.
    pub fn new(input: &mut Input<'_>) -> Self {
        let mut guest =
            Self { code: Vec::new(), data: vec![0; DATA_BYTES], numbers: Vec::new(), returns: Vec::new() };
        let length = usize::from(input.byte().unwrap_or(0));
        guest.place_data(input.bytes(length));
        for _ in 0..OPERATIONS {
            let Some(kind) = input.byte() else { break };
            guest.operation(kind, input);
        }
        guest.end();
        guest.handlers();
        guest
    }

    /// The image; calls whose place is in `replaced` have a number that no call has.
    pub fn image(&self, replaced: &[usize]) -> Arc<Image> {
        let mut data = self.data.clone();
        for (place, number) in self.numbers.iter().enumerate() {
            let number = if replaced.contains(&place) { NO_CALL } else { *number };
            let at = (NUMBERS - DATA) as usize + 4 * place;
            data[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let file = elf::file((CODE, &self.code), (DATA, &data));
        Arc::new(Image::read(&file).expect("the file is a guest"))
    }

    fn place_data(&mut self, bytes: &[u8]) {
        self.data[..bytes.len()].copy_from_slice(bytes);
        let [low, high] = SELECTOR_CODE.to_le_bytes();
        let at = (TRAP_TABLE - DATA) as usize;
        for (place, (vector, flags)) in [(0, 0), (3, 2), (13, 0), (14, 1), (0x40, 3)].into_iter().enumerate()
        {
            let entry = &mut self.data[at + 8 * place..at + 8 * place + 8];
            entry[..4].copy_from_slice(&[vector, flags, low, high]);
            entry[4..].copy_from_slice(&TRAP.to_le_bytes());
        }
    }

    fn operation(&mut self, kind: u8, input: &mut Input<'_>) {
        match kind % 8 {
            0 => {
                // Somewhere: the shared page, the data, or nowhere.
                let address = input.near(&MARKS).unwrap_or(SHARED);
                self.store(address, input.near(&MARKS).unwrap_or(0));
            }
            1 => self.set(ESP, input.near(&MARKS).unwrap_or(DATA)),
            2 => {
                // Time passes: `loop` to itself.
                self.set(ARGUMENTS[1], u32::from(input.byte().unwrap_or(0)) + 1);
                self.code.extend([0xe2, 0xfe]);
            }
            _ => self.call(input),
        }
    }

    /// Takes the number out of the data, so that what is left of the guest does not depend on it.
    fn call(&mut self, input: &mut Input<'_>) {
        let calls = hypervisor_core::abi::CALLS;
        let selector = usize::from(input.byte().unwrap_or(0));
        let number = match calls.get(selector % (calls.len() + 1)) {
            Some(description) => description.number,
            None => input.word(),
        };
        for register in ARGUMENTS {
            self.set(register, input.near(&MARKS).unwrap_or(0));
        }
        let from = NUMBERS + 4 * self.numbers.len() as u32;
        self.numbers.push(number);
        self.code.push(0xa1);
        self.code.extend(from.to_le_bytes());
        self.store(from, 0);
        self.gate();
        self.returns.push(self.here());
        self.set(EAX, 0);
    }

    /// Looks whether the core's pages are as they were, and shuts down.
    fn end(&mut self) {
        let time_now = Call::TimeNow.description().number;
        let stub = HYPERCALL_PAGE + HYPERCALL_STUB_BYTES * time_now;
        for (address, value) in [(START_INFO, MAGIC), (stub + 1, time_now)] {
            // cmp dword [address], value; je over what follows
            self.code.extend([0x81, 0x3d]);
            self.code.extend(address.to_le_bytes());
            self.code.extend(value.to_le_bytes());
            self.code.extend([0x74, 14]);
            self.shut_down(DAMAGED);
        }
        self.shut_down(ENDED);
    }

    fn handlers(&mut self) {
        self.code.resize((UPCALL - CODE) as usize, 0xf4);
        // EAX becomes 0 whatever it was: what an upcall interrupts does not depend on a result.
        self.set(EAX, 0);
        self.store(SHARED + shared_page::UPCALL_PENDING, 0);
        self.store(SHARED + shared_page::SELECTOR, 0);
        self.code.push(0x50);
        self.set(EAX, Call::Iret.description().number);
        self.gate();
        self.code.resize((TRAP - CODE) as usize, 0xf4);
        self.shut_down(TRAPPED);
    }

    /// Fourteen bytes: again and again, because an upcall takes the number away.
    fn shut_down(&mut self, code: u32) {
        self.set(ARGUMENTS[0], code);
        self.set(EAX, Call::Shutdown.description().number);
        self.gate();
        self.code.extend([0xeb, 0xf2]);
    }

    fn here(&self) -> u32 {
        CODE + self.code.len() as u32
    }

    fn gate(&mut self) {
        self.code.extend([0xcd, GATE_VECTOR]);
    }

    fn set(&mut self, register: u8, value: u32) {
        self.code.push(0xb8 + register);
        self.code.extend(value.to_le_bytes());
    }

    fn store(&mut self, address: u32, value: u32) {
        self.code.extend([0xc7, 0x05]);
        self.code.extend(address.to_le_bytes());
        self.code.extend(value.to_le_bytes());
    }
}
