//! Lines in the log of the line result. The host cuts long ones and drops too many,
//! and leaves a mark where it did.

#[cfg(target_arch = "wasm32")]
use crate::bindings::ropewalk::host::log as host;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever writes the job.
    Debug,
    /// For whoever runs it.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a message at a level.
#[cfg(target_arch = "wasm32")]
pub fn write(level: Level, message: &str) {
    let level = match level {
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    host::write(level, message);
}

/// Outside of a host, as in an action's own tests, messages go to standard error.
#[cfg(not(target_arch = "wasm32"))]
pub fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

/// For whoever writes the job.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

/// For whoever runs it.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

/// Somebody should look at it.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

/// Something failed.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}
