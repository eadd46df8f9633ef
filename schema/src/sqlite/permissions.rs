//! Restricts the files of a database to their owner, since they hold records and hashes of tokens.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// The endings of the files of a database. SQLite creates them with the mode of the database.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", ".lock"];
const OWNER_ONLY: u32 = 0o600;

/// Options that create a file for its owner only.
pub(super) fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    options
}

/// Creates the file of a database if needed, and removes the permissions of other users. A failure is logged; whether
/// the file can be used is left to SQLite.
pub(super) fn restrict_files(database: &Path) {
    // An empty file is an empty database. An existing file is not opened: closing it again would drop the locks that
    // SQLite holds on it in this process.
    let _ = options().write(true).create_new(true).open(database);
    for ending in ENDINGS {
        let mut name = OsString::from(database);
        name.push(ending);
        let path = PathBuf::from(name);
        if let Err(error) = restrict(&path) {
            tracing::warn!(path = %path.display(), %error, "other users may read this file of the database, and its mode cannot be changed");
        }
    }
}

#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            std::fs::set_permissions(path, PermissionsExt::from_mode(OWNER_ONLY))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}
