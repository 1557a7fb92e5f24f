//! Whatever a file holds, reading it ends in answers or in one error that names the line.

use crate::{Ending, Expected, Sense, answer, compare, parse_answer, parse_case, parse_header};

const HEADER: &str = r#"{"format":"v32","version":1,"mode":"ring3-flat32","unknown":{"a":[1]},"regions":[[268435456,8192,"rx",204],[536870912,4096,"rw",0]],"segments":{"35":{"base":0,"limit":4294967295,"type":"code32"},"43":{"base":0,"limit":4294967295,"type":"data32"}}}"#;

/// A software interrupt that ring 3 may not use: `int 82h`.
const CASE: &str = r#"{"id":7,"group":"int","name":"int 82h","extra":null,"bytes":[205,130],"steps":1,"initial":{"regs":{"eax":1,"ebx":2,"ecx":3,"edx":4,"esi":5,"edi":6,"ebp":7,"esp":536871000,"cs":35,"ds":43,"es":43,"fs":43,"gs":0,"ss":43,"eip":268435456,"eflags":514},"ram":[[268435456,205],[268435457,"82"]],"fpu":{"cw":895,"sw":15360,"tag":191,"st":["bffe8000000000000000","3ffdcf5b88bb97313000","3ffdaaaaaaaaaaaaaaab","c005b504f333f9de6484","3fff8000000000000000","c000c90fdaa22168c235","3ffdaaaaaaaaaaaaaaab","c005b504f333f9de6484"]},"sse":{"mxcsr":8064,"xmm":["00000000000000000000000000000000","00000000000000000000000000000000","00000000000000000000000000000000","00000000000000000000000000000000","00000000000000000000000000000000","00000000000000000000000000000000","00000000000000000000000000000000","0000000000000000000000000000000f"]}},"final":{"regs":{"eax":9}},"exception":{"number":13,"error":1042,"address":0},"undefined":{"eflags":16,"eax":255,"ram":[[0,4294967295]]}}"#;

fn answers(input: &str) -> (String, Result<u64, String>) {
    let mut output = Vec::new();
    let result = answer(input.as_bytes(), &mut output).map_err(|problem| problem.to_string());
    (String::from_utf8(output).unwrap(), result)
}

fn error_of(input: &str) -> String {
    answers(input).1.expect_err("the input is wrong")
}

#[test]
fn both_shapes_of_memory_pieces_and_unknown_keys_are_read() {
    let case = parse_case(CASE).unwrap();
    assert_eq!((case.id, case.steps, case.code()), (7, 1, &[205][..]));
    assert_eq!(case.initial.ram[1].bytes, [0x82]);
    assert_eq!(case.initial.sse.unwrap().xmm.unwrap()[7].0, 15);
    let expected = case.expected.unwrap();
    assert_eq!((expected.change.regs.0[0], expected.undefined.registers[0]), (Some(9), 255));
}

#[test]
fn an_answer_reads_back_as_it_was_written() {
    let case = parse_case(CASE).unwrap();
    let expected = case.expected.clone().unwrap();
    let mut change = expected.change.clone();
    (change.ram, change.fpu, change.sse) = (case.initial.ram.clone(), case.initial.fpu, case.initial.sse);
    let ending = Ending::Finished { change: Box::new(change), exception: expected.exception };
    let mut text = String::new();
    crate::Answer { id: 7, ending: ending.clone() }.write_to(&mut text);
    assert_eq!(parse_answer(&text), Ok(crate::Answer { id: 7, ending }));
}

#[test]
fn unfinished_cases_say_why() {
    for (ending, line) in [
        (Ending::Unimplemented("fld".to_owned()), "{\"id\":7,\"unimplemented\":\"fld\"}\n"),
        (Ending::Panic("a \"b\"\n".to_owned()), "{\"id\":7,\"panic\":\"a \\\"b\\\"\\n\"}\n"),
    ] {
        let answer = crate::Answer { id: 7, ending };
        let mut text = String::new();
        answer.write_to(&mut text);
        assert_eq!(text, line);
        assert_eq!(parse_answer(&text), Ok(answer));
    }
    assert!(parse_answer("{\"id\":7}").is_err());
}

