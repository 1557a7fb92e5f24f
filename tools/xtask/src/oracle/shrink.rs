//! Makes a case smaller while host and emulator still answer it otherwise.

use super::forms::decode_any;
use vectors::{Case, EFLAGS, EIP, Hex, Piece};

/// Rounds at most; each makes the case smaller in one place.
const ROUNDS: usize = 400;
const SEGMENTS: std::ops::Range<usize> = 8..14;
const ZERO: u128 = 0;
const ONE: u128 = 0x3fff_8000_0000_0000_0000;

/// The smallest case that `first_mismatch` still returns, starting from `case`, which is one.
///
/// # Errors
/// That of `first_mismatch`.
pub fn smallest(
    case: Case,
    mut first_mismatch: impl FnMut(Vec<Case>) -> Result<Option<Case>, String>,
) -> Result<Case, String> {
    let mut case = case;
    for _ in 0..ROUNDS {
        match first_mismatch(candidates(&case))? {
            Some(smaller) => case = smaller,
            None => break,
        }
    }
    Ok(case)
}

/// Cases that are smaller than `case` in one place, the greatest steps first, without answers.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    instructions(case, &mut found);
    numbers(case, &mut found);
    memory(case, &mut found);
    registers(case, &mut found);
    for smaller in &mut found {
        smaller.expected = None;
    }
    found.retain(|smaller| smaller.initial != case.initial || smaller.steps != case.steps);
    found
}

/// Without the last instruction, or without any one of them.
fn instructions(case: &Case, found: &mut Vec<Case>) {
    if case.steps < 2 {
        return;
    }
    let code = case.code();
    let mut start = 0;
    for _ in 0..case.steps {
        let Some((instruction, _)) = decode_any(&code[start..]) else { return };
        let end = start + instruction.len();
        if end > code.len() {
            return;
        }
        let rest = [&code[..start], &code[end..]].concat();
        let mut smaller = case.clone();
        smaller.steps -= 1;
        let eip = case.initial.regs.value(EIP);
        smaller.initial.ram.retain(|piece| piece.address != eip);
        smaller.initial.ram.insert(0, Piece { address: eip, bytes: rest });
        // The last ones first: what made the difference stays where it was.
        found.insert(0, smaller);
        start = end;
    }
}

/// Simpler x87 and SSE state.
fn numbers(case: &Case, found: &mut Vec<Case>) {
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        found.push(smaller);
    };
    with(&|case| (case.initial.fpu, case.initial.sse) = (None, None));
    let (Some(fpu), Some(sse)) = (case.initial.fpu, case.initial.sse) else { return };
    let (control, status) = (fpu.cw.unwrap_or(0x37f), fpu.sw.unwrap_or(0));
    for simpler in [0x37f, control | 0x3f, control & !0xc00, control | 0x300, control & !0x1000] {
        with(&|case| set_words(case, simpler, status));
    }
    for bit in [0x4700, 0x3800, 0x40, 1, 2, 4, 8, 0x10, 0x20, 0x4000, 0x400, 0x200, 0x100] {
        with(&|case| set_words(case, control, status & !bit));
    }
    // A full stack and an empty one are equally simple: one must not lead to the other and back.
    if !matches!(fpu.tag, Some(0 | 0xff)) {
        for tag in [0, 0xff] {
            with(&|case| case.initial.fpu = Some(vectors::Fpu { tag: Some(tag), ..fpu }));
        }
    }
    let st = fpu.st.unwrap_or_default();
    for index in 0..8 {
        for number in simpler_numbers(st[index].0, &[ZERO, ONE, st[index].0 & !(1 << 79)], 63) {
            let mut st = st;
            st[index] = Hex(number);
            with(&|case| case.initial.fpu = Some(vectors::Fpu { st: Some(st), ..fpu }));
        }
    }
    let mxcsr = sse.mxcsr.unwrap_or(0x1f80);
    for simpler in [0x1f80, mxcsr | 0x1f80, mxcsr & !0x3f, mxcsr & !0x6000, mxcsr & !0x8000, mxcsr & !0x40] {
        with(&|case| case.initial.sse = Some(vectors::Sse { mxcsr: Some(simpler), ..sse }));
    }
    let xmm = sse.xmm.unwrap_or_default();
    for index in 0..8 {
        let number = xmm[index].0;
        let low = u128::from(u64::MAX);
        let simpler = [ZERO, number & low, number & !low, number & low >> 32, number & !(low >> 32)];
        for number in simpler_numbers(number, &simpler, 127) {
            let mut xmm = xmm;
            xmm[index] = Hex(number);
            with(&|case| case.initial.sse = Some(vectors::Sse { xmm: Some(xmm), ..sse }));
        }
    }
}

