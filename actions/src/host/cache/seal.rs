//! The key of a cache. With it, the program recognizes the files that it wrote itself.

use std::fs;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a key, the same as the output of SHA-256.
const KEY_BYTES: usize = 32;

/// Makes and checks the HMAC of files.
#[derive(Debug, Clone)]
pub(super) struct Seal(Key);

impl Seal {
    /// The seal of a cache. Its key is the file `NAME.key` beside the folder, or `key` inside it if
    /// the parent folder is not writable. The key is created if it does not exist.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut beside = folder.as_os_str().to_owned();
        beside.push(".key");
        let [beside, inside] = [PathBuf::from(beside), folder.join("key")];
        let key = match inside.exists() {
            true => read_or_create(&inside),
            false => read_or_create(&beside).or_else(|error| match error.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => read_or_create(&inside),
                _ => Err(error),
            }),
        };
        Ok(Self(Key::new(HMAC_SHA256, &key?)))
    }

    fn of_file(&self, name: &[u8]) -> Key {
        Key::new(HMAC_SHA256, sign(&self.0, name).as_ref())
    }

    pub(super) fn sign_file(&self, name: &[u8], bytes: &[u8]) -> Vec<u8> {
        sign(&self.of_file(name), bytes).as_ref().to_vec()
    }

    pub(super) fn verify_file(&self, name: &[u8], bytes: &[u8], seal: &[u8]) -> bool {
        verify(&self.of_file(name), bytes, seal).is_ok()
    }
}

fn read_or_create(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(key) => check_key(path, key),
        Err(error) if error.kind() == ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

fn check_key(path: &Path, key: Vec<u8>) -> Result<Vec<u8>> {
    let refused = |what: &str| Err(Error::other(format!("the key file {} {what}", path.display())));
    match key.len() {
        _ if !is_private(path)? => {
            refused("can be read by other users; make yourself its owner and restrict it with `chmod 600`")
        }
        KEY_BYTES => Ok(key),
        _ => refused("is damaged; delete it, and the program creates a new one and compiles the modules again"),
    }
}

/// Creates a key, unless another process creates one first. No process ever reads half of a key.
fn create(path: &Path) -> Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    SystemRandom::new().fill(&mut key).map_err(|_| Error::other("the system provides no random numbers"))?;
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
    let linked = fs::hard_link(&unfinished, path);
    // Whether this process was first or not, the file with the final name counts.
    let _ = fs::remove_file(&unfinished);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_key(path, fs::read(path)?),
        linked => linked.map(|()| key),
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path)?;
    Ok(metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> Result<bool> {
    Ok(true)
}
