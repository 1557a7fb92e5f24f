//! Small guests in machine code.

use crate::abi::{Call, shared_page};
use crate::record::Unrecorded;
use crate::test_images::{BASE, Code, finish};
use crate::{Limits, Outcome, Progress};

const SHARED: u32 = 0xf000_2000;
const MASK: u32 = SHARED + shared_page::MASK;
const DATA: u32 = BASE + 0x4000;

#[test]
fn a_guest_writes_to_its_console_and_ends_with_its_code() {
    let text = b"hello\n";
    let code = Code::default()
        .call(Call::ConsoleWrite, &[BASE + 0x100, text.len() as u32])
        .call(Call::Shutdown, &[7])
        .at(0x100)
        .raw(text);
    let (outcome, output) = finish(&mut code.machine(), &mut Unrecorded);
    assert_eq!(output, text);
    assert_eq!(outcome, Outcome::Shutdown { code: 7 });
}

#[test]
fn an_enabling_store_delivers_before_the_next_instruction() {
    let handler = BASE + 0x200;
    let code = Code::default()
        .call(Call::UpcallSetEntry, &[handler])
        .call(Call::EventBindSelf, &[5, DATA + 0x100])
        .call(Call::EventSend, &[5])
        .increment(DATA)
        .store(MASK, 0)
        .increment(DATA)
        .call(Call::Shutdown, &[0])
        .at(0x200)
        .load_eax(DATA)
        .store_eax(DATA + 4)
        .store(SHARED + shared_page::UPCALL_PENDING, 0)
        .iret();
    let mut machine = code.machine();
    let (outcome, _) = finish(&mut machine, &mut Unrecorded);
    assert_eq!(outcome, Outcome::Shutdown { code: 0 });
    assert_eq!(words(&machine, DATA), [2, 1]);
}

#[test]
fn the_caller_is_asked_for_input_once_and_before_the_first_read() {
    let code = Code::default()
        .call(Call::ConsoleRead, &[DATA, 4])
        .store_eax(DATA + 8)
        .call(Call::ConsoleRead, &[DATA, 4])
        .call(Call::Shutdown, &[0]);
    let mut machine = code.machine();
    assert_eq!(machine.run(&Limits::default(), &mut Unrecorded), Progress::InputWanted);
    machine.give_whole_input(b"ab".to_vec());
    let end = machine.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(end, Progress::Finished(Outcome::Shutdown { code: 0 }));
    assert_eq!(words(&machine, DATA + 8), [2]);

    let mut given_before = code.machine();
    given_before.give_whole_input(b"ab".to_vec());
    let end = given_before.run(&Limits::default(), &mut Unrecorded);
    assert_eq!(end, Progress::Finished(Outcome::Shutdown { code: 0 }));
}

fn words<const COUNT: usize>(machine: &super::Machine, address: u32) -> [u32; COUNT] {
    std::array::from_fn(|index| {
        let bytes = machine.guest.bytes(address + 4 * index as u32, 4).unwrap();
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    })
}
