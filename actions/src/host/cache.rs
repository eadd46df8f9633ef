//! Compiled modules on disk, by digest, so that a second start is fast.
//!
//! The folder belongs to the program alone. A file that is not exactly what
//! was written, or was written by another build, is made again.

mod note;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::engine::model::module::ModuleInfo;
use wasmtime::component::Component;

use super::engine::Runtime;
use super::module::digest_of;
use note::Note;

/// The folder of compiled modules.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn at(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&folder)?;
        check_owner(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, runtime: &Runtime, digest: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.{ending}", runtime.build_id()))
    }

    pub(super) fn find(&self, runtime: &Runtime, digest: &str) -> Option<Component> {
        let path = self.path(runtime, digest, "cwasm");
        let noted = fs::read_to_string(note_of(&path)).ok()?;
        let code = fs::read(&path).ok()?;
        if digest_of(&code) != noted.trim() {
            tracing::warn!(path = %path.display(), "a compiled module in the cache is damaged; compiling it again");
            return None;
        }
        load(runtime, &code).ok()
    }

    /// Lets one program at a time compile a module; the others wait and find it compiled.
    /// Without a lock they all compile it, which is slow but harmless.
    pub(super) async fn lock(&self, digest: &str) -> Option<fs::File> {
        let path = self.lock_path(digest);
        let locked = tokio::task::spawn_blocking(move || {
            let file = fs::File::create(path).ok()?;
            file.lock().ok().map(|()| file)
        });
        locked.await.ok().flatten()
    }

    pub(super) fn keep(&self, runtime: &Runtime, digest: &str, code: &[u8]) -> Result<Component, String> {
        let path = self.path(runtime, digest, "cwasm");
        let kept = write_whole(&path, code).and_then(|()| write_whole(&note_of(&path), digest_of(code).as_bytes()));
        if let Err(error) = kept {
            tracing::warn!(path = %path.display(), %error, "a compiled module cannot be cached; the next start compiles it again");
        }
        load(runtime, code)
    }

    /// Removes what is kept of a component that turned out to be no module, so that refused ones
    /// do not fill the disk.
    pub(super) fn forget(&self, runtime: &Runtime, digest: &str) {
        let code = self.path(runtime, digest, "cwasm");
        for path in [note_of(&code), code, self.lock_path(digest)] {
            // It may not have come that far.
            let _ = fs::remove_file(path);
        }
    }

    fn lock_path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.lock"))
    }

    /// What a module was found to be when this build first loaded it.
    pub(super) fn info(&self, runtime: &Runtime, digest: &str) -> Option<ModuleInfo> {
        let note: Note = serde_json::from_slice(&fs::read(self.path(runtime, digest, "json")).ok()?).ok()?;
        note.info(digest)
    }

    pub(super) fn keep_info(&self, runtime: &Runtime, info: &ModuleInfo) {
        let text = serde_json::to_vec(&Note::of(info)).unwrap_or_default();
        if let Err(error) = write_whole(&self.path(runtime, &info.digest, "json"), &text) {
            tracing::warn!(%error, "what a module is cannot be cached; the next start asks it again");
        }
    }
}

/// Compiled code is trusted, so nobody else may be able to put some there.
#[cfg(unix)]
fn check_owner(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::metadata(folder)?;
    let ours = about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0;
    match ours {
        true => Ok(()),
        false => Err(std::io::Error::other("others may write there; it must belong to you alone (chmod 700)")),
    }
}

#[cfg(not(unix))]
fn check_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn note_of(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

#[allow(
    unsafe_code,
    reason = "wasmtime trusts compiled code; this is our own compiler's, from a folder of our own, checked by digest"
)]
fn load(runtime: &Runtime, code: &[u8]) -> Result<Component, String> {
    // SAFETY: the bytes are what our compiler wrote, as the digest beside them shows.
    unsafe { Component::deserialize(runtime.engine(), code) }
        .map_err(|error| format!("does not fit into this host: {error:#}"))
}

/// Writes beside the file and renames, so that nobody ever reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)
}
