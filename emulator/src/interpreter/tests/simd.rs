//! MMX and SSE around their arithmetic: which processor has them, which faults come first, what a fault leaves behind.

use super::{Bench, CODE, DATA, faults};
use crate::cpu::{EAX, ECX, EDI, EDX, control, flags};
use crate::interpreter::{CpuProfile, Interpreter, Settings};
use crate::{AccessKind, Exit, F80, Observer, RunInputs, Step, Vector};

const ADDPS: &[u8] = &[0x0f, 0x58, 0xc1];
const PADDB: &[u8] = &[0x0f, 0xfc, 0xc1];
const DIVSS: &[u8] = &[0xf3, 0x0f, 0x5e, 0xc1];
/// movaps xmm0, [edi]; movups and the stores alike.
const MOVAPS_LOAD: &[u8] = &[0x0f, 0x28, 0x07];
const MOVUPS_LOAD: &[u8] = &[0x0f, 0x10, 0x07];
const MOVUPS_STORE: &[u8] = &[0x0f, 0x11, 0x07];

/// A processor with all instructions and a system that saves SSE.
fn bench(code: &[u8]) -> Bench {
    let mut bench = profile(code, CpuProfile::Prescott);
    bench.cpu.system.cr4 = control::CR4_OSFXSR | control::CR4_OSXMMEXCPT;
    bench
}

fn profile(code: &[u8], profile: CpuProfile) -> Bench {
    let mut bench = Bench::new(code);
    bench.cpu.system.cr4 = control::CR4_OSFXSR;
    bench.cpu.registers[EDI] = DATA;
    bench.engine = Interpreter::new(Settings { profile, ..Settings::default() });
    bench
}

#[test]
fn an_instruction_outside_the_profile_is_invalid() {
    use CpuProfile::{I686, Pentium4, Prescott};
    let table: &[(&[u8], Option<CpuProfile>)] = &[
        (PADDB, Some(I686)),
        (&[0x0f, 0x77], Some(I686)),
        // pavgb mm0, mm1 came with SSE; paddq and psubq mm0, mm1 with SSE2.
        (&[0x0f, 0xe0, 0xc1], Some(Pentium4)),
        (&[0x0f, 0xd4, 0xc1], Some(Pentium4)),
        (&[0x0f, 0xfb, 0xc1], Some(Pentium4)),
        (ADDPS, Some(Pentium4)),
        (&[0x66, 0x0f, 0x58, 0xc1], Some(Pentium4)),
        // clflush [edi]; sfence; mfence; movnti [edi], eax
        (&[0x0f, 0xae, 0x3f], Some(Pentium4)),
        (&[0x0f, 0xae, 0xf8], Some(Pentium4)),
        (&[0x0f, 0xae, 0xf0], Some(Pentium4)),
        (&[0x0f, 0xc3, 0x07], Some(Pentium4)),
        // haddps; lddqu xmm0, [edi]
        (&[0xf2, 0x0f, 0x7c, 0xc1], Some(Prescott)),
        (&[0xf2, 0x0f, 0xf0, 0x07], Some(Prescott)),
        // pabsb xmm0, xmm1; pmulld xmm0, xmm1; monitor
        (&[0x66, 0x0f, 0x38, 0x1c, 0xc1], None),
        (&[0x66, 0x0f, 0x38, 0x40, 0xc1], None),
        (&[0x0f, 0x01, 0xc8], None),
    ];
    for (code, since) in table {
        for which in [I686, Pentium4, Prescott] {
            let exit = profile(code, which).run(1).exit;
            let present = since.is_some_and(|since| which >= since);
            if present {
                assert_eq!(exit, Exit::Budget, "{code:x?} on {which:?}");
            } else {
                assert!(faults(exit, Vector::InvalidOpcode, 0), "{code:x?} on {which:?}: {exit:?}");
            }
        }
    }
}

#[test]
fn cpuid_claims_what_the_profile_has() {
    const MMX: u32 = 1 << 23;
    const SSE_AND_FXSR: u32 = 7 << 24 | 1 << 19;
    let table = [
        (CpuProfile::I686, MMX, 0),
        (CpuProfile::Pentium4, MMX | SSE_AND_FXSR, 0),
        (CpuProfile::Prescott, MMX | SSE_AND_FXSR, 1),
    ];
    for (which, edx, ecx) in table {
        let mut bench = profile(&[0x0f, 0xa2], which);
        bench.cpu.registers[EAX] = 1;
        assert_eq!(bench.run(1).exit, Exit::Budget);
        assert_eq!(bench.cpu.registers[EDX] & (MMX | SSE_AND_FXSR), edx, "{which:?}");
        assert_eq!(bench.cpu.registers[ECX], ecx, "{which:?}");
    }
}

