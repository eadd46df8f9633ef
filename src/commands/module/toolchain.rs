//! Which Rust can build for `wasm32-unknown-unknown` on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What modules are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A way to build.
pub enum Toolchain {
    /// The Rust of the user, with the target installed.
    Installed,
    /// Debian's, which builds the standard library along, with this linker.
    Debian { linker: PathBuf },
}

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";

impl Toolchain {
    /// The first that is there.
    ///
    /// # Errors
    /// What to install.
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

    /// `cargo build --release` of a project, its output in `target`.
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
        // A toolchain that this program was started with is not meant for the module.
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
    let told = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(OsString::from(String::from_utf8(told.stdout).ok()?.trim())))
}

/// `rust-lld`: as it comes with Rust, or as a program of its own.
fn linker() -> Option<PathBuf> {
    let beside = [sysroot()?.join("lib/rustlib"), PathBuf::from("/usr/lib/rustlib")];
    let folders = beside.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let found = folders.map(|entry| entry.path().join("bin/rust-lld")).find(|path| path.exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.or_else(|| std::env::split_paths(&path).map(|folder| folder.join("rust-lld")).find(|path| path.exists()))
}
