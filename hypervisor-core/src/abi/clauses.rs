//! The clauses of the ABI: what a guest can rely on, one testable sentence each, with an id that does not change.
//!
//! The conformance kit has a guest for each clause that one partition can show by itself; `docs/ABI.md` lists them.

/// A clause of the ABI.
#[derive(Debug, Clone, Copy)]
pub struct ClauseDescription {
    /// A letter for its family and a number.
    pub id: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// Who can show that it holds.
    pub shown_by: ShownBy,
}

/// Who can show that a clause holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// A guest that is alone in its system.
    OneGuest,
    /// A guest in a system of two partitions, both of which run its image.
    TwoPartitions,
    /// Only somebody who watches the guest, which does not survive.
    Observer,
}

/// A letter and what its clauses are about.
pub const CLAUSE_FAMILIES: &[(char, &str)] = &[
    ('B', "Boot"),
    ('C', "Calls"),
    ('V', "Virtual interrupt flag"),
    ('D', "Delivery"),
    ('F', "Frame"),
    ('I', "Return and wait"),
    ('N', "Nothing is lost"),
    ('T', "Time and ticks"),
    ('X', "Exceptions"),
    ('G', "Segment bases"),
    ('R', "System registers"),
    ('M', "Memory and ports"),
    ('S', "Shared pages"),
    ('K', "Console"),
    ('W', "Windows"),
    ('E', "Events from outside"),
    ('P', "Message ports"),
    ('H', "Health and control"),
];

const fn clause(id: &'static str, text: &'static str) -> ClauseDescription {
    ClauseDescription { id, text, shown_by: ShownBy::OneGuest }
}

const fn between(id: &'static str, text: &'static str) -> ClauseDescription {
    ClauseDescription { id, text, shown_by: ShownBy::TwoPartitions }
}

const fn observed(id: &'static str, text: &'static str) -> ClauseDescription {
    ClauseDescription { id, text, shown_by: ShownBy::Observer }
}

