//! What the builder of guests promises. Those tests that build need gcc; without one they hold that its absence is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hypervisor_core::abi::CALLS;
use hypervisor_core::conformance::{SUBJECT, system};
use hypervisor_core::{Config, Image, Limits, Machine, Outcome, Progress, Unrecorded};

use super::compiler::Compiler;
use super::{CONFORMANCE, SAMPLES, files};
use crate::{Mode, project_root};

/// A copy of guest-images that is removed when the test is over.
struct Copy(PathBuf);

impl Copy {
    fn new(place: &str) -> Self {
        let target = std::env::temp_dir().join(format!("paravane-xtask-{}-{place}", std::process::id()));
        copy(&project_root().join("guest-images"), &target);
        Self(target)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left in a folder for temporary files does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from).unwrap() {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn the_prebuilt_guests_are_what_their_sources_make() {
    let report = super::run(&project_root(), Mode::Check).unwrap();
    assert!(report.starts_with("Compared the "), "{report}");
}

#[test]
fn images_built_in_two_places_are_the_same() {
    let compiler = match Compiler::find() {
        Ok(compiler) => compiler,
        Err(message) => return assert!(message.contains("apt install gcc"), "{message}"),
    };
    let (here, there) = (Copy::new("here"), Copy::new("quite-another-place"));
    for name in ["ticker", "self_modify"] {
        let first = SAMPLES.build(&here.0, name, &compiler, &here.0).unwrap();
        let second = SAMPLES.build(&there.0, name, &compiler, &there.0).unwrap();
        assert!(first == second, "{name} depends on where it is built");
    }
}

#[test]
fn a_change_of_the_layer_makes_every_image_old() {
    let sources = Copy::new("changed-layer");
    let folder = &sources.0;
    let before = SAMPLES.source_hash(folder, "hello").unwrap();
    fs::write(folder.join("layer/pv.h"), "/* changed */").unwrap();
    assert_ne!(SAMPLES.source_hash(folder, "hello").unwrap(), before);
    let message = SAMPLES.check(folder).unwrap_err();
    assert!(message.contains("older than its source") && message.contains("cargo xtask guests"), "{message}");
}

#[test]
fn a_change_of_a_header_of_the_kit_makes_its_images_old() {
    let sources = Copy::new("changed-header");
    let folder = &sources.0;
    let before = SAMPLES.source_hash(folder, "hello").unwrap();
    fs::write(folder.join("conformance/probe.h"), "/* changed */").unwrap();
    assert!(CONFORMANCE.check(folder).unwrap_err().contains("older than its source"));
    assert_eq!(SAMPLES.source_hash(folder, "hello").unwrap(), before);
}

#[test]
fn an_image_that_is_not_the_one_in_the_manifest_is_found() {
    let sources = Copy::new("changed-image");
    let folder = &sources.0;
    fs::write(folder.join("prebuilt/hello.elf"), "no image").unwrap();
    let message = SAMPLES.check(folder).unwrap_err();
    assert!(message.contains("hello"), "{message}");
}

#[test]
fn a_guest_that_is_not_in_the_manifest_is_found() {
    let sources = Copy::new("new-guest");
    let folder = &sources.0;
    fs::write(folder.join("guests/new.c"), "int main(void) { return 0; }").unwrap();
    assert!(SAMPLES.check(folder).is_err());
}

#[test]
fn a_source_that_does_not_compile_is_reported_with_the_compilers_words() {
    let Ok(compiler) = Compiler::find() else { return };
    let sources = Copy::new("bad-source");
    let folder = &sources.0;
    fs::write(folder.join("guests/hello.c"), "int main(void) { return nothing; }").unwrap();
    let message = SAMPLES.build(folder, "hello", &compiler, folder).unwrap_err();
    assert!(message.contains("hello") && message.contains("nothing"), "{message}");
}

/// What stands between a line that starts with the fence and the next fence.
fn fenced<'a>(text: &'a str, fence: &str) -> &'a str {
    let start = text.find(fence).unwrap() + fence.len();
    let block = &text[start..];
    &block[..block.find("```").unwrap()]
}

