//! Resolves names to addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many lookups run at once. The system's resolver cannot be interrupted, so an abandoned
/// lookup counts until it ends, and slow names never take all threads for blocking work.
const LOOKUPS: usize = 32;

/// Looks up the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Every address of the name, in the order in which they should be tried.
    ///
    /// # Errors
    /// Why the name cannot be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
pub struct SystemResolver {
    slots: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let look_up = move || {
            let _slot = slot;
            let addresses = (name.as_str(), 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        };
        spawn_blocking(look_up).await?
    }
}