/// The first of `simpler` that is not `number` yet, or all of them and `number` without some of its low bits.
fn simpler_numbers(number: u128, simpler: &[u128], bits: u32) -> Vec<u128> {
    if number == ZERO || number == ONE {
        return Vec::new();
    }
    let without = [bits, bits / 2, bits / 4, 8, 4, 2, 1].map(|bits| number >> bits << bits);
    let mut all: Vec<u128> = simpler.iter().copied().chain(without).collect();
    all.retain(|other| *other != number);
    all
}

/// The summary bits follow from the flags and the masks.
fn set_words(case: &mut Case, control: u16, status: u16) {
    if let Some(fpu) = &mut case.initial.fpu {
        let summary = if status & !control & 0x3f != 0 { 0x8080 } else { 0 };
        (fpu.cw, fpu.sw) = (Some(control), Some(status & !0x8080 | summary));
    }
}

/// Fewer pieces of memory, and zeros in them.
fn memory(case: &Case, found: &mut Vec<Case>) {
    let eip = case.initial.regs.value(EIP);
    for (index, piece) in case.initial.ram.iter().enumerate().filter(|(_, piece)| piece.address != eip) {
        let mut smaller = case.clone();
        smaller.initial.ram.remove(index);
        found.push(smaller);
        for part in [8, 4, 2, 1] {
            for at in (0..piece.bytes.len()).step_by(part).take(64) {
                let mut smaller = case.clone();
                smaller.initial.ram[index].bytes.iter_mut().skip(at).take(part).for_each(|byte| *byte = 0);
                found.push(smaller);
            }
        }
    }
}

/// Registers at 0, flat segments, no flags.
fn registers(case: &Case, found: &mut Vec<Case>) {
    const FLAT: u32 = 0x2b;
    const CODE_SELECTOR: u32 = 0x23;
    for position in (0..16).filter(|position| *position != EIP) {
        let mut smaller = case.clone();
        smaller.initial.regs.0[position] = Some(match position {
            9 => CODE_SELECTOR,
            position if SEGMENTS.contains(&position) => FLAT,
            EFLAGS => 0x202,
            _ => 0,
        });
        found.push(smaller);
    }
}

#[cfg(test)]
mod tests {
    use super::smallest;
    use vectors::{Case, EIP, Fpu, Hex, Piece, Sse};

    #[test]
    fn what_makes_no_difference_goes_away() {
        let mut case = Case { steps: 3, ..Case::default() };
        for (position, register) in case.initial.regs.0.iter_mut().enumerate() {
            *register = Some(if position == EIP { 0x1000 } else { 7 });
        }
        // FLD1; FADD ST, ST1; FCHS.
        case.initial.ram = vec![
            Piece { address: 0x1000, bytes: vec![0xd9, 0xe8, 0xd8, 0xc1, 0xd9, 0xe0] },
            Piece { address: 0x2000, bytes: vec![1; 16] },
        ];
        let st = [Hex(0x4001_8123_4567_89ab_cdef); 8];
        case.initial.fpu = Some(Fpu { cw: Some(0xc7f), sw: Some(0x4123), tag: Some(0x55), st: Some(st) });
        case.initial.sse = Some(Sse { mxcsr: Some(0x7fbf), xmm: Some([Hex(u128::MAX); 8]) });
        // Wrong only where FADD meets rounding control 3 and a number of that exponent in ST3.
        let wrong = |case: &Case| {
            let Some(Fpu { cw: Some(control), st: Some(st), .. }) = case.initial.fpu else { return false };
            let fadd = case.code().windows(2).any(|bytes| bytes == [0xd8, 0xc1]);
            fadd && control & 0xc00 == 0xc00 && st[3].0 >> 64 == 0x4001
        };
        assert!(wrong(&case));
        let case = smallest(case, |cases| Ok(cases.into_iter().find(wrong))).unwrap();
        assert_eq!((case.steps, case.code()), (1, &[0xd8, 0xc1][..]));
        assert_eq!(case.initial.ram.len(), 1);
        let fpu = case.initial.fpu.unwrap();
        assert_eq!((fpu.cw, fpu.sw), (Some(0xf7f), Some(0)));
        let st = fpu.st.unwrap();
        assert_eq!((st[0].0, st[3].0 >> 63), (0, 0x4001 << 1 | 1));
        assert_eq!(case.initial.sse.unwrap().xmm, Some([Hex(0); 8]));
    }
}
