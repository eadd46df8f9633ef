//! The files that sources read: from one folder, and on a server never outside it.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileFault(pub String);

/// A file that is open for reading.
pub trait OpenFile: Read + Seek + Send {}

impl<T: Read + Seek + Send> OpenFile for T {}

/// Opens the files that jobs name.
pub trait Files: Send + Sync {
    /// Opens a file for reading, for a job of the organization with this key. The path
    /// is the job's; blocking.
    fn open(&self, organization: &str, path: &str) -> Result<Box<dyn OpenFile>, FileFault>;
}

/// The files of a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    confined: bool,
}

impl Folder {
    /// Relative paths start at `root`; any other file of the machine may be named too.
    /// For the command line, where the job acts with the rights of the user who runs it.
    pub fn open_from(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), confined: false }
    }

    /// Only what is really below the organization's own folder in `root`, links followed.
    /// For a server.
    pub fn confined_to(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), confined: true }
    }

    fn check(&self, folder: &Path, path: &str, real: &Path) -> Result<(), FileFault> {
        let unreadable = |error| FileFault(format!("the data folder cannot be read: {error}"));
        if self.confined && !real.starts_with(folder.canonicalize().map_err(unreadable)?) {
            return Err(FileFault(format!(
                "the file `{path}` is outside the organization's folder on the server; move it there and name it by its path in that folder"
            )));
        }
        Ok(())
    }
}

impl Files for Folder {
    fn open(&self, organization: &str, path: &str) -> Result<Box<dyn OpenFile>, FileFault> {
        let folder = if self.confined { self.root.join(organization) } else { self.root.clone() };
        let leaves_folder =
            Path::new(path).is_absolute() || Path::new(path).components().any(|part| part.as_os_str() == "..");
        if self.confined && leaves_folder {
            return Err(FileFault(format!(
                "the file `{path}` is outside the organization's folder on the server; name it by its path in that folder"
            )));
        }
        let unreadable = |error: std::io::Error| FileFault(self.unreadable(path, &error));
        let real = folder.join(path).canonicalize().map_err(unreadable)?;
        self.check(&folder, path, &real)?;
        if !real.is_file() {
            return Err(FileFault(format!("`{path}` is not a file")));
        }
        Ok(Box::new(std::fs::File::open(&real).map_err(unreadable)?))
    }
}

impl Folder {
    fn unreadable(&self, path: &str, error: &std::io::Error) -> String {
        match error.kind() {
            std::io::ErrorKind::NotFound if self.confined => {
                format!("there is no file `{path}` in the organization's folder on the server")
            }
            std::io::ErrorKind::NotFound if Path::new(path).is_absolute() => format!("there is no file `{path}`"),
            std::io::ErrorKind::NotFound => format!("there is no file `{path}` (looked in {})", self.root.display()),
            _ => format!("the file `{path}` cannot be read: {error}"),
        }
    }
}
