//! Files that sources read: from one folder, and on a server never outside it.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileFault(pub String);

/// Opens the files that jobs name.
pub trait Files: Send + Sync {
    /// Opens a file for reading. The path is the job's; blocking.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, FileFault>;
}

/// The files of a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    confined: bool,
}

impl Folder {
    /// Relative paths start at `root`; any other file of the machine may be named too.
    /// For the command line, where the job acts with the rights of whoever runs it.
    pub fn open_from(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), confined: false }
    }

    /// Only what is really below `root`, links followed. For a server.
    pub fn confined_to(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), confined: true }
    }

    fn check(&self, named: &str, real: &Path) -> Result<(), FileFault> {
        let root =
            self.root.canonicalize().map_err(|error| FileFault(format!("the data folder cannot be read: {error}")))?;
        if self.confined && !real.starts_with(&root) {
            return Err(FileFault(format!(
                "the file `{named}` is outside the server's data folder; put it there and name it by its path in that folder"
            )));
        }
        Ok(())
    }
}

impl Files for Folder {
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, FileFault> {
        let outside =
            Path::new(path).is_absolute() || Path::new(path).components().any(|part| part.as_os_str() == "..");
        if self.confined && outside {
            return Err(FileFault(format!(
                "the file `{path}` is outside the server's data folder; name it by its path in that folder"
            )));
        }
        let unreadable = |error: std::io::Error| FileFault(self.unreadable(path, &error));
        let real = self.root.join(path).canonicalize().map_err(unreadable)?;
        self.check(path, &real)?;
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
                format!("there is no file `{path}` in the server's data folder")
            }
            std::io::ErrorKind::NotFound => format!("there is no file `{path}` (looked in {})", self.root.display()),
            _ => format!("the file `{path}` cannot be read: {error}"),
        }
    }
}
