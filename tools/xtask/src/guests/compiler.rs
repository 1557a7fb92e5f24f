//! The C compiler: which one, and how a guest is built with it.

use std::fmt::Display;
use std::path::Path;
use std::process::Command;

const COMPILER: &str = "gcc";
const LINKER: &str = "ld";

/// What makes a guest: code for ring 3 of an i686 with integer instructions only, no library, nothing of the place or
/// the time in the image. No 32-bit library or header of the host is used.
pub const OPTIONS: &[&str] = &[
    "-m32",
    "-march=i686",
    "-mgeneral-regs-only",
    "-std=gnu11",
    "-O2",
    "-ffreestanding",
    "-nostdlib",
    "-static",
    "-fno-pic",
    "-no-pie",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-fno-asynchronous-unwind-tables",
    "-fno-tree-loop-distribute-patterns",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Iinclude",
    "-Ilayer",
    "-Wl,-T,layer/pv.ld",
    "-Wl,--build-id=none",
    "-Wl,--gc-sections",
    "-Wl,-z,max-page-size=4096",
    "-Wl,-z,noexecstack",
];

/// A compiler that can be run.
pub struct Compiler {
    version: String,
}

impl Compiler {
    /// Asks the compiler and the linker who they are, and whether they know a 32-bit x86.
    pub fn find() -> Result<Self, String> {
        let probe = ["-m32", "-mgeneral-regs-only", "-fsyntax-only", "-x", "c", "/dev/null"];
        output_of(COMPILER, &probe)?;
        output_of(LINKER, &["-m", "elf_i386", "-V"])?;
        let version = format!("{}; {}", first_line(COMPILER)?, first_line(LINKER)?);
        Ok(Self { version })
    }

    /// Compiler and linker, each with its version: images of the same version are the same to the byte.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Builds one guest, with `more` options. `folder` is guest-images and `source` lies in it, so that its own place leaves no mark.
    pub fn build(&self, folder: &Path, source: &str, more: &[&str], output: &Path) -> Result<(), String> {
        let result = Command::new(COMPILER)
            .current_dir(folder)
            .env("LC_ALL", "C")
            .args(OPTIONS)
            .args(more)
            .arg(format!("-ffile-prefix-map={}=./guest-images", folder.display()))
            .args(["layer/pv_start.S", "layer/pv.c"])
            .arg(source)
            .arg("-o")
            .arg(output)
            .output()
            .map_err(|error| missing(COMPILER, &error))?;
        if result.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&result.stderr);
        Err(format!(
            "{COMPILER} could not build {source}; it must be a gcc for x86 that knows -m32:\n{}",
            message.trim_end()
        ))
    }
}

fn first_line(program: &str) -> Result<String, String> {
    Ok(output_of(program, &["--version"])?.lines().next().unwrap_or_default().to_owned())
}

fn output_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| missing(program, &error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(missing(program, &format!("`{program} {}` fails", arguments.join(" "))))
    }
}

fn missing(program: &str, why: &dyn Display) -> String {
    format!(
        "Cannot use {program} ({why}). Building guests needs gcc and binutils for x86 (Debian, Ubuntu: `apt install gcc`; \
         Fedora: `dnf install gcc`), but no 32-bit libraries. Running the prebuilt guests needs neither."
    )
}