#[test]
fn cpuid_names_a_vendor_whose_features_programs_look_at() {
    for which in [CpuProfile::I686, CpuProfile::Pentium4, CpuProfile::Prescott] {
        let mut bench = profile(&[0x0f, 0xa2], which);
        assert_eq!(bench.run(1).exit, Exit::Budget);
        let [eax, ecx, edx, ebx, ..] = bench.cpu.registers;
        assert_eq!([ebx, edx, ecx].map(u32::to_le_bytes).concat(), b"GenuineIntel");
        assert_eq!(eax, 2, "{which:?}");
        // Leaf 2 is asked once: AL is 1. Bit 31 is clear: the bytes are descriptors.
        let mut bench = profile(&[0x0f, 0xa2], which);
        bench.cpu.registers[EAX] = 2;
        assert_eq!(bench.run(1).exit, Exit::Budget);
        assert_eq!(bench.cpu.registers[EAX] & 0x8000_00ff, 1, "{which:?}");
    }
}

#[test]
fn control_bits_decide_before_operands() {
    let sfence: &[u8] = &[0x0f, 0xae, 0xf8];
    let absent: &[u8] = &[0x0f, 0x28, 0x05, 0, 0, 0, 0];
    let table: &[(&[u8], u32, u32, Option<Vector>)] = &[
        (ADDPS, control::CR0_EM, control::CR4_OSFXSR, Some(Vector::InvalidOpcode)),
        (PADDB, control::CR0_EM, control::CR4_OSFXSR, Some(Vector::InvalidOpcode)),
        (ADDPS, control::CR0_TS, control::CR4_OSFXSR, Some(Vector::DeviceNotAvailable)),
        (PADDB, control::CR0_TS, control::CR4_OSFXSR, Some(Vector::DeviceNotAvailable)),
        (ADDPS, control::CR0_TS, 0, Some(Vector::InvalidOpcode)),
        (PADDB, 0, 0, None),
        (absent, control::CR0_TS, control::CR4_OSFXSR, Some(Vector::DeviceNotAvailable)),
        (absent, 0, control::CR4_OSFXSR, Some(Vector::PageFault)),
        (sfence, control::CR0_EM | control::CR0_TS, 0, None),
    ];
    for (code, cr0, cr4, expected) in table {
        let mut bench = bench(code);
        (bench.cpu.system.cr0, bench.cpu.system.cr4) = (bench.cpu.system.cr0 | cr0, *cr4);
        let vector = match bench.run(1).exit {
            Exit::Exception(exception) => Some(exception.vector),
            _ => None,
        };
        assert_eq!(vector, *expected, "{code:x?} with CR0 {cr0:x} and CR4 {cr4:x}");
    }
}

