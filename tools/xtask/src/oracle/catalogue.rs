//! Every x87, MMX and SSE instruction form that the decoder knows for a processor with SSE3, each with its encodings.
//!
//! Not here: prefixes that change nothing, operands and displacements, which the generator draws.

use super::forms::decode_any;
use iced_x86::{Code, CpuidFeature, Instruction, Mnemonic};
use std::collections::BTreeMap;

/// What an instruction form belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// x87 with results that are exact.
    X87,
    /// x87 with results that may be a unit in the last place off.
    Transcendental,
    /// MMX, and the parts of SSE and SSE2 that work on its registers.
    Mmx,
    /// SSE.
    Sse,
    /// SSE2.
    Sse2,
    /// SSE3.
    Sse3,
    /// RCP and RSQRT.
    Approximation,
}

impl Family {
    /// The group of the cases.
    pub fn group(self) -> &'static str {
        match self {
            Self::X87 => "x87",
            Self::Transcendental => "x87t",
            Self::Mmx => "mmx",
            Self::Sse => "sse",
            Self::Sse2 => "sse2",
            Self::Sse3 => "sse3",
            Self::Approximation => "approx",
        }
    }

    /// Whether the instructions work on the x87 stack.
    pub fn is_x87(self) -> bool {
        matches!(self, Self::X87 | Self::Transcendental)
    }
}

/// A form and all encodings of it up to ModR/M, of which only mod = 0 stands for operands in memory.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it belongs to.
    pub family: Family,
    /// A mandatory prefix or none, the opcode, ModR/M if there is one.
    pub encodings: Vec<Vec<u8>>,
    /// Whether the last byte is ModR/M of an operand in memory.
    pub in_memory: bool,
}

/// All forms, in the order of the decoder's numbers.
pub fn forms() -> Vec<Form> {
    let mut found: BTreeMap<(usize, bool), Form> = BTreeMap::new();
    for encoding in encodings() {
        let mut bytes = encoding.clone();
        bytes.extend([0; 6]);
        let Some((instruction, _)) = decode_any(&bytes) else { continue };
        let Some(family) = family(&instruction) else { continue };
        let in_memory = super::forms::memory_operand(&instruction).is_some();
        let form = found.entry((instruction.code() as usize, in_memory)).or_insert_with(|| Form {
            family,
            encodings: Vec::new(),
            in_memory,
        });
        form.encodings.push(encoding);
    }
    found.into_values().collect()
}

/// D8 to DF with every ModR/M, WAIT, and 0F with every prefix, opcode and ModR/M that tells forms apart.
fn encodings() -> impl Iterator<Item = Vec<u8>> {
    let distinct = |modrm: &u8| *modrm >= 0xc0 || *modrm & 0xc7 == 0;
    let x87 = (0xd8..=0xdf)
        .flat_map(move |escape| (0..=0xff).filter(distinct).map(move |modrm| vec![escape, modrm]));
    let prefixes: [&[u8]; 4] = [&[], &[0x66], &[0xf3], &[0xf2]];
    let after_0f = prefixes.into_iter().flat_map(move |prefix| {
        (0..=0xff).flat_map(move |opcode| {
            (0..=0xff).filter(distinct).map(move |modrm| [prefix, &[0x0f, opcode, modrm]].concat())
        })
    });
    x87.chain([vec![0x9b]]).chain(after_0f)
}

/// None for what the integer generator makes, and for what no processor that we model has.
fn family(instruction: &Instruction) -> Option<Family> {
    let features = instruction.cpuid_features();
    let has = |feature| features.contains(&feature);
    let known = |feature: &CpuidFeature| {
        matches!(
            feature,
            CpuidFeature::FPU
                | CpuidFeature::FPU287
                | CpuidFeature::FPU387
                | CpuidFeature::FXSR
                | CpuidFeature::CMOV
                | CpuidFeature::MMX
                | CpuidFeature::SSE
                | CpuidFeature::SSE2
                | CpuidFeature::SSE3
                | CpuidFeature::CLFSH
        )
    };
    if instruction.mnemonic() == Mnemonic::Wait {
        return Some(Family::X87);
    }
    if !features.iter().all(known) || instruction.code() == Code::INVALID {
        return None;
    }
    let mmx = (0..instruction.op_count()).any(|operand| instruction.op_register(operand).is_mm());
    Some(match instruction.mnemonic() {
        Mnemonic::F2xm1
        | Mnemonic::Fyl2x
        | Mnemonic::Fyl2xp1
        | Mnemonic::Fpatan
        | Mnemonic::Fptan
        | Mnemonic::Fsin
        | Mnemonic::Fcos
        | Mnemonic::Fsincos => Family::Transcendental,
        Mnemonic::Rcpps | Mnemonic::Rcpss | Mnemonic::Rsqrtps | Mnemonic::Rsqrtss => Family::Approximation,
        Mnemonic::Fxsave | Mnemonic::Fxrstor => Family::X87,
        _ if has(CpuidFeature::FPU) || has(CpuidFeature::FPU287) || has(CpuidFeature::FPU387) => Family::X87,
        _ if mmx || has(CpuidFeature::MMX) => Family::Mmx,
        _ if has(CpuidFeature::SSE3) => Family::Sse3,
        _ if has(CpuidFeature::SSE2) || has(CpuidFeature::CLFSH) => Family::Sse2,
        _ if has(CpuidFeature::SSE) => Family::Sse,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Family, forms};

    #[test]
    fn the_catalogue_has_every_family_and_every_encoding_once() {
        let forms = forms();
        let count = |family| forms.iter().filter(|form| form.family == family).count();
        assert_eq!(count(Family::Transcendental), 8);
        assert_eq!(count(Family::Approximation), 8);
        assert!(count(Family::X87) > 130, "{}", count(Family::X87));
        assert!(count(Family::Mmx) > 100, "{}", count(Family::Mmx));
        assert!(count(Family::Sse2) > 200, "{}", count(Family::Sse2));
        assert!(count(Family::Sse) > 60 && count(Family::Sse3) > 15);
        let mut encodings: Vec<_> = forms.iter().flat_map(|form| &form.encodings).collect();
        let all = encodings.len();
        encodings.sort();
        encodings.dedup();
        assert_eq!(encodings.len(), all);
    }
}
