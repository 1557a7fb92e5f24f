//! The guests of the conformance kit, with the clause that each holds and its prebuilt image.

/// A guest of the kit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KitGuest {
    /// The clause of `docs/ABI.md`.
    pub clause: &'static str,
    /// Its name, which is that of its source.
    pub name: &'static str,
    /// Its ELF file.
    pub image: &'static [u8],
}

/// A list of guests. A macro because the path of each image has to be a literal.
macro_rules! guests {
    ($($clause:literal $name:literal,)*) => {
        &[$(KitGuest {
            clause: $clause,
            name: $name,
            image: include_bytes!(concat!("../../../guest-images/conformance/prebuilt/", $name, ".elf")),
        },)*]
    };
}

/// All of them, in the order of the clauses.
pub static GUESTS: &[KitGuest] = guests![
    "B1" "entry",
    "B2" "start_info",
    "B3" "memory_map",
    "C1" "registers_kept",
    "C2" "both_ways_in",
    "C3" "unknown_calls",
    "C4" "bad_arguments",
    "C5" "call_cost",
    "V1" "mask_word",
    "V2" "levels_nest",
    "V3" "flash",
    "V4" "silent_flags",
    "D1" "store_enables",
    "D2" "stack_switch_shadow",
    "D3" "flags_at_delivery",
    "D4" "calls_deliver",
    "D5" "inside_a_repeat",
    "D6" "no_entry",
    "D7" "spurious_upcalls",
    "D8" "vectors",
    "D9" "vector_priorities",
    "F1" "upcall_frame",
    "F2" "transparent_integer",
    "F2" "transparent_x87",
    "F3" "any_stack",
    "F4" "trap_frame",
    "F5" "frame_fault",
    "I1" "iret_restores",
    "I2" "iret_retires_one",
    "I3" "bad_frames",
    "I4" "frames_in_any_order",
    "I5" "block",
    "I6" "yield",
    "I8" "poll",
    "N1" "pending_while_masked",
    "N2" "pending_while_port_masked",
    "N3" "counts",
    "N4" "raised_in_handler",
    "N5" "polling",
    "N6" "unbind_and_bind",
    "N7" "every_port",
    "T1" "one_shot",
    "T2" "periodic",
    "T3" "tick_one",
    "T4" "tick_burst",
    "T5" "tick_spread",
    "T6" "tick_lose",
    "T7" "tick_storm",
    "T8" "period_minimum",
    "X1" "divide_error",
    "X1" "more_faults",
    "X1" "simd_error",
    "X1" "x87_error",
    "X2" "trap_instructions",
    "X3" "single_step",
    "X4" "page_fault",
    "X5" "software_interrupt",
    "X6" "keep_mask",
    "X7" "trap_raise",
    "X8" "privileged",
    "X9" "trap_table",
    "X11" "last_trap",
    "G1" "segment_base",
    "G2" "segment_reload",
    "R1" "stored_registers",
    "R2" "fake_registers",
    "R3" "lazy_switch",
    "R4" "breakpoints",
    "R5" "settled",
    "R6" "umip",
    "M1" "memory_rights",
    "M2" "second_place",
    "M3" "refused_ports",
    "M4" "granted_ports",
    "S1" "time_page",
    "S2" "nonsense_in_shared_page",
    "K1" "console_output",
    "K2" "console_input",
    "W1" "window_not_lent",
    "W1" "windows",
    "W2" "window_start",
    "W3" "plan_switch",
    "W4" "ticks_while_away",
    "W5" "yield_to_window",
    "W6" "plan_actions",
    "E1" "line_while_away",
    "E2" "channel",
    "E3" "channel_flush",
    "E4" "shared_area",
    "P1" "sampling",
    "P2" "queuing",
    "P3" "queuing_priority",
    "P4" "message_flush",
    "P5" "ports_at_restart",
    "H1" "cold_restart",
    "H2" "warm_restart",
    "H3" "health_log",
    "H4" "watchdog",
    "H5" "control",
    "H6" "modes",
    "H7" "illegal_calls",
];

