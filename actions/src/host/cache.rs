//! Compiled modules on disk, by digest, so that a second start is fast.
//!
//! The folder belongs to the program alone. Beside each file is its HMAC under a key that is not
//! in the folder: a file that this program did not write, or that is damaged, is made again.
//! Someone who can only write there cannot make the program run code.

mod note;
mod seal;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::engine::model::module::ModuleInfo;
use wasmtime::component::Component;

use super::engine::Runtime;
use note::Note;
use seal::Seal;

/// The folder of compiled modules.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    seal: Seal,
}

impl Cache {
    /// A cache in this folder, which is made if it is not there. Its key is beside it.
    ///
    /// # Errors
    /// The folder cannot be made, or its key not be read.
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
        if let Err(error) = self.write(&path, code) {
            tracing::warn!(path = %path.display(), %error, "a compiled module cannot be cached; the next start compiles it again");
        }
        load(runtime, code)
    }

    /// Removes what is kept of a component that turned out to be no module, so that refused ones
    /// do not fill the disk.
    pub(super) fn forget(&self, runtime: &Runtime, digest: &str) {
        let code = self.path(runtime, digest, "cwasm");
        for path in [seal_of(&code), code, self.lock_path(digest)] {
            // It may not have come that far.
            let _ = fs::remove_file(path);
        }
    }

    fn lock_path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.lock"))
    }

    /// What a module was found to be when this build first loaded it.
    pub(super) fn info(&self, runtime: &Runtime, digest: &str) -> Option<ModuleInfo> {
        let note: Note = serde_json::from_slice(&self.read(&self.path(runtime, digest, "json"))?).ok()?;
        note.info(digest)
    }

    pub(super) fn keep_info(&self, runtime: &Runtime, info: &ModuleInfo) {
        let text = serde_json::to_vec(&Note::of(info)).unwrap_or_default();
        if let Err(error) = self.write(&self.path(runtime, &info.digest, "json"), &text) {
            tracing::warn!(%error, "what a module is cannot be cached; the next start asks it again");
        }
    }

    /// A file of the cache, if this program wrote it and it is as it was.
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let bytes = fs::read(path).ok()?;
        let seal = fs::read(seal_of(path)).unwrap_or_default();
        if !self.seal.fits(&name_of(path), &bytes, &seal) {
            tracing::warn!(
                path = %path.display(),
                "a file in the cache of compiled modules is damaged or was not written by this program; it is made again"
            );
            return None;
        }
        Some(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        write_whole(path, bytes)?;
        write_whole(&seal_of(path), &self.seal.made_for(&name_of(path), bytes))
    }
}

/// The name of a file, which its seal covers too: one module cannot stand in for another.
fn name_of(path: &Path) -> Vec<u8> {
    path.file_name().unwrap_or_default().as_encoded_bytes().to_vec()
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

fn seal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".hmac");
    name.into()
}

#[allow(
    unsafe_code,
    reason = "wasmtime trusts compiled code; this is our own compiler's, from a folder of our own, checked by its HMAC"
)]
fn load(runtime: &Runtime, code: &[u8]) -> Result<Component, String> {
    // SAFETY: the bytes are what our compiler wrote, as the HMAC beside them shows.
    unsafe { Component::deserialize(runtime.engine(), code) }
        .map_err(|error| format!("does not fit into this host: {error:#}"))
}

/// Writes beside the file and renames, so that nobody ever reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)
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
    fn only_what_this_program_wrote_is_loaded() {
        let place = tempfile::TempDir::new().unwrap();
        let (cache, runtime) =
            (Cache::at(place.path().join("modules")).unwrap(), Runtime::new(Limits::default()).unwrap());
        let code = compiled();
        cache.keep(&runtime, "d1", &code).unwrap();
        assert!(cache.find(&runtime, "d1").is_some());
        let again = Cache::at(place.path().join("modules")).unwrap();
        assert!(again.find(&runtime, "d1").is_some(), "the key stays");

        // Somebody who can write in the folder puts code there, with a digest as earlier versions had it.
        let (first, second) = (cache.path(&runtime, "d1", "cwasm"), cache.path(&runtime, "d2", "cwasm"));
        fs::write(&second, &code).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "without a seal");
        fs::write(seal_of(&second), super::super::module::digest_of(&code)).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "with a digest");
        fs::copy(seal_of(&first), seal_of(&second)).unwrap();
        assert!(cache.find(&runtime, "d2").is_none(), "with the seal of another module");
        fs::remove_file(place.path().join("modules.key")).unwrap();
        let other = Cache::at(place.path().join("modules")).unwrap();
        assert!(other.find(&runtime, "d1").is_none(), "with the seal of another key");
        cache.keep(&runtime, "d1", &code).unwrap();
        fs::write(&first, [&code[..], b"x"].concat()).unwrap();
        assert!(cache.find(&runtime, "d1").is_none(), "damaged");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::TempDir::new().unwrap();
        let key = place.path().join("modules.key");
        Cache::at(place.path().join("modules")).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Cache::at(place.path().join("modules")).unwrap_err().to_string();
        assert!(refused.contains("modules.key") && refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&key, "short").unwrap();
        let refused = Cache::at(place.path().join("modules")).unwrap_err().to_string();
        assert!(refused.contains("delete it"), "{refused}");
    }
}