#[test]
fn headers_that_cannot_be_served_are_refused() {
    for (from, to, complaint) in [
        ("v32", "v33", "not supported"),
        ("\"version\":1", "\"version\":2", "not supported"),
        ("268435456,8192", "268435456,17592186044416", "beyond 4 GiB"),
        ("268435456,8192", "268435456,1073741824", "more than 16 MiB"),
        ("268435456,8192", "268435456,100", "pages"),
        ("268435456,8192", "268435456,0", "pages"),
        ("268435456,8192", "268435457,8192", "pages"),
        ("268435456,8192", "18446744073709547520,8192", "beyond 4 GiB"),
        ("268435456,8192", "536866816,8192", "overlap"),
        ("\"rx\"", "\"rz\"", "rights"),
        ("\"35\"", "\"135\"", "outside"),
        ("\"35\"", "\"x\"", "no selector"),
        ("code32", "code16", "code16"),
        ("\"base\":0", "\"base\":4096", "not flat"),
    ] {
        let header = HEADER.replacen(from, to, 1);
        assert_ne!(header, HEADER, "{from}");
        let error = error_of(&header);
        assert!(error.starts_with("line 1: ") && error.contains(complaint), "{from} -> {to}: {error}");
    }
    assert!(error_of("").contains("header is missing"));
}

#[test]
fn bad_cases_are_refused_with_their_line() {
    for (from, to, complaint) in [
        ("\"id\":7", "\"id\":-7", "no case"),
        ("\"eax\":1,", "", "no eax"),
        ("\"eax\":1", "\"eax\":4294967296", "no case"),
        ("\"steps\":1", "\"steps\":4294967295", "too many"),
        ("[268435456,205]", "[268435456,256]", "no byte"),
        ("\"82\"", "\"8\"", "pairs"),
        ("\"82\"", "\"8g\"", "pairs"),
        ("[268435456,205]", "[4096,205]", "leaves the regions"),
        ("[268435456,205]", "[268443647,\"0102\"]", "leaves the regions"),
        ("[268435456,205]", "[4294967295,\"0102\"]", "leaves the regions"),
        ("\"ds\":43", "\"ds\":99", "ds cannot start"),
        ("\"cs\":35", "\"cs\":65571", "cs cannot start"),
        ("bffe8000000000000000", "bffe800000000000000", "hexadecimal"),
    ] {
        let case = CASE.replacen(from, to, 1);
        assert_ne!(case, CASE, "{from}");
        let error = error_of(&format!("{HEADER}\n\n{case}\n"));
        assert!(error.starts_with("line 3: ") && error.contains(complaint), "{from} -> {to}: {error}");
    }
}

#[test]
fn every_truncation_ends_in_an_error_or_in_answers() {
    let input = format!("{HEADER}\n{CASE}\n");
    for length in 0..input.len() {
        let (output, result) = answers(&input[..length]);
        let complete = length == HEADER.len() || length == HEADER.len() + 1 || length == input.len() - 1;
        assert_eq!(result.is_ok(), complete, "{length}: {output}");
    }
}

#[test]
fn random_damage_never_panics() {
    // A small generator, so that a failure repeats: xorshift with a fixed seed.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let original = format!("{HEADER}\n{CASE}\n{CASE}\n").into_bytes();
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut input = original.clone();
        for _ in 0..=next() % 3 {
            let at = next() as usize % input.len();
            match next() % 4 {
                0 => input[at] = next() as u8,
                1 => input.truncate(at + 1),
                2 => input[at] = b"0123456789-\"[]{},:"[next() as usize % 18],
                _ => input.insert(at, b"9[{\"\n"[next() as usize % 5]),
            }
        }
        refused += u32::from(answer(input.as_slice(), std::io::sink()).is_err());
    }
    assert!(refused > 1000, "the damage was noticed {refused} times");
    for length in 0..200 {
        let noise: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        assert!(answer(noise.as_slice(), std::io::sink()).is_err());
    }
}