#[cfg(test)]
mod tests {
    use super::GUESTS;
    use hypervisor_core::abi::{CALLS, CLAUSES, ShownBy};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// The clause and the name that each source declares.
    fn declared() -> BTreeSet<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images/conformance");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "c"));
        sources
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                let line = text.lines().find_map(|line| line.strip_prefix("GUEST(")).unwrap();
                let (clause, name) = line.trim_end_matches(");").split_once(", ").unwrap();
                assert_eq!(path.file_stem().unwrap().to_str(), Some(name), "{}", path.display());
                (clause.to_owned(), name.to_owned())
            })
            .collect()
    }

    #[test]
    fn the_list_has_every_source_with_the_clause_that_it_declares() {
        let listed: BTreeSet<_> =
            GUESTS.iter().map(|guest| (guest.clause.to_owned(), guest.name.to_owned())).collect();
        assert_eq!(listed, declared());
        assert_eq!(listed.len(), GUESTS.len());
    }

    #[test]
    fn every_guest_holds_a_clause_of_the_abi_and_every_clause_that_a_guest_can_show_has_one() {
        let held: BTreeSet<&str> = GUESTS.iter().map(|guest| guest.clause).collect();
        let shown = CLAUSES.iter().filter(|clause| clause.shown_by != ShownBy::Observer);
        assert_eq!(held, shown.map(|clause| clause.id).collect());
    }

    fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
    }

    /// The calls that the functions of the layer make whose names are in `used`.
    fn calls_by_the_layer<'a>(layer: &'a str, used: &BTreeSet<&str>) -> BTreeSet<&'a str> {
        let mut calls = BTreeSet::new();
        for function in layer.split("\n}\n") {
            let Some((head, body)) = function.rsplit_once("\n{\n") else { continue };
            let name = words(head.rsplit_once('(').unwrap().0).next_back().unwrap();
            if used.contains(name) || name == "pv_begin" {
                calls.extend(words(body).filter(|word| word.starts_with("PV_CALL_")));
            }
        }
        calls
    }

    #[test]
    fn every_call_of_the_abi_is_made_by_a_guest_of_the_kit() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images");
        let sources = fs::read_dir(folder.join("conformance")).unwrap().map(|entry| entry.unwrap().path());
        let sources = sources.filter(|path| path.extension().is_some_and(|end| end == "c" || end == "h"));
        let sources: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
        let layer = fs::read_to_string(folder.join("layer/pv.c")).unwrap();
        let used: BTreeSet<&str> = words(&sources).collect();
        let by_layer = calls_by_the_layer(&layer, &used);
        let names = CALLS.iter().map(|call| format!("PV_CALL_{}", call.name.to_uppercase()));
        let unused: Vec<String> =
            names.filter(|name| !used.contains(name.as_str()) && !by_layer.contains(name.as_str())).collect();
        assert_eq!(unused, [""; 0]);
    }

    /// What a layer of one's own has to have.
    #[test]
    fn the_guests_use_of_the_layer_only_what_the_readme_names() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-images");
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let readme = read(&folder.join("conformance/README.md"));
        let of_the_abi = read(&folder.join("include/paravane.h"));
        for path in fs::read_dir(folder.join("conformance")).unwrap().map(|entry| entry.unwrap().path()) {
            if !path.extension().is_some_and(|extension| extension == "c" || extension == "h") {
                continue;
            }
            for word in words(&read(&path)).filter(|word| word.starts_with("pv_")) {
                let is_named = readme.contains(&format!("`{word}`"))
                    || of_the_abi.contains(&format!("struct {word} {{"));
                assert!(is_named, "{} uses {word}", path.display());
            }
        }
    }

    #[test]
    fn the_list_is_in_the_order_of_the_clauses() {
        let place = |id| CLAUSES.iter().position(|clause| clause.id == id);
        assert!(GUESTS.is_sorted_by_key(|guest| (place(guest.clause), guest.name)));
    }
}