#[test]
fn every_class_of_instructions_asks_its_own_control_bits() {
    use control::{CR0_EM, CR0_MP, CR0_TS};
    const UD: Option<Vector> = Some(Vector::InvalidOpcode);
    const NM: Option<Vector> = Some(Vector::DeviceNotAvailable);
    // Without OSFXSR; with EM; with TS; with MP and TS.
    type Row = (&'static str, &'static [u8], [Option<Vector>; 4]);
    let table: &[Row] = &[
        ("fld1", &[0xd9, 0xe8], [None, NM, NM, NM]),
        ("fninit", &[0xdb, 0xe3], [None, NM, NM, NM]),
        ("fnstsw ax", &[0xdf, 0xe0], [None, NM, NM, NM]),
        ("fisttp dword [edi]", &[0xdb, 0x0f], [None, NM, NM, NM]),
        ("fwait", &[0x9b], [None, None, None, NM]),
        ("fxsave [edi]", &[0x0f, 0xae, 0x07], [None, NM, NM, NM]),
        ("emms", &[0x0f, 0x77], [None, UD, NM, NM]),
        ("movq [edi], mm0", &[0x0f, 0x7f, 0x07], [None, UD, NM, NM]),
        ("movntq [edi], mm0", &[0x0f, 0xe7, 0x07], [None, UD, NM, NM]),
        ("pavgb mm0, mm1", &[0x0f, 0xe0, 0xc1], [None, UD, NM, NM]),
        ("maskmovq mm0, mm1", &[0x0f, 0xf7, 0xc1], [None, UD, NM, NM]),
        ("paddq mm0, mm1", &[0x0f, 0xd4, 0xc1], [None, UD, NM, NM]),
        ("cvtpi2ps xmm0, [edi]", &[0x0f, 0x2a, 0x07], [UD, UD, NM, NM]),
        ("cvtps2pi mm0, xmm1", &[0x0f, 0x2d, 0xc1], [UD, UD, NM, NM]),
        ("movdq2q mm0, xmm1", &[0xf2, 0x0f, 0xd6, 0xc1], [UD, UD, NM, NM]),
        ("maskmovdqu xmm0, xmm1", &[0x66, 0x0f, 0xf7, 0xc1], [UD, UD, NM, NM]),
        ("movntps [edi], xmm0", &[0x0f, 0x2b, 0x07], [UD, UD, NM, NM]),
        ("stmxcsr [edi]", &[0x0f, 0xae, 0x1f], [UD, UD, NM, NM]),
        ("pextrw eax, xmm0, 0", &[0x66, 0x0f, 0xc5, 0xc0, 0], [UD, UD, NM, NM]),
        ("ucomisd xmm0, xmm1", &[0x66, 0x0f, 0x2e, 0xc1], [UD, UD, NM, NM]),
        ("lddqu xmm0, [edi]", &[0xf2, 0x0f, 0xf0, 0x07], [UD, UD, NM, NM]),
        ("prefetchnta [edi]", &[0x0f, 0x18, 0x07], [None; 4]),
        ("movnti [edi], eax", &[0x0f, 0xc3, 0x07], [None; 4]),
        ("clflush [edi]", &[0x0f, 0xae, 0x3f], [None; 4]),
        ("lfence", &[0x0f, 0xae, 0xe8], [None; 4]),
        ("mfence", &[0x0f, 0xae, 0xf0], [None; 4]),
        ("pause", &[0xf3, 0x90], [None; 4]),
    ];
    for (name, code, expected) in table {
        let settings = [(0, 0), (CR0_EM, u32::MAX), (CR0_TS, u32::MAX), (CR0_MP | CR0_TS, u32::MAX)];
        for ((cr0, cr4), expected) in settings.into_iter().zip(expected) {
            let mut bench = bench(code);
            bench.cpu.system.cr0 = bench.cpu.system.cr0 & !(CR0_EM | CR0_MP | CR0_TS) | cr0;
            bench.cpu.system.cr4 = cr4 & control::CR4_OSFXSR;
            let vector = match bench.run(1).exit {
                Exit::Exception(exception) => Some(exception.vector),
                _ => None,
            };
            assert_eq!(vector, *expected, "{name} with CR0 {cr0:x} and CR4 {cr4:x}");
        }
    }
}

#[test]
fn an_unmasked_exception_leaves_its_flags_and_nothing_else() {
    for (cr4, vector) in [(control::CR4_OSXMMEXCPT, Vector::SimdFloatingPoint), (0, Vector::InvalidOpcode)] {
        let mut bench = bench(DIVSS);
        bench.cpu.system.cr4 = control::CR4_OSFXSR | cr4;
        // 1 / 0 with divide-by-zero unmasked.
        (bench.cpu.sse.xmm[0], bench.cpu.sse.mxcsr) = (0x3f80_0000, 0x1d80);
        let exit = bench.run(1).exit;
        assert!(faults(exit, vector, 0), "{exit:?}");
        assert_eq!((bench.cpu.sse.xmm[0], bench.cpu.sse.mxcsr, bench.cpu.eip), (0x3f80_0000, 0x1d84, CODE));
    }
}

#[test]
fn an_unmasked_exception_found_first_hides_those_of_other_lanes() {
    let mut bench = bench(&[0x0f, 0x5e, 0xc1]);
    // 1 / 0 and 1 / 3; divide-by-zero unmasked, precision masked.
    bench.cpu.sse.xmm[0] = 0x3f80_0000_3f80_0000;
    (bench.cpu.sse.xmm[1], bench.cpu.sse.mxcsr) = (0x4040_0000, 0x1d80 & !0x80 | 0x80);
    assert!(faults(bench.run(1).exit, Vector::SimdFloatingPoint, 0));
    assert_eq!(bench.cpu.sse.mxcsr & 0x24, 4);
}

