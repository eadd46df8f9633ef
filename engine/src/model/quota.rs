//! Quotas: how much of the server an organization may use, so that there is enough for the others. Server
//! administrators can change them.

/// The quotas of an organization. Each is the highest value that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Starts of jobs per minute, of every kind. They may all come at once.
    pub starts_per_minute: u32,
    /// Job results that have not ended. Counted each second.
    pub open_results: u32,
    /// Bytes of the history: job results with their lines and stored records. Counted every ten minutes.
    pub history_bytes: u64,
    /// Bytes of records in collections. Counted every ten minutes.
    pub collection_bytes: u64,
    /// Installed versions of its own modules.
    pub modules: u32,
    /// Requests per minute with one token. They may all come at once.
    pub requests_per_minute: u32,
    /// Messages per minute to one webhook. They may all come at once.
    pub messages_per_minute: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            starts_per_minute: 30_000,
            open_results: 250_000,
            history_bytes: 50 << 30,
            collection_bytes: 20 << 30,
            modules: 200,
            requests_per_minute: 600_000,
            messages_per_minute: 600,
        }
    }
}

/// How much an organization stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageUse {
    /// Bytes of its history.
    pub history_bytes: u64,
    /// Bytes of its collections.
    pub collection_bytes: u64,
}
