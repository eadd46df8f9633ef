//! Which records `distinct` takes for duplicates.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use values::order::identity;
use values::path::Path;

/// Identifies the part of a record that `distinct` compares: half a SHA-256, so that nobody can make
/// two different records that share one.
pub type Digest = [u8; 16];

/// The part of a record that is compared.
#[derive(Debug)]
pub(super) enum Distinct {
    /// The whole record.
    Whole,
    /// These fields.
    By(Vec<Path>),
}

impl Distinct {
    /// Hashes the part of the record with the length of each field, so that `ab, c` differs from
    /// `a, bc`. A missing field differs from null.
    pub(super) fn digest(&self, record: &Value) -> Digest {
        let mut hash = Sha256::new();
        match self {
            Self::Whole => hash.update(identity(record)),
            Self::By(paths) => paths.iter().for_each(|path| match path.of(record).map(identity) {
                Some(identity) => {
                    hash.update((identity.len() as u64).to_be_bytes());
                    hash.update(identity);
                }
                None => hash.update(u64::MAX.to_be_bytes()),
            }),
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&hash.finalize()[..16]);
        digest
    }
}