#[test]
fn mmx_waits_for_x87_and_takes_its_stack() {
    let mut bench = bench(&[PADDB, &[0x0f, 0x77]].concat());
    bench.cpu.fpu.status = 0x1881;
    bench.cpu.fpu.control = 0x37e;
    assert!(faults(bench.run(1).exit, Vector::FloatingPoint, 0));
    bench.cpu.fpu.control = 0x37f;
    bench.cpu.fpu.registers[1].significand = 0x1ff;
    assert_eq!(bench.run(1).exit, Exit::Budget);
    assert_eq!(bench.cpu.fpu.registers[0], F80 { sign_exponent: 0xffff, significand: 0x1ff });
    assert_eq!((bench.cpu.fpu.top(), bench.cpu.fpu.tags), (0, 0xff));
    assert_eq!(bench.run(1).exit, Exit::Budget);
    assert_eq!(bench.cpu.fpu.tags, 0);
}

#[test]
fn a_conversion_from_memory_neither_waits_for_x87_nor_takes_its_stack() {
    // cvtpi2ps xmm0, [edi]; cvtpi2pd xmm0, [edi]; and cvtpi2ps xmm0, mm1
    for (code, waits) in
        [(&[0x0f, 0x2a, 0x07][..], false), (&[0x66, 0x0f, 0x2a, 0x07], false), (&[0x0f, 0x2a, 0xc1], true)]
    {
        let mut bench = bench(code);
        (bench.cpu.fpu.status, bench.cpu.fpu.control) = (0x1881, 0x37e);
        let exit = bench.run(1).exit;
        assert_eq!(faults(exit, Vector::FloatingPoint, 0), waits, "{code:x?}: {exit:?}");
        assert_eq!((bench.cpu.fpu.status, bench.cpu.fpu.tags), (0x1881, 0), "{code:x?}");
    }
}

#[test]
fn what_later_processors_made_of_hints_is_one_still() {
    // prefetchit1 [edi]; prefetchit0 [0]; rdsspd eax
    for code in [&[0x0f, 0x18, 0x37][..], &[0x0f, 0x18, 0x3d, 0, 0, 0, 0], &[0xf3, 0x0f, 0x1e, 0xc8]] {
        for which in [CpuProfile::I686, CpuProfile::Prescott] {
            let mut bench = profile(code, which);
            bench.cpu.registers[EAX] = 7;
            assert_eq!(bench.run(1).exit, Exit::Budget, "{code:x?} on {which:?}");
            assert_eq!(bench.cpu.registers[EAX], 7);
        }
    }
    // wbnoinvd is wbinvd.
    let exit = profile(&[0xf3, 0x0f, 0x09], CpuProfile::Prescott).run(1).exit;
    assert_eq!(exit, Exit::Privileged(crate::Privileged::Cache));
}

#[test]
fn a_misaligned_operand_is_refused_before_its_page_is_looked_at() {
    for (code, address, expected) in [
        (MOVAPS_LOAD, DATA + 8, Some(Vector::GeneralProtection)),
        (MOVAPS_LOAD, 8, Some(Vector::GeneralProtection)),
        (MOVAPS_LOAD, 16, Some(Vector::PageFault)),
        (MOVUPS_LOAD, DATA + 8, None),
        (MOVUPS_LOAD, 8, Some(Vector::PageFault)),
        (&[0xf3, 0x0f, 0x58, 0x07], DATA + 1, None),
    ] {
        let mut bench = bench(code);
        bench.cpu.registers[EDI] = address;
        let vector = match bench.run(1).exit {
            Exit::Exception(exception) => Some(exception.vector),
            _ => None,
        };
        assert_eq!(vector, expected, "{code:x?} at {address:x}");
    }
}

#[test]
fn alignment_checks_cover_all_sixteen_bytes() {
    for (code, address) in [(MOVUPS_LOAD, DATA + 8), (MOVAPS_LOAD, DATA + 8), (MOVUPS_STORE, DATA + 4)] {
        let mut bench = bench(code);
        bench.cpu.system.cr0 |= control::CR0_AM;
        bench.cpu.eflags |= flags::AC;
        bench.cpu.registers[EDI] = address;
        assert!(faults(bench.run(1).exit, Vector::AlignmentCheck, 0), "{code:x?} at {address:x}");
    }
}

#[test]
fn a_store_into_a_missing_page_writes_nothing() {
    let mut bench = bench(MOVUPS_STORE);
    bench.cpu.sse.xmm[0] = u128::MAX;
    bench.cpu.registers[EDI] = DATA + 0x1000 - 8;
    let exit = bench.run(1).exit;
    assert!(matches!(exit, Exit::Exception(e) if e.address == DATA + 0x1000), "{exit:?}");
    assert_eq!((bench.word(DATA + 0xff8), bench.word(DATA + 0xffc)), (0, 0));
}

