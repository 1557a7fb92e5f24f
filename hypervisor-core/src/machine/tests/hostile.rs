//! Guests of random bytes and random calls: nothing panics, nothing is lost, and a run is the same however it is cut.

use super::{COUNT, DATA, MASK, SHARED, Tape};
use crate::abi::{CALLS, Call, SELECTOR_CODE, trap_entry};
use crate::clock::Rate;
use crate::machine::{Config, Machine};
use crate::test_images::{BASE, Code, Register};
use crate::{Limits, Outcome, Progress, Recorder, Unrecorded};

const GUESTS: u64 = 150;
const MOST_UNITS: u64 = 3_000;
const PROGRAM: u32 = 0x800;
const UPCALL: u32 = BASE + 0x400;
const FAULT: u32 = BASE + 0x440;
const FAULT_WITH_CODE: u32 = BASE + 0x480;
const TABLE: u32 = 0x600;

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as u32) % bound
    }

    fn word(&mut self) -> u32 {
        let interesting =
            [0, 1, 5, 6, 0x200, 1_000, DATA, COUNT, MASK, SHARED + 0x400, BASE, UPCALL, 1 << 31, u32::MAX];
        match self.below(4) {
            0 => self.below(u32::MAX),
            _ => interesting[self.below(interesting.len() as u32) as usize],
        }
    }
}

/// Handlers that go on one byte after a fault, and then a program without sense.
fn guest(seed: u64) -> Code {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let vectors = [0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 0x20];
    let mut code = Code::default()
        .call(Call::UpcallSetEntry, &[UPCALL])
        .call(Call::TrapSetTable, &[BASE + TABLE, vectors.len() as u32])
        .call(Call::EventBindInterrupt, &[0, 5, COUNT])
        .call(Call::EventBindSelf, &[6, COUNT])
        .call(Call::TimerSetPeriodic, &[1_000 + random.below(5_000), 0, random.below(4)])
        .jump(BASE + PROGRAM)
        .at(0x400)
        .store(SHARED + 4, 0)
        .store(SHARED + 0x400, 0)
        .iret()
        .at(0x440)
        .raw(&[0xff, 0x04, 0x24]) // inc dword [esp]
        .iret()
        .at(0x480)
        .raw(&[0x83, 0xc4, 4, 0xff, 0x04, 0x24]) // add esp, 4; inc dword [esp]
        .iret()
        .at(TABLE);
    for vector in vectors {
        let handler = if matches!(vector, 10..=14 | 17) { FAULT_WITH_CODE } else { FAULT };
        let user = if vector == 0x20 { trap_entry::FLAG_USER as u8 } else { 0 };
        code = code.raw(&[vector, user, SELECTOR_CODE as u8, 0]).raw(&handler.to_le_bytes());
    }
    code = code.at(PROGRAM);
    for _ in 0..150 {
        code = match random.below(8) {
            0 => {
                let call = CALLS[random.below(CALLS.len() as u32) as usize].call;
                // A guest that shuts down or returns to nowhere at once would test little.
                let ends = matches!(call, Call::Shutdown | Call::Iret) && random.below(16) != 0;
                let arguments: [u32; 5] = std::array::from_fn(|_| random.word());
                if ends { code } else { code.call(call, &arguments) }
            }
            1 => code.store(MASK, random.below(3) / 2),
            2 => code.store(SHARED + 4 * random.below(0x140), random.word()),
            3 => code.increment(DATA + 4 * random.below(8)),
            4 => code.raw(&[0xcd, [0x20, 0x21, 0x82, 3][random.below(4) as usize]]),
            5 => code.set(Register::Ecx, random.below(5)).raw(&[0xf3, 0xaa]), // rep stosb
            _ => {
                let bytes: Vec<u8> = (0..random.below(6)).map(|_| random.below(256) as u8).collect();
                code.raw(&bytes)
            }
        };
    }
    code.jump(BASE + PROGRAM)
}

fn run<R: Recorder>(machine: &mut Machine, slice_units: Option<u64>, recorder: &mut R) -> Progress {
    let limits = Limits { executed_units: Some(MOST_UNITS), slice_units, ..Limits::default() };
    loop {
        match machine.run(&limits, recorder) {
            Progress::Output => drop(machine.take_output()),
            Progress::Slice => {}
            Progress::InputWanted => machine.give_whole_input(b"some\ninput".to_vec()),
            end => return end,
        }
    }
}

#[test]
fn whatever_a_guest_does_its_run_is_repeated_to_the_byte() {
    let mut units = 0;
    let mut shut_down = 0;
    for seed in 1..=GUESTS {
        let rate = Rate::new([100_000_000, 1_000_000, 2_000][seed as usize % 3]).unwrap();
        let config = Config { rate, memory_bytes: Some(1 << 20), ..Config::default() };
        let image = guest(seed).image();
        let new = || Machine::new(image.clone(), config.clone()).unwrap();
        let (mut whole, mut cut, mut traced) = (new(), new(), new());
        let expected = run(&mut whole, None, &mut Unrecorded);
        assert_eq!(run(&mut cut, Some(1), &mut Unrecorded), expected, "seed {seed}");
        let mut tape = Tape::default();
        assert_eq!(run(&mut traced, Some(17), &mut tape), expected, "seed {seed}");
        assert_eq!(cut.digest(), whole.digest(), "seed {seed}");
        assert_eq!(traced.digest(), whole.digest(), "seed {seed}");
        assert_eq!(cut.ledger(), whole.ledger(), "seed {seed}");
        assert_eq!(traced.ledger(), whole.ledger(), "seed {seed}");
        assert!(whole.ledger().unwrap().balances(), "seed {seed}: {:?}", whole.ledger());
        units += whole.stamp().instruction;
        shut_down += u32::from(matches!(expected, Progress::Finished(Outcome::Shutdown { .. })));
    }
    assert!(units > GUESTS * MOST_UNITS / 4, "the guests run long enough to say something: {units}");
    assert!(u64::from(shut_down) < GUESTS / 2);
}
