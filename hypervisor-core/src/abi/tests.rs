//! What the tables promise about themselves.

use super::{
    AbiNote, ArgumentKind, CALLS, Call, CallError, ERRORS, EventPort, Group, HYPERCALL_PAGE_BYTES,
    HYPERCALL_STUB_BYTES, NoteProblem, PortDirection, Request, SENSITIVE, STRUCTS, SegmentRegister,
    TickPolicy, TrapEntry, VirtualInterrupt, own_note, show_call, show_result,
};

fn shown(address: u32) -> String {
    format!("0x{address:x}")
}

#[test]
fn the_table_is_in_the_order_of_the_numbers_and_of_the_enumeration() {
    for (place, description) in CALLS.iter().enumerate() {
        assert_eq!(description.call as usize, place, "{}", description.name);
        assert_eq!(Call::from_number(description.number), Some(description.call), "{}", description.name);
    }
    assert!(CALLS.windows(2).all(|pair| pair[0].number < pair[1].number));
}

#[test]
fn every_number_lies_in_the_range_of_its_group_and_has_a_stub() {
    for description in CALLS {
        let (first, last) = description.group.numbers();
        assert!((first..=last).contains(&description.number), "{}", description.name);
        assert!(description.number < HYPERCALL_PAGE_BYTES / HYPERCALL_STUB_BYTES, "{}", description.name);
    }
    assert!(Group::ALL.windows(2).all(|pair| pair[0].numbers().1 < pair[1].numbers().0));
}

#[test]
fn every_call_fits_five_registers_and_says_what_it_does() {
    for description in CALLS {
        let registers: usize = description.arguments.iter().map(|argument| argument.kind.registers()).sum();
        assert!(registers <= 5, "{}", description.name);
        assert!(description.documentation.concat().trim().len() > 10, "{}", description.name);
        assert!(description.arguments.iter().all(|argument| !argument.documentation.trim().is_empty()));
    }
}

#[test]
fn a_call_lists_the_errors_that_its_arguments_can_cause() {
    for description in CALLS {
        for argument in description.arguments {
            let causes: &[CallError] = match argument.kind {
                ArgumentKind::Integer
                | ArgumentKind::Integer64
                | ArgumentKind::Hexadecimal
                | ArgumentKind::Level => &[],
                ArgumentKind::Enumeration(_) => &[CallError::InvalidArgument],
                ArgumentKind::Port => &[CallError::NoSuchPort],
                ArgumentKind::Code => &[CallError::BadAddress],
                ArgumentKind::PageAddress => &[CallError::Misaligned],
                ArgumentKind::Pages => {
                    &[CallError::Misaligned, CallError::InvalidArgument, CallError::BadAddress]
                }
                ArgumentKind::BytesFromGuest | ArgumentKind::BytesToGuest => {
                    &[CallError::InvalidArgument, CallError::BadAddress]
                }
                ArgumentKind::ArrayFromGuest(_) => {
                    &[CallError::InvalidArgument, CallError::Misaligned, CallError::BadAddress]
                }
                ArgumentKind::StructToGuest(_) | ArgumentKind::IntegerToGuest(_) => {
                    &[CallError::Misaligned, CallError::BadAddress]
                }
            };
            for cause in causes {
                assert!(description.errors.contains(cause), "{} lacks {}", description.name, cause.name());
            }
        }
    }
}

#[test]
fn errors_count_down_from_minus_one_and_each_belongs_to_a_call() {
    for (place, description) in ERRORS.iter().enumerate() {
        assert_eq!(description.error as i32, -1 - i32::try_from(place).unwrap());
        assert_eq!(CallError::from_code(description.error.code()), Some(description.error));
        let used = CALLS.iter().any(|call| call.errors.contains(&description.error));
        assert!(used || description.error == CallError::NoSuchCall, "{}", description.name);
    }
}

#[test]
fn fields_cover_their_structure_without_gap_or_overlap() {
    for structure in STRUCTS {
        let end = structure.fields.iter().fold(0, |offset, field| {
            assert_eq!(field.offset, offset, "{}.{}", structure.name, field.name);
            offset + field.kind.size_bytes()
        });
        assert_eq!(end, structure.size_bytes, "{}", structure.name);
    }
}

#[test]
fn numbers_of_enumerations_are_those_of_the_tables() {
    for (kind, names) in [
        (
            super::values::VIRTUAL_INTERRUPT.values,
            VirtualInterrupt::ALL.map(|value| format!("{value:?}")).to_vec(),
        ),
        (super::values::PORT_DIRECTION.values, PortDirection::ALL.map(|value| format!("{value:?}")).to_vec()),
        (super::values::TICK_POLICY.values, TickPolicy::ALL.map(|value| format!("{value:?}")).to_vec()),
        (
            super::values::FAKE_REGISTER.values,
            super::FakeRegister::ALL.map(|value| format!("{value:?}")).to_vec(),
        ),
        (
            super::values::SEGMENT_REGISTER.values,
            SegmentRegister::ALL.map(|value| format!("{value:?}")).to_vec(),
        ),
    ] {
        let tabled: Vec<String> = kind.iter().map(|value| value.name.replace('_', "")).collect();
        assert_eq!(tabled, names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>());
        assert!(kind.iter().zip(0..).all(|(value, place)| value.value == place));
    }
}

