//! The only place that opens a socket. It resolves the host, checks every address, and connects
//! to one that was checked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use super::address_policy::AddressPolicy;
use super::deadline::Deadline;
use super::error::Error;
use super::redact::{clip, place};
use super::resolve::{Resolve, SystemResolver};

/// How many addresses of one name are tried. They share the time that is left.
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
    /// A dialer that uses this resolver.
    pub fn with(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver }
    }

    /// Opens a connection. If one address of the name is not allowed, all are refused: a name that
    /// resolves to public and to internal addresses at once is likely an attack.
    ///
    /// # Errors
    /// `Refused`, `Unreachable` and `TimedOut`.
    pub async fn dial(
        &self,
        host: &Host<String>,
        port: u16,
        policy: &AddressPolicy,
        deadline: Deadline,
    ) -> Result<TcpStream, Error> {
        let addresses = self.resolve(host, deadline).await?;
        addresses.iter().try_for_each(|address| check_address(policy, host, *address))?;
        let doing = format!("Connecting to {}", place(host, port));
        deadline.keep(&doing, connect(host, port, &addresses, deadline)).await
    }

    /// Every address of the host. A literal address needs no lookup.
    async fn resolve(&self, host: &Host<String>, deadline: Deadline) -> Result<Vec<IpAddr>, Error> {
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address).into()]),
            Host::Domain(name) => name,
        };
        let shown = clip(name);
        let look_up =
            async { self.resolver.resolve(name).await.map_err(|error| resolution_error(&shown, &error.to_string())) };
        let addresses = deadline.keep(&format!("Resolving the name `{shown}`"), look_up).await?;
        if addresses.is_empty() { Err(resolution_error(&shown, "it has no address")) } else { Ok(addresses) }
    }
}

fn resolution_error(name: &str, reason: &str) -> Error {
    let reason = clip(reason);
    Error::Unreachable(format!(
        "The name `{name}` cannot be resolved ({reason}): check its spelling, and that the name server responds."
    ))
}

fn check_address(policy: &AddressPolicy, host: &Host<String>, address: IpAddr) -> Result<(), Error> {
    policy.permit(address).map_err(|kind| {
        let subject = match host {
            Host::Domain(name) => format!("The name `{}` resolves to {address}, which is {kind}", clip(name)),
            _ => format!("{address} is {kind}"),
        };
        Error::Refused(format!(
            "{subject} and not public: a server administrator can allow it by adding {address} to the `addresses` of the grant `http`."
        ))
    })
}

/// Tries the addresses in order. It does not resolve the name again.
async fn connect(host: &Host<String>, port: u16, addresses: &[IpAddr], deadline: Deadline) -> Result<TcpStream, Error> {
    let attempts = addresses.len().min(ATTEMPTS);
    let mut reason = String::new();
    for (index, address) in addresses.iter().take(attempts).enumerate() {
        let share = deadline.left() / u32::try_from(attempts - index).unwrap_or(1);
        match connect_to(SocketAddr::new(*address, port), share).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = error,
        }
    }
    let place = place(host, port);
    Err(Error::Unreachable(format!(
        "Cannot connect to {place} ({reason}): check that a server listens there, and that no firewall blocks the way."
    )))
}

async fn connect_to(address: SocketAddr, share: Duration) -> Result<TcpStream, String> {
    let opened = timeout(share, TcpStream::connect(address)).await;
    let stream = opened.map_err(|_| "no answer in time".to_owned())?.map_err(|error| clip(&error.to_string()))?;
    // A request is small and written as a whole, so waiting for more data would only cost time.
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}
