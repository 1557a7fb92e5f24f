//! Writes the files that are generated from the ABI's source, or tells which of them are out of date.

mod assembler_header;
mod c_header;
mod document;

use std::path::Path;

use crate::Mode;

/// Where a generated file lies in the project, and what it should hold.
struct Generated {
    path: &'static str,
    content: String,
}

fn generated() -> [Generated; 3] {
    [
        Generated { path: "guest-images/include/paravane.h", content: c_header::write() },
        Generated { path: "guest-images/include/paravane_asm.h", content: assembler_header::write() },
        Generated { path: "docs/ABI.md", content: document::write() },
    ]
}

/// Writes or checks the generated files; returns what to tell.
pub fn run(root: &Path, mode: Mode) -> Result<String, String> {
    let stale: Vec<Generated> = generated()
        .into_iter()
        .filter(|file| std::fs::read_to_string(root.join(file.path)).ok().as_deref() != Some(&file.content))
        .collect();
    if stale.is_empty() {
        return Ok("The headers and the document of the ABI are up to date.".to_owned());
    }
    let names: Vec<&str> = stale.iter().map(|file| file.path).collect();
    let names = names.join(", ");
    if mode == Mode::Check {
        return Err(format!("Not what hypervisor-core/src/abi says: {names}. Run `cargo xtask abi`."));
    }
    for file in stale {
        let path = root.join(file.path);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, &file.content))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(format!("Written: {names}."))
}

#[cfg(test)]
mod tests {
    use crate::{Mode, project_root};

    #[test]
    fn the_committed_files_are_what_the_source_says() {
        super::run(&project_root(), Mode::Check).unwrap();
    }

    #[test]
    fn a_file_that_differs_is_named() {
        let empty = std::env::temp_dir().join(format!("paravane-xtask-abi-{}", std::process::id()));
        let message = super::run(&empty, Mode::Check).unwrap_err();
        assert!(message.contains("docs/ABI.md"), "{message}");
        assert!(message.contains("cargo xtask abi"), "{message}");
    }
}
