//! The key of a cache, and what it says of a file: that the program wrote it.

use std::fs;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a key: as many as SHA-256 has.
const KEY_BYTES: usize = 32;

/// Makes and checks the HMAC of files.
#[derive(Debug, Clone)]
pub(super) struct Seal(Key);

impl Seal {
    /// The seal of a cache. Its key is the file `NAME.key` beside the folder, or `key` in it if the
    /// folder above cannot be written; it is made if it is not there.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut beside = folder.as_os_str().to_owned();
        beside.push(".key");
        let [beside, inside] = [PathBuf::from(beside), folder.join("key")];
        let key = match inside.exists() {
            true => read_or_make(&inside),
            false => read_or_make(&beside).or_else(|error| match error.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => read_or_make(&inside),
                _ => Err(error),
            }),
        };
        Ok(Self(Key::new(HMAC_SHA256, &key?)))
    }

    fn of_file(&self, name: &[u8]) -> Key {
        Key::new(HMAC_SHA256, sign(&self.0, name).as_ref())
    }

    pub(super) fn made_for(&self, name: &[u8], bytes: &[u8]) -> Vec<u8> {
        sign(&self.of_file(name), bytes).as_ref().to_vec()
    }

    pub(super) fn fits(&self, name: &[u8], bytes: &[u8], seal: &[u8]) -> bool {
        verify(&self.of_file(name), bytes, seal).is_ok()
    }
}

fn read_or_make(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) => check(path, key),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

fn check(path: &Path, key: Vec<u8>) -> Result<Vec<u8>> {
    let refused = |what: &str| Err(Error::other(format!("the key {} {what}", path.display())));
    match key.len() {
        _ if !is_private(path)? => refused("can be read by others; make it yours alone (chmod 600)"),
        KEY_BYTES => Ok(key),
        _ => refused("is damaged; delete it, and the modules are compiled again"),
    }
}

/// Makes a key, unless another process is quicker. Nobody ever reads half of one.
fn make(path: &Path) -> Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| Error::other("the machine has no randomness to give"))?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_data()?;
    let made = fs::hard_link(&unfinished, path);
    // Whether it was the first or not, the file under its own name is the one that counts.
    let _ = fs::remove_file(&unfinished);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check(path, fs::read(path)?),
        made => made.map(|()| key),
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::metadata(path)?;
    Ok(about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> Result<bool> {
    Ok(true)
}
