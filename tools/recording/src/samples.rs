//! The samples that are built in: guests, and systems with their images.

/// What the name of a sample begins with, in place of a path.
pub const PREFIX: &str = "builtin:";

/// The guests, by name.
const GUESTS: [(&str, &[u8]); 3] = [
    ("ticker", include_bytes!("../../../guest-images/prebuilt/ticker.elf")),
    ("hello", include_bytes!("../../../guest-images/prebuilt/hello.elf")),
    ("echo", include_bytes!("../../../guest-images/prebuilt/echo.elf")),
];

/// The systems, by name.
const SYSTEMS: [(&str, &[u8]); 3] = [
    ("flight", include_bytes!("../../../guest-images/systems/flight.toml")),
    ("guard", include_bytes!("../../../guest-images/systems/guard.toml")),
    ("irq", include_bytes!("../../../guest-images/systems/irq.toml")),
];

/// The images of the systems, as their files name them.
const IMAGES: [(&str, &[u8]); 7] = [
    ("prebuilt/display.elf", include_bytes!("../../../guest-images/systems/prebuilt/display.elf")),
    ("prebuilt/guard.elf", include_bytes!("../../../guest-images/systems/prebuilt/guard.elf")),
    ("prebuilt/imu.elf", include_bytes!("../../../guest-images/systems/prebuilt/imu.elf")),
    ("prebuilt/nav.elf", include_bytes!("../../../guest-images/systems/prebuilt/nav.elf")),
    ("prebuilt/plant.elf", include_bytes!("../../../guest-images/systems/prebuilt/plant.elf")),
    ("prebuilt/uart_driver.elf", include_bytes!("../../../guest-images/systems/prebuilt/uart_driver.elf")),
    ("prebuilt/worker.elf", include_bytes!("../../../guest-images/systems/prebuilt/worker.elf")),
];

/// A guest.
///
/// # Errors
/// Which ones there are.
pub fn guest(name: &str) -> Result<&'static [u8], String> {
    sample(&GUESTS, name)
}

/// A guest or a system.
///
/// # Errors
/// Which ones there are.
pub fn guest_or_system(name: &str) -> Result<&'static [u8], String> {
    sample(&[&GUESTS[..], &SYSTEMS].concat(), name)
}

/// What a sample system calls its images.
///
/// # Errors
/// Which ones there are.
pub fn image(path: &str) -> Result<&'static [u8], String> {
    sample(&IMAGES, path)
}

fn sample(samples: &[(&str, &'static [u8])], name: &str) -> Result<&'static [u8], String> {
    let found = samples.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes);
    found.ok_or_else(|| {
        let names: Vec<&str> = samples.iter().map(|(name, _)| *name).collect();
        format!("there is no such sample: the samples are {}", names.join(", "))
    })
}
