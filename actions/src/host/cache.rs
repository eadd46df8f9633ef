//! Compiled modules on disk, by digest, so that the next start is fast.
//!
//! Only the program may write to the folder. Beside each file is its HMAC, with a key that is not
//! in the folder. A file that is damaged, or that this program did not write, is ignored and written
//! again, so that somebody who can only write to the folder cannot make the program run code.

mod seal;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::engine::model::module::ModuleInfo;
use wasmtime::component::Component;

use super::engine::Runtime;
use super::note::Note;
use seal::Seal;

/// The folder of compiled modules.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    seal: Seal,
}

impl Cache {
    /// A cache in this folder, which is created if it does not exist. Its key is beside the folder.
    ///
    /// # Errors
    /// The folder cannot be created, or its key cannot be read.
    pub fn at(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&folder)?;
        check_owner(&folder)?;
        let seal = Seal::of(&folder)?;
        Ok(Self { folder, seal })
    }

    fn path(&self, runtime: &Runtime, digest: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.{ending}", runtime.build_id()))
    }

    pub(super) fn find(&self, runtime: &Runtime, digest: &str) -> Option<Component> {
        load(runtime, &self.read(&self.path(runtime, digest, "cwasm"))?).ok()
    }

    /// Lets one process at a time compile a module; the others wait and then find it compiled.
    /// If locking fails, all of them compile it, which is slow but harmless.
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
        if let Err(error) = self.write(&path, code) {
            tracing::warn!(path = %path.display(), %error, "a compiled module cannot be cached; the next start compiles it again");
        }
        load(runtime, code)
    }

    /// Removes the files of a component that turned out not to be a module, so that refused
    /// components do not fill the disk.
    pub(super) fn forget(&self, runtime: &Runtime, digest: &str) {
        let code = self.path(runtime, digest, "cwasm");
        for path in [seal_of(&code), code, self.lock_path(digest)] {
            // Some of the files may not have been written yet.
            let _ = fs::remove_file(path);
        }
    }

    fn lock_path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.lock"))
    }

    /// The metadata of a module, from when this build first loaded it.
    pub(super) fn info(&self, runtime: &Runtime, digest: &str) -> Option<ModuleInfo> {
        let note: Note = serde_json::from_slice(&self.read(&self.path(runtime, digest, "json"))?).ok()?;
        note.info(digest)
    }

    pub(super) fn keep_info(&self, runtime: &Runtime, info: &ModuleInfo) {
        let text = serde_json::to_vec(&Note::of(info)).unwrap_or_default();
        if let Err(error) = self.write(&self.path(runtime, &info.digest, "json"), &text) {
            tracing::warn!(%error, "the metadata of a module cannot be cached; the next start reads it from the module again");
        }
    }

    /// Reads a file of the cache, if this program wrote it and it is unchanged.
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(path).ok()?;
        let seal = fs::read(seal_of(path)).unwrap_or_default();
        if !self.seal.verify_file(&name_of(path), &bytes, &seal) {
            tracing::warn!(
                path = %path.display(),
                "a file in the cache of compiled modules is damaged or was not written by this program; it is written again"
            );
            return None;
        }
        Some(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        write_atomically(path, bytes)?;
        write_atomically(&seal_of(path), &self.seal.sign_file(&name_of(path), bytes))
    }
}

/// The name of a file. Its seal covers the name too, so that one module cannot replace another.
fn name_of(path: &Path) -> Vec<u8> {
    path.file_name().unwrap_or_default().as_encoded_bytes().to_vec()
}

/// Compiled code is trusted, so no other user may be able to write to the folder.
#[cfg(unix)]
fn check_owner(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(folder)?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    match ours {
        true => Ok(()),
        false => Err(std::io::Error::other(
            "other users can write to it; make yourself its owner and restrict it with `chmod 700`",
        )),
    }
}

#[cfg(not(unix))]
fn check_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn seal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".hmac");
    name.into()
}

#[allow(
    unsafe_code,
    reason = "wasmtime trusts compiled code; this code comes from our own compiler, which its HMAC proves"
)]
fn load(runtime: &Runtime, code: &[u8]) -> Result<Component, String> {
    // SAFETY: our compiler wrote these bytes, as their HMAC shows.
    unsafe { Component::deserialize(runtime.engine(), code) }
        .map_err(|error| format!("cannot be loaded by this host: {error:#}"))
}

/// Writes to a temporary file and renames it, so that no process ever reads half of a file.
fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Limits;
    use crate::host::engine::config;

    /// A component that does nothing, compiled.
    fn compiled() -> Vec<u8> {
        let engine = wasmtime::Engine::new(&config(&Limits::default(), 1)).unwrap();
        engine.precompile_component(b"\0asm\x0d\0\x01\0").unwrap()
    }

    #[test]
    fn only_files_that_this_program_wrote_are_loaded() {
        let parent = tempfile::TempDir::new().unwrap();
        let (cache, runtime) =
            (Cache::at(parent.path().join("modules")).unwrap(), Runtime::new(Limits::default()).unwrap());
        let code = compiled();
        cache.keep(&runtime, "d1", &code).unwrap();
        assert!(cache.find(&runtime, "d1").is_some());
        let again = Cache::at(parent.path().join("modules")).unwrap();
        assert!(again.find(&runtime, "d1").is_some(), "the key stays");

        // Somebody who can write to the folder adds code, with a digest as earlier versions used it.
        let (first, second) = (cache.path(&runtime, "d1", "cwasm"), cache.path(&runtime, "d2", "cwasm"));
        fs::write(&second, &code).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "without a seal");
        fs::write(seal_of(&second), super::super::module::digest_of(&code)).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "with a digest");
        fs::copy(seal_of(&first), seal_of(&second)).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "with the seal of another module");
        fs::remove_file(parent.path().join("modules.key")).unwrap();
        let other = Cache::at(parent.path().join("modules")).unwrap();
        assert!(other.find(&runtime, "d1").is_none(), "with the seal of another key");
        cache.keep(&runtime, "d1", &code).unwrap();
        fs::write(&first, [&code[..], b"x"].concat()).unwrap();
        assert!(cache.find(&runtime, "d1").is_none(), "damaged");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::TempDir::new().unwrap();
        let key = parent.path().join("modules.key");
        Cache::at(parent.path().join("modules")).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Cache::at(parent.path().join("modules")).unwrap_err().to_string();
        assert!(refused.contains("modules.key") && refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&key, "short").unwrap();
        let refused = Cache::at(parent.path().join("modules")).unwrap_err().to_string();
        assert!(refused.contains("delete it"), "{refused}");
    }
}
