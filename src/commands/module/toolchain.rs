//! Finds a Rust toolchain on this machine that builds for `wasm32-unknown-unknown`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of modules.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A way to build.
pub enum Toolchain {
    /// The user's toolchain, which has the target installed.
    Installed,
    /// The toolchain of Debian, which has to build the standard library too, with this linker.
    Debian { linker: PathBuf },
}

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";

impl Toolchain {
    /// Finds a toolchain.
    ///
    /// # Errors
    /// Says what to install.
    pub fn find() -> Result<Self, String> {
        if sysroot().is_some_and(|root| root.join("lib/rustlib").join(TARGET).is_dir()) {
            return Ok(Self::Installed);
        }
        let debian = Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_SOURCES).is_dir();
        match linker().filter(|_| debian) {
            Some(linker) => Ok(Self::Debian { linker }),
            None => Err(format!(
                "Rust cannot build for {TARGET} here; install one of:\n  rustup target add {TARGET}\n  apt-get install \
                 rustc-web cargo-web rust-web-src lld   (Debian)"
            )),
        }
    }

    /// The command `cargo build --release` for a project, with `target` as its target folder.
    pub fn build(&self, folder: &Path, target: &Path) -> Command {
        let mut command = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                command
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        };
        // These variables may come from the toolchain that started this program, and do not fit the module.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTUP_TOOLCHAIN"] {
            command.env_remove(name);
        }
        command.current_dir(folder).env("CARGO_TARGET_DIR", target);
        command.args(["build", "--release", "--target", TARGET]);
        if matches!(self, Self::Debian { .. }) {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        command
    }
}

fn sysroot() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(OsString::from(String::from_utf8(output.stdout).ok()?.trim())))
}

/// Finds `rust-lld`, in the toolchain or in the search path.
fn linker() -> Option<PathBuf> {
    let toolchains = [sysroot()?.join("lib/rustlib"), PathBuf::from("/usr/lib/rustlib")];
    let folders = toolchains.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let found = folders.map(|entry| entry.path().join("bin/rust-lld")).find(|path| path.exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.or_else(|| std::env::split_paths(&path).map(|folder| folder.join("rust-lld")).find(|path| path.exists()))
}
