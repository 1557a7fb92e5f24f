//! What a program asks about the machine, the time and itself. All answers are the same in every run: time is virtual
//! and starts with the run, and random bytes come from a fixed seed.

use super::start::STACK_BYTES;
use super::{Call, Failure, PROCESS_ID, number};
use emulator::PAGE_BYTES;

const NAME_BYTES: usize = 65;
const NAMES: [&str; 6] = ["Linux", "paravane", "6.1.0", "#1", "i686", ""];
const NANOSECONDS: u64 = 1_000_000_000;
/// Random bytes at once; a program that wants more asks again, as it has to on Linux.
const RANDOM_MOST_BYTES: u32 = 4096;
const LIMIT_STACK: u32 = 3;
/// The number after the last resource.
const LIMITS: u32 = 16;
/// The clock with the highest number (CLOCK_TAI).
const CLOCK_LAST: u32 = 11;

impl Call<'_> {
    /// The calls that only ask.
    pub(super) fn fact(&mut self, number: u32, arguments: [u32; 5]) -> Option<Result<u32, Failure>> {
        let [first, second, third, fourth, _] = arguments;
        let now_ns = self.clock.now_ns();
        Some(match number {
            number::GETUID
            | number::GETGID
            | number::GETEUID
            | number::GETEGID
            | number::GETUID32
            | number::GETGID32
            | number::GETEUID32
            | number::GETEGID32 => Ok(0),
            number::GETPPID => Ok(PROCESS_ID - 1),
            number::UNAME => self.names(first),
            number::TIME => self.seconds(first, (now_ns / NANOSECONDS) as u32),
            number::GETTIMEOFDAY => self.time_of_day(first, second, now_ns),
            number::CLOCK_GETTIME => self.clock_time((first, second), now_ns, Width::Word),
            number::CLOCK_GETTIME64 => self.clock_time((first, second), now_ns, Width::Double),
            number::CLOCK_GETRES => self.clock_time((first, second), 1, Width::Word),
            number::CLOCK_GETRES_TIME64 => self.clock_time((first, second), 1, Width::Double),
            number::UGETRLIMIT => self.limit(first, second, Width::Word),
            number::PRLIMIT64 if third != 0 || first > PROCESS_ID => Err(Failure::NotPermitted),
            number::PRLIMIT64 => self.limit(second, fourth, Width::Double),
            number::GETRANDOM => self.random_bytes(first, second),
            number::SYSINFO => self.system_information(first, now_ns),
            _ => return None,
        })
    }

    /// uname: six texts.
    fn names(&mut self, address: u32) -> Result<u32, Failure> {
        let mut bytes = Vec::with_capacity(NAMES.len() * NAME_BYTES);
        for (index, name) in NAMES.iter().enumerate() {
            bytes.extend(name.as_bytes());
            bytes.resize((index + 1) * NAME_BYTES, 0);
        }
        self.put(address, &bytes).map(|()| 0)
    }

    fn seconds(&mut self, address: u32, seconds: u32) -> Result<u32, Failure> {
        if address != 0 {
            self.put_words(address, &[seconds])?;
        }
        Ok(seconds)
    }

    fn time_of_day(&mut self, time: u32, zone: u32, now_ns: u64) -> Result<u32, Failure> {
        if time != 0 {
            self.put_words(time, &[(now_ns / NANOSECONDS) as u32, (now_ns % NANOSECONDS / 1000) as u32])?;
        }
        if zone != 0 {
            self.put_words(zone, &[0, 0])?;
        }
        Ok(0)
    }

    fn clock_time(&mut self, (clock, address): (u32, u32), ns: u64, width: Width) -> Result<u32, Failure> {
        if clock > CLOCK_LAST {
            return Err(Failure::Invalid);
        }
        let (seconds, rest) = (ns / NANOSECONDS, (ns % NANOSECONDS) as u32);
        match width {
            Width::Word => self.put_words(address, &[seconds as u32, rest]),
            Width::Double => self.put_words(address, &[seconds as u32, (seconds >> 32) as u32, rest, 0]),
        }
    }

    /// The stack has a limit, the rest has none.
    fn limit(&mut self, resource: u32, address: u32, width: Width) -> Result<u32, Failure> {
        if resource >= LIMITS {
            return Err(Failure::Invalid);
        }
        let soft = if resource == LIMIT_STACK { (STACK_BYTES, 0) } else { (u32::MAX, u32::MAX) };
        match width {
            Width::Double if address == 0 => Ok(0),
            Width::Word => self.put_words(address, &[soft.0, u32::MAX]),
            Width::Double => self.put_words(address, &[soft.0, soft.1, u32::MAX, u32::MAX]),
        }
    }

    fn random_bytes(&mut self, address: u32, length: u32) -> Result<u32, Failure> {
        let length = length.min(RANDOM_MOST_BYTES);
        let mut state = self.linux.random;
        let mut bytes = Vec::new();
        while bytes.len() < length as usize {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            bytes.extend(scramble(state).to_le_bytes());
        }
        bytes.truncate(length as usize);
        self.put(address, &bytes)?;
        self.linux.random = state;
        Ok(length)
    }

    /// sysinfo: `struct sysinfo` of Linux on i386, 64 bytes.
    fn system_information(&mut self, address: u32, now_ns: u64) -> Result<u32, Failure> {
        let mut words = [0; 16];
        words[0] = (now_ns / NANOSECONDS) as u32;
        words[4] = self.linux.pages.all_pages(); // of memory
        words[5] = self.linux.pages.free_pages();
        words[10] = 1; // processes
        words[13] = PAGE_BYTES; // the unit of memory
        self.put_words(address, &words)
    }
}

/// How wide a time or a limit is.
#[derive(Clone, Copy)]
enum Width {
    Word,
    Double,
}

/// Spreads a counter over 64 bits (SplitMix64).
fn scramble(state: u64) -> u64 {
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