#[test]
fn a_fault_of_an_image_names_its_first_or_its_last_byte() {
    const MISSING: u32 = DATA + 0x1000;
    // fnstenv [edi]; fldenv [edi]; fxsave [edi]; fxrstor [edi]
    let table: &[(&[u8], u32, u32)] = &[
        (&[0xd9, 0x37], MISSING - 4, MISSING + 23),
        (&[0xd9, 0x37], MISSING, MISSING),
        (&[0xd9, 0x27], MISSING - 4, MISSING + 23),
        (&[0xd9, 0x27], MISSING, MISSING),
        (&[0x0f, 0xae, 0x07], MISSING - 16, MISSING + 495),
        (&[0x0f, 0xae, 0x07], MISSING, MISSING + 511),
        (&[0x0f, 0xae, 0x0f], MISSING - 16, MISSING + 495),
        (&[0x0f, 0xae, 0x0f], MISSING, MISSING + 511),
    ];
    for (code, address, expected) in table {
        let mut bench = bench(code);
        bench.cpu.registers[EDI] = *address;
        let exit = bench.run(1).exit;
        assert!(
            matches!(exit, Exit::Exception(e) if e.vector == Vector::PageFault && e.address == *expected),
            "{code:x?} at {address:x}: {exit:x?}"
        );
    }
}

#[test]
fn a_mask_chooses_bytes_but_not_pages() {
    // maskmovdqu xmm0, xmm1
    let code = [0x66, 0x0f, 0xf7, 0xc1];
    let mut chosen = bench(&code);
    chosen.cpu.sse.xmm[0] = 0x4433_2211;
    chosen.cpu.sse.xmm[1] = 0x8000_80ff;
    assert_eq!(chosen.run(1).exit, Exit::Budget);
    assert_eq!(chosen.word(DATA), 0x4400_2211);
    let mut none = bench(&code);
    none.cpu.registers[EDI] = DATA + 0x1000 - 8;
    assert!(matches!(none.run(1).exit, Exit::Exception(e) if e.vector == Vector::PageFault));
}

#[test]
fn mxcsr_has_no_bits_above_the_sixteenth() {
    // ldmxcsr [edi]; stmxcsr [edi+4]
    let mut bench = bench(&[0x0f, 0xae, 0x17, 0x0f, 0xae, 0x5f, 4]);
    bench.set_word(DATA, 0x1_0000);
    assert!(faults(bench.run(2).exit, Vector::GeneralProtection, 0));
    assert_eq!(bench.cpu.sse.mxcsr, 0x1f80);
    bench.set_word(DATA, 0xffff);
    assert_eq!(bench.run(2).exit, Exit::Budget);
    assert_eq!(bench.word(DATA + 4), 0xffff);
}

#[derive(Default)]
struct Accesses(Vec<(AccessKind, u32, u8, u64)>);

impl Observer for Accesses {
    fn step(&mut self, step: &Step<'_>) {
        self.0.extend(step.accesses.iter().map(|a| (a.kind, a.address, a.length_bytes, a.value)));
    }
}

#[test]
fn sixteen_bytes_are_traced_as_two_accesses() {
    let mut bench = bench(&[MOVUPS_STORE, MOVAPS_LOAD].concat());
    bench.cpu.sse.xmm[0] = 2 << 64 | 1;
    let mut accesses = Accesses::default();
    let inputs = RunInputs { units: 2, ..RunInputs::default() };
    let ran = bench.engine.run(&mut bench.cpu, &mut bench.space, &mut bench.memory, &inputs, &mut accesses);
    assert_eq!(ran.exit, Exit::Budget);
    let pair = |kind| [(kind, DATA, 8, 1), (kind, DATA + 8, 8, 2)];
    assert_eq!(accesses.0, [pair(AccessKind::Write), pair(AccessKind::Read)].concat());
}

#[test]
fn comparisons_settle_all_arithmetic_flags() {
    // ucomiss xmm0, xmm1, for less, equal, greater and unordered
    let one = 0x3f80_0000;
    for (a, b, expected) in [
        (0, one, flags::CF),
        (one, one, flags::ZF),
        (one, 0, 0),
        (one, 0x7fc0_0000, flags::ZF | flags::PF | flags::CF),
    ] {
        let mut bench = bench(&[0x0f, 0x2e, 0xc1]);
        bench.cpu.eflags |= flags::ARITHMETIC;
        (bench.cpu.sse.xmm[0], bench.cpu.sse.xmm[1]) = (a, b);
        assert_eq!(bench.run(1).exit, Exit::Budget);
        assert_eq!(bench.cpu.eflags & flags::ARITHMETIC, expected, "{a:x} and {b:x}");
    }
}
