//! Results that were just started or that run, so that a claim need not read the one, nor an end the other.

use std::collections::HashMap;

use engine::model::action::ModuleDigest;
use engine::model::record::Records;
use engine::model::result::JobResult;

use super::Key;

/// How many bytes the started results take at most. Further ones are read when they are claimed.
const STARTED_BYTES: usize = 8 * 1024 * 1024;
/// About how many bytes a result takes besides its values.
const RESULT_BYTES: usize = 2048;
/// About how many bytes in memory a byte of JSON takes.
const BYTES_OF_VALUE: usize = 8;

/// What need not be read again.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    started: HashMap<Key, Started>,
    bytes: usize,
    running: HashMap<Key, JobResult>,
}

#[derive(Debug)]
struct Started {
    result: JobResult,
    records: Records,
    bytes: usize,
}

impl Handover {
    /// Keeps a result that was started, with the records that it brought, whose text has this many bytes.
    pub fn keep_started(&mut self, key: Key, result: JobResult, records: Records, text_bytes: usize) {
        let bytes = text_bytes.saturating_mul(BYTES_OF_VALUE).saturating_add(RESULT_BYTES);
        if self.bytes.saturating_add(bytes) <= STARTED_BYTES {
            self.forget(key);
            self.bytes += bytes;
            self.started.insert(key, Started { result, records, bytes });
        }
    }

    pub fn take_started(&mut self, key: Key) -> Option<(JobResult, Records)> {
        let started = self.started.remove(&key)?;
        self.bytes -= started.bytes;
        Some((started.result, started.records))
    }

    pub fn keep_running(&mut self, key: Key, result: JobResult) {
        self.running.insert(key, result);
    }

    /// Notes the modules with which a result runs.
    pub fn note_modules(&mut self, key: Key, modules: &[ModuleDigest]) {
        if let Some(result) = self.running.get_mut(&key) {
            result.modules = modules.to_vec();
        }
    }

    pub fn take_running(&mut self, key: Key) -> Option<JobResult> {
        self.running.remove(&key)
    }

    pub fn forget(&mut self, key: Key) {
        self.take_started(key);
        self.running.remove(&key);
    }
}