/// The last line of the subject's console, in the system of the kit.
fn verdict_of(image: &[u8], clause: &str, name: &str) -> String {
    let image = Arc::new(Image::read(image).unwrap());
    let mut machine = Machine::of_system(system(clause, name, &image)).unwrap();
    let limits = Limits { executed_units: Some(2_000_000), ..Limits::default() };
    let mut console = Vec::new();
    while machine.partition(SUBJECT).outcome().is_none() {
        let progress = machine.run(&limits, &mut Unrecorded);
        console.extend(machine.take_output());
        assert!(!matches!(progress, Progress::Idle { .. }), "{name} waits for ever");
    }
    String::from_utf8(console).unwrap().lines().last().unwrap_or_default().to_owned()
}

/// Builds some guests of the kit with `my-layer`, as its README says, and returns their verdicts.
fn verdicts_with_layer(place: &str, change: impl FnOnce(String) -> String) -> Vec<String> {
    const CHOSEN: [(&str, &str); 3] = [("V2", "levels_nest"), ("I5", "block"), ("P4", "message_flush")];
    let sources = Copy::new(place);
    let folder = &sources.0;
    fs::rename(folder.join("layer"), folder.join("my-layer")).unwrap();
    let layer = folder.join("my-layer/pv.c");
    fs::write(&layer, change(fs::read_to_string(&layer).unwrap())).unwrap();
    for path in files(&folder.join("conformance")).unwrap() {
        let is_chosen = CHOSEN.iter().any(|(_, name)| path.file_stem().is_some_and(|stem| stem == *name));
        if path.extension().is_some_and(|extension| extension == "c") && !is_chosen {
            fs::remove_file(path).unwrap();
        }
    }
    let text = fs::read_to_string(folder.join("conformance/README.md")).unwrap();
    let commands = fenced(&text, "```sh\n");
    let built = Command::new("sh").args(["-e", "-c", commands]).current_dir(folder).status().unwrap();
    assert!(built.success());
    let verdict = |(clause, name): (&str, &str)| {
        verdict_of(&fs::read(folder.join(format!("my-kit/{name}.elf"))).unwrap(), clause, name)
    };
    CHOSEN.map(verdict).to_vec()
}

#[test]
fn the_commands_of_the_kits_readme_build_it_with_another_layer() {
    if Compiler::find().is_err() {
        return;
    }
    // A layer that makes its calls by the gate and not through the page.
    let by_the_gate = |text: String| {
        let page = "uint32_t eax = stub(number);\n    __asm__ volatile(\"call *%0\"";
        assert!(text.contains(page));
        text.replace(page, "uint32_t eax = number;\n    __asm__ volatile(\"int $0x82\"")
    };
    let verdicts = verdicts_with_layer("own-layer", by_the_gate);
    assert_eq!(verdicts, ["PASS V2 levels_nest", "PASS I5 block", "PASS P4 message_flush"]);
}

/// The README shows this line.
#[test]
fn a_layer_that_takes_any_level_for_enabled_fails_as_the_kits_readme_says() {
    if Compiler::find().is_err() {
        return;
    }
    let any_level = |text: String| {
        let right = "shared->mask = (level & PV_INTERRUPT_FLAG) == 0;";
        assert!(text.contains(right));
        text.replace(right, "shared->mask = level == 0;")
    };
    let verdicts = verdicts_with_layer("bad-layer", any_level);
    let readme = fs::read_to_string(project_root().join("guest-images/conformance/README.md")).unwrap();
    assert!(verdicts[0].starts_with("FAIL V2 levels_nest line "), "{verdicts:?}");
    assert!(readme.contains(&verdicts[0]), "the README does not show `{}`", verdicts[0]);
    assert_eq!(verdicts[1], "PASS I5 block");
}