/// Every clause, by family.
pub const CLAUSES: &[ClauseDescription] = &[
    clause(
        "B1",
        "At entry registers, selectors, flags, x87 state, mask and ports are as \"Entry\" and start info say.",
    ),
    clause(
        "B2",
        "Start info holds the magic number, the ABI version, a name, the clock rate and the addresses of the shared pages.",
    ),
    clause(
        "B3",
        "The memory map lists ranges of whole pages that do not overlap; each gives its rights and no more. Page 0 is no memory.",
    ),
    clause("C1", "A call changes no register but EAX, and no flag."),
    clause("C2", "The hypercall page and INT 82h are two ways to the same calls."),
    clause(
        "C3",
        "A number that belongs to no call returns `no_such_call`, through a stub and through the gate.",
    ),
    clause(
        "C4",
        "Arguments are judged from the left; each bad one has its error, and a call that returns an error has had no effect.",
    ),
    clause("C5", "A call costs the units of its instructions and no other virtual time."),
    clause(
        "V1",
        "The mask word is the virtual interrupt flag: 0 enables upcalls, every other value masks them.",
    ),
    clause(
        "V2",
        "Levels can be saved, restored and nested; a level has bit 200h set if, and only if, upcalls were enabled, and no other bit counts.",
    ),
    clause(
        "V3",
        "The flash lets one pending upcall happen, in a frame that says disabled, and leaves upcalls disabled.",
    ),
    clause(
        "V4",
        "PUSHF shows IF 1 and IOPL 0; POPF and IRET change neither IF nor IOPL nor the mask, silently; CLI and STI are #GP.",
    ),
    clause(
        "D1",
        "A store that enables, of whatever instruction, is followed by the upcall before the next instruction.",
    ),
    clause("D2", "After MOV to SS and POP SS one more instruction retires before an upcall."),
    clause(
        "D3",
        "Delivery sets the mask to 1 and clears TF and NT; a pending #DB goes first, and no step is lost.",
    ),
    clause("D4", "A call that makes an upcall due is followed by it before the next instruction."),
    clause("D5", "An upcall can come between two iterations of a REP, which is then continued."),
    clause("D6", "Without an entry no upcall is delivered, and what was pending comes when there is one."),
    clause("D7", "Upcalls with nothing to do are legal: a guest that sets `upcall_pending` itself gets one."),
    clause(
        "D8",
        "An event of a port that is bound to a vector enters by the trap table; the next one waits for `event_ack`.",
    ),
    clause(
        "D9",
        "Of events that enter by vectors the most urgent goes first, and interrupts the service of less urgent ones only.",
    ),
    clause(
        "F1",
        "The frame of an upcall is EIP, CS, EFLAGS in the three words below ESP; its IF is the virtual one before delivery.",
    ),
    clause(
        "F2",
        "An upcall between any two instructions changes no register, no flag, no x87 or SSE state and no byte at or above ESP.",
    ),
    clause(
        "F3",
        "The frame goes onto the stack that the guest has at that moment; no other stack is used, ever.",
    ),
    clause(
        "F4",
        "The frame of a trap is EIP, CS, EFLAGS and, for the vectors that have one, the error code below; nothing else changes.",
    ),
    between("F5", "If a frame cannot be written nothing of it is, and that is a crash of the partition."),
    clause(
        "I1",
        "`iret` restores EIP, CS, EFLAGS and the virtual interrupt flag in one act; IOPL and VM are ignored, bit 1 is forced, EAX stays.",
    ),
    clause("I2", "After `iret` one instruction retires before the next upcall, even if one is due."),
    clause(
        "I3",
        "A bad frame is a fault at the INT of `iret`, with ESP as it was there, and nothing has changed.",
    ),
    clause(
        "I4",
        "The core keeps nothing about an upcall: frames are returned from in any order, from any stack, and written by hand.",
    ),
    clause(
        "I5",
        "`block` enables and waits in one act, returns at once if an upcall is pending, and returns with the mask 0.",
    ),
    clause("I6", "`yield` leaves the virtual interrupt flag as it is and stays ready."),
    observed("I7", "A partition that waits for what can never come is reported as deadlocked."),
    clause(
        "I8",
        "`poll` returns a listed port that is pending, whatever masks it, takes nothing, and gives up at its deadline.",
    ),
    clause("N1", "An event raised while upcalls are masked stays pending and is counted."),
    clause(
        "N2",
        "An event on a masked port causes no upcall, stays pending and is counted; `event_unmask` delivers it.",
    ),
    clause(
        "N3",
        "A port's count goes up by one for each event and by nothing else, and the guest can only read it.",
    ),
    clause(
        "N4",
        "What is raised while a handler runs waits until upcalls are enabled again, and comes then.",
    ),
    clause(
        "N5",
        "Clearing the pending bit and then subtracting counts misses no event; a bit that the guest set itself is none.",
    ),
    clause(
        "N6",
        "Unbinding drops what is pending and keeps the count; `first_count` of the next bind is that count.",
    ),
    clause("N7", "Each of the 1,024 ports has its own bits, count and place in the selector."),
    clause(
        "T1",
        "The one-shot raises one event, not before its instant; an instant that has passed raises it at once.",
    ),
    clause("T2", "Periodic ticks are due at exact multiples of the period and do not drift."),
    clause("T3", "Policy one: of periods that passed together each is counted, and one event tells of them."),
    clause(
        "T4",
        "Policy burst: each period has an event of its own, raised when the last one has been taken.",
    ),
    clause(
        "T5",
        "Policy spread: up to 64 missed periods are made up for, one in the middle of each period to come.",
    ),
    clause(
        "T6",
        "Policy lose: of periods that passed together one counts; a guest that only masks loses none.",
    ),
    clause("T7", "Between two ticks at least one instruction of the guest retires."),
    clause("T8", "A period under 1,000 ns is an error and changes nothing."),
    clause(
        "X1",
        "A fault enters the guest's handler, masked or not, with the EIP of the instruction and RF set; corrected, it runs again.",
    ),
    clause("X2", "INT3, INTO and INT1 enter their handlers with the EIP after them, and need no permission."),
    clause(
        "X3",
        "With TF set #DB follows each instruction, but not the one that set TF; its handler runs without TF.",
    ),
    clause("X4", "A page fault leaves its address in `cr2` and says in its error code what was tried."),
    clause(
        "X5",
        "INT n enters a handler that allows it with the EIP after it and no error code; else it is #GP(8n + 2) at the INT.",
    ),
    clause("X6", "Entering a trap handler masks upcalls, unless its entry says `PV_TRAP_KEEP_MASK`."),
    clause(
        "X7",
        "`trap_raise` enters the handler of any vector but the gate's, with the EIP after the call and the error code where there is one.",
    ),
    clause("X8", "A privileged instruction is #GP(0) at itself."),
    clause(
        "X9",
        "`trap_set_table` checks all entries before the first takes effect; the later of two counts; 0 removes.",
    ),
    observed("X10", "An exception without a handler is a crash of the partition, reported with its place."),
    clause(
        "X11",
        "The shared page tells of the last trap that entered a handler: its vector, its error code and EIP in its frame.",
    ),
    clause("G1", "`segment_set_base` sets base and register in one act; base plus offset wraps."),
    clause("G2", "A base belongs to the descriptor: loading its selector again brings it back."),
    clause("R1", "SGDT, SIDT, SLDT, STR and SMSW do not fault and tell nothing of the host."),
    clause(
        "R2",
        "`register_set` and `register_get` agree with each other and with the shared page; what cannot be set is refused.",
    ),
    clause("R3", "TS, EM and MP of the fake CR0 act from the next instruction on; `fpu_set_switched` is TS."),
    clause(
        "R4",
        "The debug registers stop before an instruction, until RF lets it go on, and after a write or an access.",
    ),
    between(
        "R5",
        "Under `settle` privileged instructions act on the fake registers and the virtual interrupt flag, without a fault.",
    ),
    between(
        "R6",
        "With UMIP SGDT, SIDT, SLDT, STR and SMSW are #GP(0) at themselves unless they are settled, and CR4 says so.",
    ),
    clause(
        "M1",
        "`memory_protect` and `memory_unmap` act at once, on the partition's RAM alone; its contents stay.",
    ),
    clause("M2", "`memory_map` shows RAM at a second place: the same bytes at both, code too."),
    clause("M3", "I/O ports that are not granted are refused, to calls and to instructions."),
    between(
        "M4",
        "A granted I/O port reads as ones and a write to it goes nowhere, by calls and by instructions.",
    ),
    clause("S1", "The time page agrees with `time_now` to one microsecond and never runs ahead of it."),
    clause(
        "S2",
        "The core trusts nothing in the shared page: nonsense there harms nobody else and ends with it.",
    ),
    clause(
        "K1",
        "`console_write` takes any bytes of any length, and refuses a range that is not the guest's.",
    ),
    clause(
        "K2",
        "Console input and its end are events; `console_read` never waits and says when no more will come.",
    ),
    between("W1", "A partition runs in its windows, from the first unit to the last, and at no other time."),
    between(
        "W2",
        "The start of a window is an event; a partition that blocks for it runs when its window begins.",
    ),
    between(
        "W3",
        "A plan that was asked for begins at the end of the major frame; the last request counts; it needs the right.",
    ),
    between(
        "W4",
        "Periods that pass while a partition is not scheduled are counted as the timer's policy says.",
    ),
    between("W5", "`yield` returns at the start of the next window, or earlier with an upcall."),
    between(
        "W6",
        "A plan that begins starts those partitions again that it names, cold or warm as it says; the others go on.",
    ),
    between(
        "E1",
        "A line that fires while its owner is not scheduled stays pending, is counted, and is delivered when its window begins.",
    ),
    between(
        "E2",
        "An event channel raises the port at its other end, counted; only its configured ends can bind it.",
    ),
    between(
        "E3",
        "A channel's event is seen at once, at the end of the sender's window or of the frame, as configured.",
    ),
    between("E4", "A shared area is the same bytes for all its members, each with its own rights."),
    between(
        "P1",
        "A sampling port holds the last message, to be read again and again, and says whether it is still valid.",
    ),
    between(
        "P2",
        "A queuing port keeps messages, their boundaries and their order; each is received once; a full queue refuses or waits.",
    ),
    between("P3", "A queue by priority gives the most urgent message first, and of equals the oldest."),
    between(
        "P4",
        "A message is seen at once, at the end of the writer's window or of the frame, as configured; until then it takes up its place.",
    ),
    between(
        "P5",
        "When a partition starts again its message ports are closed, its queues empty, and what it wrote unseen is gone; a sample that could be seen stays.",
    ),
    between("H1", "After a cold restart everything is as at the first start, and start info says why."),
    between(
        "H2",
        "After a warm restart the image is as at the first start, memory outside it is kept, and start info says why.",
    ),
    between(
        "H3",
        "An error that is propagated is an event for the guest, and is in the health log with its code, words and time.",
    ),
    between("H4", "The watchdog is an event for the health monitor if it is not set again in time, once."),
    between(
        "H5",
        "With the right to it a partition sees, suspends, resumes, halts and restarts another; without it it is refused.",
    ),
    between(
        "H6",
        "A partition starts itself again, cold or warm, or halts; a request to shut down is an event that it may answer.",
    ),
    between(
        "H7",
        "More failing calls than the configured rate are an event for the health monitor; an answer such as `timed_out` is no failure.",
    ),
];

#[cfg(test)]
mod tests {
    use super::{CLAUSE_FAMILIES, CLAUSES};

    #[test]
    fn ids_are_families_in_their_order_and_numbers_without_a_gap() {
        let expected: Vec<String> = CLAUSE_FAMILIES
            .iter()
            .flat_map(|(letter, _)| {
                let count = CLAUSES.iter().filter(|clause| clause.id.starts_with(*letter)).count();
                (1..=count).map(move |number| format!("{letter}{number}"))
            })
            .collect();
        let ids: Vec<&str> = CLAUSES.iter().map(|clause| clause.id).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn a_clause_is_a_sentence_for_a_cell_of_a_table() {
        for clause in CLAUSES {
            assert!(clause.text.ends_with('.') && !clause.text.contains(['|', '\n']), "{clause:?}");
        }
    }
}
