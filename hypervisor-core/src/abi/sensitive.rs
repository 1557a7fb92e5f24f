//! The instructions by which a program can tell or change the state of the system: what becomes of each in ring 3, and
//! what a ported system uses in its place. For the document, for warnings and for reports.

/// A sensitive instruction, or several that are alike.
#[derive(Debug)]
pub struct SensitiveInstruction {
    /// Its name in the document.
    pub name: &'static str,
    /// How its disassembly begins, and what one of its operands begins with, if that matters.
    pub forms: &'static [(&'static str, &'static str)],
    /// What becomes of it, if privileged instructions are reflected.
    pub reflect: &'static str,
    /// What becomes of it, if they are settled; none: the same.
    pub settle: Option<&'static str>,
    /// What to use in its place.
    pub instead: &'static str,
}

const FAULT: &str = "#GP(0)";
const NOTHING: &str = "leave it out";

const fn row(
    name: &'static str,
    forms: &'static [(&'static str, &'static str)],
    reflect: &'static str,
    settle: Option<&'static str>,
    instead: &'static str,
) -> SensitiveInstruction {
    SensitiveInstruction { name, forms, reflect, settle, instead }
}

/// Every sensitive instruction.
pub static SENSITIVE: &[SensitiveInstruction] = &[
    row(
        "CLI",
        &[("cli", "")],
        FAULT,
        Some("stores 1 to `mask`"),
        "store 1 to `mask`, or `interrupts_set_level`",
    ),
    row(
        "STI",
        &[("sti", "")],
        FAULT,
        Some("stores 0 to `mask`; if that was not 0, one more instruction retires before the next upcall"),
        "store 0 to `mask`, or `interrupts_set_level`",
    ),
    row(
        "HLT",
        &[("hlt", "")],
        FAULT,
        Some("waits until an upcall is pending; `mask` stays as it is"),
        "`block`, which unmasks and waits in one act",
    ),
    row("PUSHF", &[("pushf", "")], "IF is 1 and IOPL 0, whatever `mask` says", None, "read `mask`"),
    row(
        "POPF",
        &[("popf", "")],
        "IF, IOPL and `mask` stay as they are",
        None,
        "store to `mask`, or `interrupts_set_level`",
    ),
    row("IRET", &[("iret", "")], "IF, IOPL and `mask` stay as they are", None, "JMP to the stub of `iret`"),
    row(
        "MOV to and from CR0, CR2, CR3, CR4",
        &[("mov", "cr")],
        FAULT,
        Some(
            "the fake register; #GP(0) for a bit that cannot be changed, but reserved bits of CR0 are ignored; #UD for a register that does not exist",
        ),
        "`register_set`, `register_get`, or for reading `cr0`, `cr2`, `cr3`, `cr4`",
    ),
    row(
        "MOV to and from debug registers",
        &[("mov", "dr")],
        FAULT,
        Some("the fake register; DR4 and DR5 are DR6 and DR7"),
        "`register_set`, `register_get`",
    ),
    row("CLTS", &[("clts", "")], FAULT, Some("clears TS of the fake CR0"), "`fpu_set_switched`"),
    row("LMSW", &[("lmsw", "")], FAULT, Some("sets MP, EM and TS of the fake CR0"), "`register_set`"),
    row(
        "SMSW",
        &[("smsw", "")],
        "80050033h, whatever the fake CR0 holds; with UMIP #GP(0)",
        Some("with UMIP the fake CR0, else 80050033h"),
        "`register_get`, or `cr0`",
    ),
    row(
        "LGDT",
        &[("lgdt", "")],
        FAULT,
        Some("the fake GDTR; segments stay as they are"),
        "`segment_set_base` for FS and GS; `register_set` to keep a value",
    ),
    row(
        "LIDT",
        &[("lidt", "")],
        FAULT,
        Some("the fake IDTR; handlers stay as they are"),
        "`trap_set_table`, and `upcall_set_entry` for interrupts",
    ),
    row(
        "LLDT, LTR",
        &[("lldt", ""), ("ltr", "")],
        FAULT,
        Some("the fake register"),
        "`register_set` to keep a value",
    ),
    row(
        "SGDT, SIDT, SLDT, STR",
        &[("sgdt", ""), ("sidt", ""), ("sldt", ""), ("str", "")],
        "fixed values: base FFFE0000h, base FFFF0000h, 0, 40h; with UMIP #GP(0)",
        Some("with UMIP the fake register, else the fixed values"),
        "`register_get`, or a copy in the shared page",
    ),
    row(
        "RDMSR",
        &[("rdmsr", "")],
        FAULT,
        Some("10h reads as RDTSC does, 1Bh as FEE00100h (no APIC in use); #GP(0) for all others"),
        "`time_now` or RDTSC for a clock, else leave it out",
    ),
    row("WRMSR", &[("wrmsr", "")], FAULT, None, NOTHING),
    row("RDPMC", &[("rdpmc", "")], FAULT, None, "`time_now`"),
    row(
        "RDTSC",
        &[("rdtsc", "")],
        "virtual time in units; with TSD of the fake CR4 #GP(0)",
        Some("virtual time in units, with TSD too"),
        "the same, or `time_now`",
    ),
    row(
        "INVD, WBINVD, INVLPG",
        &[("invd", ""), ("wbinvd", ""), ("invlpg", "")],
        FAULT,
        Some("nothing"),
        NOTHING,
    ),
    row(
        "IN, OUT, INS, OUTS",
        &[("in", ""), ("out", ""), ("ins", ""), ("outs", "")],
        "a granted port reads as ones, and a write goes nowhere; other ports are #GP(0)",
        None,
        "`console_write`, `console_read`, a timer call; `io_read`, `io_write` for ports that the configuration grants",
    ),
    row(
        "INT n",
        &[("int", "")],
        "the handler of n, if it has `PV_TRAP_USER`; else #GP(8n + 2)",
        None,
        "set a handler with `PV_TRAP_USER` by `trap_set_table`",
    ),
    row(
        "INT3, INTO, INT1, BOUND",
        &[],
        "exceptions 3, 4, 1 and 5",
        None,
        "the same, with handlers set by `trap_set_table`",
    ),
    row(
        "MOV to a segment register, POP of one, LDS, LES, LFS, LGS, LSS",
        &[],
        "#GP(selector), but for 23h, 2Bh, 33h, 3Bh and null",
        None,
        "the `PV_SELECTOR_` constants, and `segment_set_base`",
    ),
    row(
        "PUSH of a segment register, MOV from one",
        &[],
        "selectors show ring 3",
        None,
        "the same; compare with the `PV_SELECTOR_` constants",
    ),
    row("Far CALL, JMP and RET", &[], "#GP(selector), but for 23h", None, "a near transfer"),
    row(
        "LAR, LSL, VERR, VERW",
        &[],
        "tell of the descriptors that are there: 18h, 23h, 2Bh, 33h, 3Bh",
        None,
        NOTHING,
    ),
    row("CPUID", &[], "the processor that the configuration chose", None, "the same"),
    row(
        "SYSENTER, SYSEXIT",
        &[("sysenter", ""), ("sysexit", "")],
        FAULT,
        None,
        "a call through the hypercall page",
    ),
    row(
        "x87, MMX and SSE instructions, FWAIT",
        &[],
        "#NM and #UD as TS, EM and MP of the fake CR0 and OSFXSR of the fake CR4 say",
        None,
        "the same; `fpu_set_switched` for TS",
    ),
    row("RSM, MONITOR, MWAIT, VMCALL", &[], "#UD", None, NOTHING),
];

/// The row of an instruction by its disassembly.
#[must_use]
pub fn sensitive(text: &str) -> Option<&'static SensitiveInstruction> {
    const PREFIXES: [&str; 9] = ["rep", "repe", "repne", "lock", "o16", "a16", "o32", "a32", "notrack"];
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty() && !PREFIXES.contains(word));
    let mnemonic = words.next()?;
    let operands: Vec<&str> = words.collect();
    let is = |form: &(&str, &str)| {
        let (name, operand) = *form;
        // INSB, OUTSD, POPFD: the name with a width.
        let rest = mnemonic.strip_prefix(name);
        let named = rest.is_some_and(|rest| rest.is_empty() || WIDE.contains(&name) && rest.len() == 1);
        named && (operand.is_empty() || operands.iter().any(|one| one.starts_with(operand)))
    };
    SENSITIVE.iter().find(|instruction| instruction.forms.iter().any(is))
}

/// Mnemonics that a letter for the width can follow.
const WIDE: [&str; 5] = ["pushf", "popf", "iret", "ins", "outs"];