#[test]
fn what_takes_the_place_of_an_instruction_is_a_call_a_field_or_a_constant() {
    let fields = STRUCTS.iter().flat_map(|structure| structure.fields).map(|field| field.name);
    let names: Vec<&str> = CALLS.iter().map(|call| call.name).chain(fields).collect();
    let mut checked = 0;
    for instruction in SENSITIVE {
        for name in instruction.instead.split('`').skip(1).step_by(2) {
            let known = names.contains(&name) || matches!(name, "PV_TRAP_USER" | "PV_SELECTOR_");
            assert!(known, "{}: {name}", instruction.name);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn arguments_that_cannot_be_right_are_refused_at_decoding() {
    let refused = [
        (Call::EventSend, [1024, 0, 0, 0, 0], CallError::NoSuchPort),
        (Call::EventBindInterrupt, [6, 0, 0x10_0000, 0, 0], CallError::InvalidArgument),
        (Call::EventBindInterrupt, [0, 0, 0x10_0001, 0, 0], CallError::Misaligned),
        (Call::TimeNow, [0xffff_fffc, 0, 0, 0, 0], CallError::BadAddress),
        (Call::ConsoleWrite, [0xffff_ffff, 2, 0, 0, 0], CallError::BadAddress),
        (Call::ConsoleRead, [0x10_0000, 0x8000_0000, 0, 0, 0], CallError::InvalidArgument),
        (Call::ConsoleRead, [0x8000_0002, 0x7fff_ffff, 0, 0, 0], CallError::BadAddress),
        (Call::TrapSetTable, [0x10_0000, 257, 0, 0, 0], CallError::InvalidArgument),
        (Call::TrapSetTable, [0x10_0002, 1, 0, 0, 0], CallError::Misaligned),
        (Call::TimerSetPeriodic, [1_000, 0, 4, 0, 0], CallError::InvalidArgument),
        (Call::SegmentSetBase, [2, 0, 0, 0, 0], CallError::InvalidArgument),
    ];
    for (call, registers, error) in refused {
        assert_eq!(
            Request::decode(call, &registers),
            Err(error),
            "{}",
            show_call(call.description().number, registers, shown)
        );
    }
}

#[test]
fn a_request_holds_the_typed_arguments() {
    assert_eq!(
        Request::decode(Call::TimerSetPeriodic, &[5, 1, 2, 0, 0]),
        Ok(Request::TimerSetPeriodic { period_ns: 0x1_0000_0005, policy: TickPolicy::Spread })
    );
    assert_eq!(
        Request::decode(Call::EventSend, &[1023, 0, 0, 0, 0]),
        Ok(Request::EventSend { port: EventPort::new(1023).unwrap() })
    );
    assert!(Request::decode(Call::ConsoleWrite, &[0xffff_ffff, 1, 0, 0, 0]).is_ok());
    assert!(Request::decode(Call::ConsoleWrite, &[0xffff_ffff, 0, 0, 0, 0]).is_ok());
}

#[test]
fn the_own_note_is_accepted_and_reads_back() {
    let note = own_note();
    assert_eq!(AbiNote::parse(&note.to_bytes()), Ok(note.clone()));
    assert_eq!(note.check(), Ok(()));
}

#[test]
fn a_guest_without_the_newest_calls_is_accepted() {
    let mut note = own_note();
    note.calls.truncate(3);
    assert_eq!(note.check(), Ok(()));
}

#[test]
fn notes_of_other_abis_are_refused_with_what_differs() {
    let mut major = own_note();
    major.version += 0x1_0000;
    assert_eq!(major.check(), Err(NoteProblem::Version { guest: major.version }));
    let mut minor = own_note();
    minor.version += 1;
    assert!(minor.check().unwrap_err().to_string().contains("ABI 1.2"));
    let mut unknown = own_note();
    unknown.calls.push((0xff, 0));
    assert_eq!(unknown.check(), Err(NoteProblem::UnknownCall { number: 0xff }));
    let mut changed = own_note();
    changed.calls[0].1 ^= 1;
    assert_eq!(changed.check(), Err(NoteProblem::ChangedCall { call: Call::EventBindInterrupt }));
}

#[test]
fn bytes_that_are_no_note_are_malformed() {
    let bytes = own_note().to_bytes();
    for length in [0, 4, 7, 12, bytes.len() - 8, bytes.len() - 1] {
        assert_eq!(AbiNote::parse(&bytes[..length]), Err(NoteProblem::Malformed), "{length} bytes");
    }
    let huge_count = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(AbiNote::parse(&huge_count), Err(NoteProblem::Malformed));
}

#[test]
fn a_trap_entry_is_checked_when_it_is_read() {
    let entry = TrapEntry::from_bytes([14, 1, 0x23, 0, 0, 0, 0x10, 0]);
    assert_eq!(entry, Ok(TrapEntry { vector: 14, keep_mask: true, user: false, address: Some(0x10_0000) }));
    for bad in
        [[0x82, 0, 0x23, 0, 0, 0, 0x10, 0], [3, 4, 0x23, 0, 0, 0, 0x10, 0], [3, 0, 0x1b, 0, 0, 0, 0x10, 0]]
    {
        assert_eq!(TrapEntry::from_bytes(bad), Err(CallError::InvalidArgument));
    }
}

#[test]
fn calls_are_shown_with_names_and_typed_arguments() {
    assert_eq!(show_call(0xd0, [0x10_1000, 14, 9, 9, 9], shown), "console_write(bytes=14 at 0x101000)");
    assert_eq!(
        show_call(0x01, [1, 3, 0x10_0000, 0, 0], shown),
        "event_bind_interrupt(interrupt=console_input, port=3, first_count=0x100000)"
    );
    assert_eq!(
        show_call(0x52, [0x8000_0000, 1, 0, 0, 0], shown),
        "timer_set_periodic(period_ns=6442450944, policy=one)"
    );
    assert_eq!(show_call(0x00, [0; 5], shown), "call 0x0");
    assert_eq!(show_result(0x10, 0x200), "0x200");
    assert_eq!(show_result(0xd0, CallError::BadAddress.code()), "bad_address (-2)");
}

/// Images of guests carry these hashes. A new call adds a line; a line that changes makes a new major version.
#[test]
fn the_signature_of_a_published_call_never_changes() {
    let published = [
        ("event_bind_interrupt", 0xc040_117e),
        ("event_bind_self", 0x5bbd_efd8),
        ("event_unbind", 0x05ee_09b7),
        ("event_mask", 0xe63b_4c6f),
        ("event_unmask", 0xcf16_a95a),
        ("event_send", 0x83d9_5d25),
        ("event_status", 0xfc71_f086),
        ("upcall_set_entry", 0xf0a0_32b2),
        ("event_bind_line", 0x95ba_1333),
        ("event_bind_channel", 0xe529_2206),
        ("event_bind_vector", 0xfde9_8ef0),
        ("event_ack", 0x4ea0_e527),
        ("event_set_priority", 0x2377_b764),
        ("event_bind_message_port", 0x6d11_e6d9),
        ("interrupts_set_level", 0xdf4b_0a15),
        ("interrupts_get_level", 0x314e_c83d),
        ("interrupts_flash", 0x3f21_0aa1),
        ("iret", 0x3e61_8ed8),
        ("trap_set_table", 0x5017_c3dc),
        ("trap_raise", 0xbe39_d561),
        ("segment_set_base", 0xee5d_cd65),
        ("register_get", 0x19f1_2f80),
        ("register_set", 0x414b_798f),
        ("fpu_set_switched", 0xc348_9adf),
        ("time_now", 0xbd7b_1dc9),
        ("timer_set_one_shot", 0x505a_0e84),
        ("timer_set_periodic", 0x8d2d_321b),
        ("timer_cancel", 0xcbcd_8787),
        ("watchdog_set", 0x5cea_7e8f),
        ("yield", 0x3250_a631),
        ("block", 0xcb35_85e7),
        ("shutdown", 0x0977_54e6),
        ("window_info", 0x1429_b32c),
        ("halt", 0xd6dc_b389),
        ("poll", 0x7cdf_993a),
        ("plan_switch", 0xfcea_c0b8),
        ("message_port_open", 0x4e06_f2ca),
        ("sampling_write", 0x41dd_da8d),
        ("sampling_read", 0x3896_03af),
        ("queuing_send", 0xd37f_1464),
        ("queuing_receive", 0x373f_ad56),
        ("message_port_status", 0x93ed_52c4),
        ("message_port_clear", 0x7d47_04e1),
        ("message_port_set_priority", 0xf1bd_1a65),
        ("health_raise", 0xd33d_bf97),
        ("health_read", 0x1a9f_f68b),
        ("health_acknowledge", 0x8ab5_e7c4),
        ("partition_find", 0x6c1e_54f2),
        ("partition_status", 0x703c_348f),
        ("partition_control", 0x9263_3fc0),
        ("partition_set_mode", 0xb1c6_bc0d),
        ("io_read", 0x74d7_a8f4),
        ("io_write", 0x8c97_6f3c),
        ("memory_protect", 0x3aa1_4b11),
        ("memory_map", 0xd97e_8a1f),
        ("memory_unmap", 0x0d4c_0293),
        ("memory_query", 0x99f9_f5f2),
        ("shared_area_find", 0x93be_397e),
        ("console_write", 0x81e1_652d),
        ("console_read", 0x131e_efe1),
        ("trace_mark", 0x4498_2aa3),
        ("trace_start", 0x4c7f_b772),
        ("trace_stop", 0xe41c_8bda),
    ];
    let hashes: Vec<(&str, u32)> = CALLS.iter().map(|call| (call.name, call.signature_hash())).collect();
    assert_eq!(hashes, published);
}
