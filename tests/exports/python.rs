//! Asks a reader that is a Python package. `PARAVANE_PYTHON` says which Python has it; without it that is `python3`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What Python exits with when it has no such package.
const NO_PACKAGE: i32 = 77;

/// Runs a script with these arguments, if the Python here has `package`; returns what the script prints.
pub fn ask(package: &str, script: &str, arguments: &[&str]) -> Option<String> {
    ask_one_of(&[package], script, arguments)
}

/// The same, of a script that needs any of these packages.
pub fn ask_one_of(packages: &[&str], script: &str, arguments: &[&str]) -> Option<String> {
    let python = env::var("PARAVANE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let package = packages.join(" or ");
    let guard = format!(
        "import importlib.util, sys\n\
         def is_here(package):\n\
         \x20   parent, _, rest = package.rpartition('.')\n\
         \x20   return (not parent or is_here(parent)) and importlib.util.find_spec(package) is not None\n\
         if not any(map(is_here, {packages:?})): sys.exit({NO_PACKAGE})\n"
    );
    let output = Command::new(&python).args(["-c", &(guard + script)]).args(arguments).output();
    let Some(output) = output.ok().filter(|output| output.status.code() != Some(NO_PACKAGE)) else {
        println!("skipped: {python} has no package {package}");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} does not accept what was exported:\n{errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder that is removed at the end of the test.
pub struct TemporaryFolder(std::path::PathBuf);

impl TemporaryFolder {
    /// An empty folder for the test of this name.
    pub fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("paravane-exports-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
