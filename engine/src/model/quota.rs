//! What an organization may use of the server, so that one leaves room for the others. Server administrators
//! change it.

/// The quotas of an organization. Each is a limit; reaching it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Starts of jobs in a minute, by whatever starts them. As many may come at once.
    pub starts_per_minute: u32,
    /// Job results that have not ended. Counted each second.
    pub open_results: u32,
    /// Bytes of the history: job results with their lines and what is kept of records. Counted every ten minutes.
    pub history_bytes: u64,
    /// Bytes of records in collections. Counted every ten minutes.
    pub collection_bytes: u64,
    /// Installed versions of modules of its own.
    pub modules: u32,
    /// Requests in a minute with one token. As many may come at once.
    pub requests_per_minute: u32,
    /// Messages in a minute to one webhook. As many may come at once.
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

/// How many bytes an organization keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Of its history.
    pub history_bytes: u64,
    /// Of its collections.
    pub collection_bytes: u64,
}
