//! A guest's processor and memory, and the edge at which a guest's claims about its memory are checked.

use crate::abi::CallError;
use crate::event_channel::SharedPages;
use emulator::{
    AddressSpace, Cpu, Exception, FrameNumber, PhysicalMemory, Rights, SegmentRegister, Vector, cpu,
};

/// Bits of a page fault's error code (SDM Vol. 3, 4.7).
const PAGE_FAULT_WRITE: u32 = 2;
const PAGE_FAULT_USER: u32 = 4;

/// A processor with the memory it sees.
#[derive(Debug)]
pub struct Guest {
    /// The processor.
    pub cpu: Cpu,
    /// What it sees.
    pub space: AddressSpace,
    /// What it sees it in.
    pub memory: PhysicalMemory,
}

impl Guest {
    /// Copies bytes out of the guest's memory.
    ///
    /// # Errors
    /// `BadAddress` if the guest may not read all of them.
    pub fn bytes(&self, address: u32, length_bytes: u32) -> Result<Vec<u8>, CallError> {
        // Checked before the copy is allocated: its length is at most what is mapped.
        self.check(address, length_bytes, Rights::READ)?;
        let mut bytes = vec![0; length_bytes as usize];
        self.space.read(&self.memory, address, &mut bytes).map_err(|_| CallError::BadAddress)?;
        Ok(bytes)
    }

    /// Copies bytes into the guest's memory: all or none.
    ///
    /// # Errors
    /// `BadAddress` if the guest may not write all of them.
    pub fn set_bytes(&mut self, address: u32, bytes: &[u8]) -> Result<(), CallError> {
        self.space.write(&mut self.memory, address, bytes).map_err(|_| CallError::BadAddress)
    }

    /// Whether the guest has these rights for all bytes of a range that does not wrap.
    ///
    /// # Errors
    /// `BadAddress` if not.
    pub fn check(&self, address: u32, length_bytes: u32, rights: Rights) -> Result<(), CallError> {
        self.space.check(address, length_bytes as usize, rights).map_err(|_| CallError::BadAddress)
    }

    /// Reads bytes as an instruction does.
    ///
    /// # Errors
    /// The page fault of the first byte that may not be read.
    pub fn load(&self, address: u32, bytes: &mut [u8]) -> Result<(), Exception> {
        self.space.read(&self.memory, address, bytes).map_err(|error| self.page_fault(error.address, 0))
    }

    /// Writes bytes as an instruction does: all or none.
    ///
    /// # Errors
    /// The page fault of the first byte that may not be written.
    pub fn store(&mut self, address: u32, bytes: &[u8]) -> Result<(), Exception> {
        self.space
            .write(&mut self.memory, address, bytes)
            .map_err(|error| self.page_fault(error.address, PAGE_FAULT_WRITE))
    }

    /// Whether bytes can be written as an instruction does.
    ///
    /// # Errors
    /// As [`Guest::store`].
    pub fn check_store(&self, address: u32, length_bytes: usize) -> Result<(), Exception> {
        self.space
            .check(address, length_bytes, Rights::WRITE)
            .map_err(|error| self.page_fault(error.address, PAGE_FAULT_WRITE))
    }

    /// Pushes words, so that the first has the highest address. Writes nothing unless all can be written.
    ///
    /// # Errors
    /// The first address that may not be written.
    pub fn push<const COUNT: usize>(&mut self, mut words: [u32; COUNT]) -> Result<(), u32> {
        words.reverse();
        let bytes = words.map(u32::to_le_bytes);
        let bytes = bytes.as_flattened();
        let esp = self.cpu.registers[cpu::ESP].wrapping_sub(bytes.len() as u32);
        let address = self.cpu.segment(SegmentRegister::Ss).base.wrapping_add(esp);
        self.space.write(&mut self.memory, address, bytes).map_err(|error| error.address)?;
        self.cpu.registers[cpu::ESP] = esp;
        Ok(())
    }

    /// The words from ESP upwards.
    ///
    /// # Errors
    /// The page fault of the first that may not be read.
    pub fn stack_words<const COUNT: usize>(&self) -> Result<[u32; COUNT], Exception> {
        let esp = self.cpu.registers[cpu::ESP];
        let address = self.cpu.segment(SegmentRegister::Ss).base.wrapping_add(esp);
        let mut bytes = [[0; 4]; COUNT];
        self.load(address, bytes.as_flattened_mut())?;
        Ok(bytes.map(u32::from_le_bytes))
    }

    /// The words from ESP upwards with their addresses, as far as they are mapped.
    #[must_use]
    pub fn stack(&self, most: u32) -> Vec<(u32, u32)> {
        let esp = self.cpu.registers[cpu::ESP];
        let base = self.cpu.segment(SegmentRegister::Ss).base;
        let word = |index: u32| {
            let address = base.wrapping_add(esp).wrapping_add(4 * index);
            let mut bytes = [0; 4];
            self.space.peek(&self.memory, address, &mut bytes).ok()?;
            Some((address, u32::from_le_bytes(bytes)))
        };
        (0..most).map_while(word).collect()
    }

    /// The bytes from EIP, as far as they are mapped; 15 at most, as long as an instruction can be.
    #[must_use]
    pub fn code(&self) -> Vec<u8> {
        self.code_at(self.cpu.eip)
    }

    /// The bytes from an offset in the code segment, as far as they are mapped; 15 at most.
    #[must_use]
    pub fn code_at(&self, eip: u32) -> Vec<u8> {
        let start = self.cpu.segment(SegmentRegister::Cs).base.wrapping_add(eip);
        let byte = |index: u32| {
            let mut byte = [0];
            self.space.peek(&self.memory, start.wrapping_add(index), &mut byte).ok()?;
            Some(byte[0])
        };
        (0..15).map_while(byte).collect()
    }

    fn page_fault(&self, address: u32, access: u32) -> Exception {
        let present = self.space.page(address).is_some_and(|(_, rights)| rights != Rights::NONE);
        let error_code = PAGE_FAULT_USER | access | u32::from(present);
        Exception { vector: Vector::PageFault, error_code, address }
    }
}

/// The shared pages as they lie in frames: reached whatever the guest has mapped.
#[derive(Debug)]
pub struct SharedFrames<'a> {
    memory: &'a mut PhysicalMemory,
    first: FrameNumber,
}

impl<'a> SharedFrames<'a> {
    /// The pages in `first` and the frame after it.
    #[must_use]
    pub fn new(memory: &'a mut PhysicalMemory, first: FrameNumber) -> Self {
        Self { memory, first }
    }

    fn place(&self, offset: u32) -> (FrameNumber, u32) {
        (FrameNumber(self.first.0 + offset / emulator::PAGE_BYTES), offset % emulator::PAGE_BYTES)
    }
}

impl SharedPages for SharedFrames<'_> {
    #[inline]
    fn load(&self, offset: u32) -> u32 {
        let (frame, offset) = self.place(offset);
        let mut bytes = [0; 4];
        self.memory.read(frame, offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    #[inline]
    fn store(&mut self, offset: u32, value: u32) {
        let (frame, offset) = self.place(offset);
        self.memory.write(frame, offset, &value.to_le_bytes());
    }
}
