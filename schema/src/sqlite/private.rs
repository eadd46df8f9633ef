//! Records and hashes of tokens are nobody else's: the files of a database belong to its owner alone.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database. It makes them with the mode of the database.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", ".lock"];
const OWNER_ONLY: u32 = 0o600;

/// For files that are made for their owner alone.
pub(super) fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    options
}

/// Makes the file of a database if it is not there, and takes what others may do with it away. What cannot
/// be done is logged; whether the file can be used is found out by SQLite.
pub(super) fn keep(database: &Path) {
    // An empty file is an empty database. One that is there is not opened: closing it again would drop
    // the locks that SQLite holds on it in this process.
    let _ = options().write(true).create_new(true).open(database);
    for ending in BESIDE {
        let mut name = OsString::from(database);
        name.push(ending);
        let path = PathBuf::from(name);
        if let Err(error) = restrict(&path) {
            tracing::warn!(path = %path.display(), %error, "others may read this file of the database, and that cannot be changed");
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
