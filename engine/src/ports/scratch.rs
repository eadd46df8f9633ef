//! Scratch files, for records that do not fit into memory. Nobody else sees these files, and they leave nothing behind,
//! not even after a crash.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a scratch file cannot be used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScratchFault(pub String);

/// Makes scratch files.
pub trait Scratch: Send + Sync {
    /// A new, empty file. It is removed with its last handle. Blocking.
    fn file(&self) -> Result<Arc<dyn ScratchFile>, ScratchFault>;
}

/// A file that is written once and read anywhere. All calls are blocking.
pub trait ScratchFile: Send + Sync {
    /// Writes all bytes at this offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), ScratchFault>;

    /// Fills the buffer from this offset.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ScratchFault>;
}

/// Scratch files without names in a folder.
#[derive(Debug, Clone)]
pub struct ScratchFolder {
    folder: Arc<Path>,
}

impl ScratchFolder {
    /// In a folder that has to exist when it is needed.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into().into() }
    }

    /// In the system's folder for such files.
    pub fn of_system() -> Self {
        Self::at(std::env::temp_dir())
    }

    /// In its own folder, which is created, or emptied of the files that an earlier process left.
    ///
    /// # Errors
    /// The folder cannot be made or emptied.
    pub fn emptied(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self::at(folder))
    }
}

impl Scratch for ScratchFolder {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, ScratchFault> {
        let file = tempfile::tempfile_in(&self.folder).map_err(|error| {
            ScratchFault(format!(
                "The records do not fit into memory, and no scratch file can be made in {}: {error}. \
                 Check that this folder exists and can be written.",
                self.folder.display()
            ))
        })?;
        Ok(Arc::new(FileInFolder { file, folder: Arc::clone(&self.folder) }))
    }
}

struct FileInFolder {
    file: File,
    folder: Arc<Path>,
}

impl FileInFolder {
    fn unwritten(&self, error: &Error) -> ScratchFault {
        let cure = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Free some space there, or choose fewer records.",
            _ => "The disk may be broken.",
        };
        let place = self.folder.display();
        ScratchFault(format!(
            "The records do not fit into memory, and cannot be written to a scratch file in {place}: {error}. {cure}"
        ))
    }
}

impl ScratchFile for FileInFolder {
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), ScratchFault> {
        self.file.write_all_at(bytes, offset).map_err(|error| self.unwritten(&error))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ScratchFault> {
        self.file.read_exact_at(buffer, offset).map_err(|error| {
            let place = self.folder.display();
            ScratchFault(format!("A scratch file in {place} cannot be read back: {error}. The disk may be broken."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = ScratchFolder::at(folder.path());
        let file = scratch.file().unwrap();
        file.write_at(b"hello", 3).unwrap();
        let mut read = [0; 4];
        file.read_at(&mut read, 4).unwrap();
        assert_eq!(&read, b"ello");
        assert!(file.read_at(&mut read, 5).unwrap_err().0.contains("cannot be read back"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn the_error_names_a_folder_that_does_not_exist() {
        let message = ScratchFolder::at("/nowhere/at/all").file().map(drop).unwrap_err().0;
        assert!(message.contains("no scratch file can be made in /nowhere/at/all"), "{message}");
    }

    #[test]
    fn a_folder_of_its_own_is_made_and_freed_of_old_files() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        ScratchFolder::emptied(&scratch).unwrap();
        std::fs::write(scratch.join("old"), "left behind").unwrap();
        ScratchFolder::emptied(&scratch).unwrap();
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    }
}