#[test]
fn deep_nesting_and_endless_lines_are_refused() {
    assert!(error_of(&"[".repeat(100_000)).contains("line 1"));
    let deep = format!("{HEADER}\n{{\"x\":{}", "[".repeat(100_000));
    assert!(error_of(&deep).starts_with("line 2"));
    let endless = std::io::BufReader::new(std::io::Read::take(std::io::repeat(b'1'), 1 << 40));
    assert!(answer(endless, std::io::sink()).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn only_defined_bits_and_the_vector_are_required() {
    let case = parse_case(CASE).unwrap();
    let expected = case.expected.clone().unwrap();
    let mut change = expected.change.clone();
    change.regs.0[0] = Some(0xfe);
    change.regs.0[crate::EFLAGS] = Some(514 | 16 | 1 << 16);
    let mut exception = expected.exception.unwrap();
    exception.error = 0;
    let ending = Ending::Finished { change: Box::new(change.clone()), exception: Some(exception) };
    assert_eq!(compare(&case, &expected, &ending, Sense::Defined), []);
    assert_eq!(compare(&case, &expected, &ending, Sense::Strict).len(), 1);
    change.regs.0[0] = Some(0x109);
    change.regs.0[crate::EFLAGS] = Some(514 | 1);
    let ending = Ending::Finished { change: Box::new(change), exception: None };
    let undefined_apart = compare(&case, &expected, &ending, Sense::Defined);
    assert_eq!(undefined_apart.len(), 3, "exception, eax and CF: {undefined_apart:?}");
}

#[test]
fn changed_memory_is_compared_unless_it_is_undefined_or_the_instruction_faulted() {
    let mut case = parse_case(CASE).unwrap();
    let mut expected = Expected::default();
    let piece = |address, byte| crate::Piece { address, bytes: vec![byte] };
    let wrong = |case: &crate::Case, expected: &Expected, ram: Vec<crate::Piece>, sense| {
        let exception = expected.exception;
        let change = Box::new(crate::Change { ram, ..Default::default() });
        compare(case, expected, &Ending::Finished { change, exception }, sense).len()
    };
    expected.change.ram = vec![piece(536870912, 1), piece(268435456, 205)];
    assert_eq!(
        wrong(&case, &expected, vec![piece(536870912, 1)], Sense::Defined),
        0,
        "an unchanged byte may be told"
    );
    assert_eq!(wrong(&case, &expected, vec![], Sense::Defined), 1);
    assert_eq!(wrong(&case, &expected, vec![piece(536870912, 2)], Sense::Defined), 1);
    expected.undefined.ram = vec![(536870912, 1)];
    assert_eq!(wrong(&case, &expected, vec![], Sense::Defined), 0);
    expected.undefined.ram.clear();
    expected.change.ram.truncate(1);
    expected.exception = Some(crate::ExceptionRecord { number: 14, error: 6, address: 0 });
    assert_eq!(wrong(&case, &expected, vec![], Sense::Defined), 0);
    assert_eq!(wrong(&case, &expected, vec![], Sense::Strict), 1);
    case.initial.ram.push(crate::Piece { address: 268435456, bytes: vec![0xf3, 0xaa] });
    assert_eq!(
        wrong(&case, &expected, vec![], Sense::Defined),
        1,
        "iterations before the fault were retired"
    );
}

#[test]
fn a_header_is_refused_with_one_line_whatever_its_strings_hold() {
    let header = |mode: &str, selector: &str, kind: &str| {
        format!(
            r#"{{"format":"v32","version":1,"mode":"{mode}","regions":[],"segments":{{"{selector}":{{"base":0,"limit":0,"type":"{kind}"}}}}}}"#
        )
    };
    let mode = "ring3-flat32";
    for line in [header("a\\nb", "35", "code32"), header(mode, "3\\n5", "code32"), header(mode, "35", "c\\n")]
    {
        let what = parse_header(&line).unwrap_err();
        assert!(!what.contains('\n') && what.contains("\\n"), "{what}");
    }
}
