//! The only place that opens a socket: resolve, test every address, connect to one that was tested.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use super::deadline::Deadline;
use super::error::Error;
use super::policy::Reach;
use super::redact::{clip, place};
use super::resolve::{Resolve, SystemResolver};

/// Addresses of one name that are tried; each gets its share of the time that is left.
const ATTEMPTS: usize = 8;

/// Opens connections.
#[derive(Clone)]
pub struct Dialer {
    resolver: Arc<dyn Resolve>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self::with(Arc::new(SystemResolver::default()))
    }
}

impl Dialer {
    /// A dialer that asks this resolver.
    pub fn with(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver }
    }

    /// Opens a connection. If any address of the name is out of reach, all are refused: a name
    /// that stands for public and for inner addresses at once is an attempt to get in.
    ///
    /// # Errors
    /// `Refused`, `Unreachable` and `TimedOut`.
    pub async fn dial(
        &self,
        host: &Host<String>,
        port: u16,
        reach: &Reach,
        deadline: Deadline,
    ) -> Result<TcpStream, Error> {
        let addresses = self.addresses(host, deadline).await?;
        addresses.iter().try_for_each(|address| permit(reach, host, *address))?;
        let doing = format!("Connecting to {}", place(host, port));
        deadline.keep(&doing, connect(host, port, &addresses, deadline)).await
    }

    /// Every address the host stands for. A literal address is its own, and asks nobody.
    async fn addresses(&self, host: &Host<String>, deadline: Deadline) -> Result<Vec<IpAddr>, Error> {
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address).into()]),
            Host::Domain(name) => name,
        };
        let shown = clip(name);
        let look_up =
            async { self.resolver.resolve(name).await.map_err(|error| unresolved(&shown, &error.to_string())) };
        let addresses = deadline.keep(&format!("Resolving the name `{shown}`"), look_up).await?;
        if addresses.is_empty() { Err(unresolved(&shown, "it has no address")) } else { Ok(addresses) }
    }
}

fn unresolved(name: &str, reason: &str) -> Error {
    let reason = clip(reason);
    Error::Unreachable(format!(
        "The name `{name}` cannot be resolved ({reason}): see whether it is written right, and whether the name server answers."
    ))
}

fn permit(reach: &Reach, host: &Host<String>, address: IpAddr) -> Result<(), Error> {
    reach.permit(address).map_err(|kind| {
        let subject = match host {
            Host::Domain(name) => format!("The name `{}` stands for {address}, which is {kind}", clip(name)),
            _ => format!("{address} is {kind}"),
        };
        Error::Refused(format!(
            "{subject} and not public: an administrator of the server may grant it by naming {address} among the `addresses` of the grant `http`."
        ))
    })
}

/// Tries the addresses in their order. Nothing is resolved again.
async fn connect(host: &Host<String>, port: u16, addresses: &[IpAddr], deadline: Deadline) -> Result<TcpStream, Error> {
    let attempts = addresses.len().min(ATTEMPTS);
    let mut reason = String::new();
    for (index, address) in addresses.iter().take(attempts).enumerate() {
        let share = deadline.left() / u32::try_from(attempts - index).unwrap_or(1);
        match attempt(SocketAddr::new(*address, port), share).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = error,
        }
    }
    let place = place(host, port);
    Err(Error::Unreachable(format!(
        "No connection to {place} ({reason}): see whether a server listens there, and whether a firewall is in between."
    )))
}

async fn attempt(address: SocketAddr, share: Duration) -> Result<TcpStream, String> {
    let opened = timeout(share, TcpStream::connect(address)).await;
    let stream = opened.map_err(|_| "no answer in time".to_owned())?.map_err(|error| clip(&error.to_string()))?;
    // Requests are small and written whole: waiting for more would only cost time.
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}
