//! The files that a command writes: none of them may be one that it reads, or be written twice.
//!
//! Not here: writing. A command asks before it creates the first of them.

use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux has the file that a shell made stdin of.
const STDIN: &str = "/proc/self/fd/0";

/// Files that are written and read by one command.
#[derive(Default)]
pub struct Written<'a> {
    written: Vec<(&'static str, &'a Path)>,
    read: Vec<PathBuf>,
}

impl<'a> Written<'a> {
    /// A command writes this file if the option is given.
    #[must_use]
    pub fn by(mut self, option: &'static str, path: Option<&'a Path>) -> Self {
        self.written.extend(path.map(|path| (option, path)));
        self
    }

    /// It reads this one, or has read it.
    #[must_use]
    pub fn reading(mut self, path: Option<&Path>) -> Self {
        self.read.extend(path.map(Path::to_path_buf));
        self
    }

    /// It reads all of these.
    #[must_use]
    pub fn reading_all(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.read.extend(paths);
        self
    }

    /// It may read stdin.
    #[must_use]
    pub fn reading_stdin(self) -> Self {
        self.reading(Some(Path::new(STDIN)))
    }

    /// Checks that nothing of what is read is lost, and that no two outputs become one.
    ///
    /// # Errors
    /// One line for the user.
    pub fn check(&self) -> Result<(), String> {
        for (place, (option, path)) in self.written.iter().enumerate() {
            let shown = path.display();
            if let Some(read) = self.read.iter().find(|read| are_same(read, path)) {
                let what = match read.as_path() {
                    read if read == Path::new(STDIN) => "this file is read as stdin".to_owned(),
                    read if read == *path => "this is the file that is read".to_owned(),
                    read => format!("this is a file that is read, {}", read.display()),
                };
                return Err(format!("{option} {shown}: {what}: name another one"));
            }
            if let Some((other, _)) = self.written[..place].iter().find(|(_, other)| are_same(other, path)) {
                return Err(format!("{option} {shown}: {other} writes to this file, too: name another one"));
            }
        }
        Ok(())
    }
}

/// Whether both paths lead to the same plain file, or will when it is created. A device or a pipe loses nothing.
fn are_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(of_one), Ok(of_other)) => {
            of_one.is_file()
                && of_other.is_file()
                && (is_one_file(&of_one, &of_other)
                    || place(one).is_some_and(|one| place(other) == Some(one)))
        }
        (Err(_), Err(_)) => place(one).is_some_and(|one| place(other) == Some(one)),
        _ => false,
    }
}

/// Whether they are of one file under two names, as a hard link is.
#[cfg(unix)]
fn is_one_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_one_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// The path without links and detours, also of a file that is not there yet.
fn place(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    })
}

#[cfg(test)]
mod tests {
    use super::Written;
    use std::fs;
    use std::path::Path;

    #[test]
    fn a_file_is_written_once_and_not_read_whatever_it_is_called() {
        let folder = std::env::temp_dir().join(format!("paravane-written-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let path = |name: &str| folder.join(name);
        let (there, detour, missing) = (path("there"), path("inner/../there"), path("missing"));
        fs::write(&there, b"kept").unwrap();
        let missing_too = path("inner/../missing");
        let check = |first: &Path, second: &Path, read: &Path| {
            Written::default().by("-o", Some(first)).by("--record", Some(second)).reading(Some(read)).check()
        };
        let mut names = vec![there.clone(), detour];
        #[cfg(unix)]
        {
            fs::hard_link(&there, path("hard")).unwrap();
            std::os::unix::fs::symlink(&there, path("soft")).unwrap();
            names.extend([path("hard"), path("soft")]);
        }
        for name in &names {
            let line = check(name, &missing, &there).unwrap_err();
            assert!(line.starts_with("-o ") && line.ends_with(": name another one"), "{line}");
            let line = check(&there, name, &missing).unwrap_err();
            assert!(
                line.starts_with("--record ") && line.contains(": -o writes to this file, too"),
                "{line}"
            );
        }
        assert!(check(&missing, &missing_too, &there).is_err());
        assert_eq!(check(&missing, &path("other"), &there), Ok(()));
        // A device can be written as often as one likes.
        let device = Path::new("/dev/null");
        assert_eq!(check(device, device, device), Ok(()));
        fs::remove_dir_all(&folder).unwrap();
    }
}