fn console_of(image: &[u8]) -> String {
    let image = Image::read(image).unwrap();
    let mut machine = Machine::new(Arc::new(image), Config::default()).unwrap();
    let mut console = Vec::new();
    loop {
        let progress = machine.run(&Limits::default(), &mut Unrecorded);
        console.extend(machine.take_output());
        if let Progress::Finished(outcome) = progress {
            assert_eq!(outcome, Outcome::Shutdown { code: 0 });
            return String::from_utf8(console).unwrap();
        }
    }
}

#[test]
fn the_guests_of_the_readme_build_and_run() {
    let Ok(compiler) = Compiler::find() else { return };
    let sources = Copy::new("readme");
    let folder = &sources.0;
    let text = fs::read_to_string(folder.join("README.md")).unwrap();
    fs::write(folder.join("guests/in_c.c"), fenced(&text, "```c\n")).unwrap();
    let image = SAMPLES.build(folder, "in_c", &compiler, folder).unwrap();
    assert_eq!(console_of(&image), "Hello from my guest.\n");

    fs::write(folder.join("small.S"), fenced(&text, "```asm\n")).unwrap();
    let command =
        text.lines().find(|line| line.trim_start().starts_with("gcc") && line.contains("small.S")).unwrap();
    let built = Command::new("sh").arg("-c").arg(command).current_dir(folder).status().unwrap();
    assert!(built.success());
    assert_eq!(console_of(&fs::read(folder.join("small.elf")).unwrap()), "Hello from assembler.\n");
}

#[test]
fn the_layer_makes_every_call_but_those_that_are_stores() {
    let folder = project_root().join("guest-images/layer");
    let layer = fs::read_to_string(folder.join("pv.c")).unwrap();
    let words: Vec<&str> =
        layer.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').collect();
    let missing: Vec<&str> = CALLS
        .iter()
        .map(|call| call.name)
        .filter(|name| !words.contains(&format!("PV_CALL_{}", name.to_uppercase()).as_str()))
        .collect();
    assert_eq!(missing, ["interrupts_set_level", "interrupts_get_level", "interrupts_flash"]);
}

/// Builds a guest from these lines of `main()` and runs it.
fn console_of_lines(place: &str, lines: &str) -> Option<String> {
    let compiler = Compiler::find().ok()?;
    let sources = Copy::new(place);
    let folder = &sources.0;
    let text = format!("#include \"pv.h\"\nint main(void)\n{{\n{lines}\nreturn 0;\n}}\n");
    fs::write(folder.join("guests/lines.c"), text).unwrap();
    let image = SAMPLES.build(folder, "lines", &compiler, folder).unwrap();
    Some(console_of(&image))
}

#[test]
fn an_event_without_a_handler_is_told_once_for_its_port_and_counted() {
    let lines = "pv_event_bind_self(9, 0);
                 pv_event_bind_self(40, 0);
                 pv_event_mask(40);
                 pv_event_send(40);
                 pv_interrupts_enable();
                 for (int times = 0; times < 3; times++)
                     pv_event_send(9);
                 pv_print_number(pv_unhandled_events(), 1);
                 pv_print_number(pv_take(40), 1);";
    let Some(console) = console_of_lines("no-handler", lines) else { return };
    let said =
        "pv: an event of port 9 is dropped, for the port has no handler: bind it with one, or mask it\n";
    assert_eq!(console, format!("{said}31"));
}

#[test]
fn a_raised_trap_reaches_the_handler_until_it_is_removed() {
    let lines = "void on_trap(struct pv_trap_frame *frame) { pv_print_number(frame->error_code, 1); }
                 pv_print_number(-pv_trap_raise(14, 77), 1);
                 pv_trap_set(14, 0, on_trap);
                 pv_print_number(pv_trap_raise(14, 77), 1);
                 pv_trap_set(14, 0, 0);
                 pv_print_number(-pv_trap_raise(14, 77), 1);";
    let Some(console) = console_of_lines("raised-trap", lines) else { return };
    assert_eq!(console, "1077010");
}
