//! The three descriptors that a program has: an input without an end that is not read, output, and errors. There are
//! no files.

use super::{Call, Failure, number};
use crate::record::Event;
use serde::{Deserialize, Serialize};

const STANDARD_OUTPUT: u32 = 1;
const STANDARD_ERROR: u32 = 2;
/// Linux writes so many bytes at once at most (man 2 write).
const WRITE_MOST_BYTES: u32 = 0x7fff_f000;
/// A WRITEV writes less than it was asked for rather than more than this: its parts may be the same bytes.
const WRITEV_MOST_BYTES: u64 = 16 << 20;
/// Linux `UIO_MAXIOV`.
const PARTS_MOST: u32 = 1024;

/// S_IFIFO with the owner's rights: what is written goes on at once and cannot be sought.
const MODE_PIPE: u32 = 0o010_600;
const BLOCK_BYTES: u32 = 4096;
/// AT_EMPTY_PATH: the descriptor itself is meant.
const EMPTY_PATH: u32 = 0x1000;
/// STATX_BASIC_STATS
const BASIC_STATISTICS: u32 = 0x7ff;

/// Which of the three are open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Descriptors([bool; 3]);

impl Default for Descriptors {
    fn default() -> Self {
        Self([true; 3])
    }
}

impl Descriptors {
    fn is_open(&self, descriptor: u32) -> bool {
        self.0.get(descriptor as usize).copied().unwrap_or(false)
    }

    fn check(&self, descriptor: u32) -> Result<u32, Failure> {
        if self.is_open(descriptor) { Ok(0) } else { Err(Failure::BadDescriptor) }
    }

    fn close(&mut self, descriptor: u32) -> Result<u32, Failure> {
        self.check(descriptor)?;
        self.0[descriptor as usize] = false;
        Ok(0)
    }
}

impl Call<'_> {
    /// The calls about descriptors and names.
    pub(super) fn descriptor(&mut self, number: u32, arguments: [u32; 5]) -> Option<Result<u32, Failure>> {
        let [first, second, third, _, fifth] = arguments;
        let open = &mut self.linux.descriptors;
        Some(match number {
            number::WRITE => self.write(first, (second, third)),
            number::WRITEV => self.write_parts(first, second, third),
            number::CLOSE => open.close(first),
            number::LSEEK | number::LLSEEK => open.check(first).and(Err(Failure::NoSeek)),
            number::IOCTL => open.check(first).and(Err(Failure::NoTerminal)),
            number::FSTAT64 => self.status(first, second),
            number::STATX => self.extended_status(arguments, fifth),
            // A C library asks for its own name at its start, and goes on without.
            number::READLINK => self.no_link(first),
            _ => return None,
        })
    }

    fn write(&mut self, descriptor: u32, (address, length): (u32, u32)) -> Result<u32, Failure> {
        if !matches!(descriptor, STANDARD_OUTPUT | STANDARD_ERROR) {
            return Err(Failure::BadDescriptor);
        }
        self.linux.descriptors.check(descriptor)?;
        let length = length.min(WRITE_MOST_BYTES);
        // The range cannot wrap: the end of the address space is not mapped.
        let bytes = self.guest.bytes(address, length).map_err(|_| Failure::BadAddress)?;
        if descriptor == STANDARD_ERROR {
            self.linux.errors.extend_from_slice(&bytes);
            self.linux.errors_are_new = true;
        } else {
            self.linux.console.write(&bytes);
        }
        self.log.note(|| Event::ConsoleOutput(bytes));
        Ok(length)
    }

    fn write_parts(&mut self, descriptor: u32, address: u32, count: u32) -> Result<u32, Failure> {
        self.linux.descriptors.check(descriptor)?;
        if count > PARTS_MOST {
            return Err(Failure::Invalid);
        }
        let mut written = 0;
        for index in 0..count {
            let part = address.checked_add(8 * index).ok_or(Failure::BadAddress);
            let part = part.and_then(|at| self.guest.words::<2>(at)).map(|[at, length]| (at, length));
            let room = (WRITEV_MOST_BYTES - written) as u32;
            let result = part.and_then(|(at, length)| self.write(descriptor, (at, length.min(room))));
            match result {
                Ok(length) => written += u64::from(length),
                Err(_) if written > 0 => break,
                Err(failure) => return Err(failure),
            }
            if written == WRITEV_MOST_BYTES {
                break;
            }
        }
        Ok(written as u32)
    }

    /// fstat64: `struct stat64` of Linux on i386, 96 bytes.
    fn status(&mut self, descriptor: u32, address: u32) -> Result<u32, Failure> {
        self.linux.descriptors.check(descriptor)?;
        let mut words = [0; 24];
        words[4] = MODE_PIPE;
        words[5] = 1; // links
        words[13] = BLOCK_BYTES;
        self.put_words(address, &words)
    }

    /// statx of a descriptor: `struct statx`, 256 bytes.
    fn extended_status(
        &mut self,
        [descriptor, path, flags, ..]: [u32; 5],
        address: u32,
    ) -> Result<u32, Failure> {
        let path = self.guest.bytes(path, 1).map_err(|_| Failure::BadAddress)?;
        if path != [0] || flags & EMPTY_PATH == 0 {
            return Err(Failure::NoEntry);
        }
        self.linux.descriptors.check(descriptor)?;
        let mut words = [0; 64];
        words[0] = BASIC_STATISTICS;
        words[1] = BLOCK_BYTES;
        words[4] = 1; // links
        words[7] = MODE_PIPE;
        self.put_words(address, &words)
    }

    /// No name is a link.
    fn no_link(&self, name: u32) -> Result<u32, Failure> {
        self.guest.bytes(name, 1).map_err(|_| Failure::BadAddress)?;
        Err(Failure::NoEntry)
    }
}
