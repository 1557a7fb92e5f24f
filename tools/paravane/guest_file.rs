//! A guest's ELF file, from the command line, and the samples that are built in: guests, and systems with their images.

use crate::output::Ended;
use hypervisor_core::Image;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The samples that are built in, by name.
const BUILTIN: [(&str, &[u8]); 3] = [
    ("ticker", include_bytes!("../../guest-images/prebuilt/ticker.elf")),
    ("hello", include_bytes!("../../guest-images/prebuilt/hello.elf")),
    ("echo", include_bytes!("../../guest-images/prebuilt/echo.elf")),
];

/// The sample systems that are built in, by name.
const SYSTEMS: [(&str, &[u8]); 2] = [
    ("flight", include_bytes!("../../guest-images/systems/flight.toml")),
    ("irq", include_bytes!("../../guest-images/systems/irq.toml")),
];

/// The images of the sample systems, as their files name them.
const SYSTEM_IMAGES: [(&str, &[u8]); 5] = [
    ("prebuilt/display.elf", include_bytes!("../../guest-images/systems/prebuilt/display.elf")),
    ("prebuilt/imu.elf", include_bytes!("../../guest-images/systems/prebuilt/imu.elf")),
    ("prebuilt/nav.elf", include_bytes!("../../guest-images/systems/prebuilt/nav.elf")),
    ("prebuilt/uart_driver.elf", include_bytes!("../../guest-images/systems/prebuilt/uart_driver.elf")),
    ("prebuilt/worker.elf", include_bytes!("../../guest-images/systems/prebuilt/worker.elf")),
];

/// Larger files are no guests: nothing of that size fits a partition.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// A guest's image and what to call it.
pub struct GuestFile {
    /// The image.
    pub image: Image,
    /// The file's name without folders and extension.
    pub name: String,
    /// The file as the user named it.
    pub shown: String,
}

impl GuestFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn open(path: &Path) -> Result<Self, Ended> {
        let bytes = bytes_of(path).map_err(|why| Ended::Failed(format!("{}: {why}", path.display())))?;
        Self::of_bytes(path, &bytes)
    }

    /// The guest of which the file at `path` has these bytes.
    ///
    /// # Errors
    /// One line with the file's name.
    pub fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Ended> {
        let shown = path.display().to_string();
        let file = shown.strip_prefix("builtin:").map_or(path, Path::new);
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned());
        Self::read(bytes, name.unwrap_or_default(), shown)
    }

    fn read(bytes: &[u8], name: String, shown: String) -> Result<Self, Ended> {
        let image = Image::read(bytes).map_err(|error| Ended::Failed(format!("{shown}: {error}")))?;
        Ok(Self { image, name, shown })
    }
}

/// A sample guest that is built in.
///
/// # Errors
/// Which ones there are.
pub fn builtin(name: &str) -> Result<&'static [u8], String> {
    sample(&BUILTIN, name)
}

/// A sample that is built in and can be run: a guest or a system.
///
/// # Errors
/// Which ones there are.
pub fn builtin_to_run(name: &str) -> Result<&'static [u8], String> {
    sample(&[&BUILTIN[..], &SYSTEMS].concat(), name)
}

/// What a sample system calls its images.
///
/// # Errors
/// Which ones there are.
pub fn builtin_image(path: &str) -> Result<&'static [u8], String> {
    sample(&SYSTEM_IMAGES, path)
}

fn sample(samples: &[(&str, &'static [u8])], name: &str) -> Result<&'static [u8], String> {
    let found = samples.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes);
    found.ok_or_else(|| {
        let names: Vec<&str> = samples.iter().map(|(name, _)| *name).collect();
        format!("there is no such sample: the samples are {}", names.join(", "))
    })
}

/// The bytes of a file.
///
/// # Errors
/// One line that says why it cannot be read.
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file: check the path".to_owned(),
        ErrorKind::PermissionDenied => "this file may not be read: check its permissions".to_owned(),
        _ => format!("cannot read this file: {error}"),
    };
    let mut file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err("this is a folder: name a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        return Err("the file is larger than 1 GiB: name a smaller one".to_owned());
    }
    Ok(bytes)
}
