//! The client sends a request and follows its redirects until there is a response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::response::Parts;
use tokio::net::TcpStream;

use super::address_policy::{AddressPolicy, Policy};
use super::deadline::Deadline;
use super::dial::Dialer;
use super::error::Error;
use super::exchange::{HeadAndBody, exchange};
use super::headers;
use super::limits::Limits;
use super::redact;
use super::redirect;
use super::request::{Outgoing, Request};
use super::response::{Hop, Response};
use super::tls::Trust;

/// Sends HTTP requests. It keeps no connections and no cookies, and ignores proxies that the
/// environment names. Clones share the trusted certificates.
#[derive(Clone, Default)]
pub struct Client {
    dialer: Dialer,
    trust: Arc<Trust>,
    limits: Limits,
}

impl Client {
    /// A client with these parts.
    pub fn new(dialer: Dialer, trust: Arc<Trust>, limits: Limits) -> Self {
        Self { dialer, trust, limits }
    }

    /// The client of the program's own command line, with this timeout. It may upload a module,
    /// so its limit on request bodies is higher than that of modules.
    pub fn of_the_program(time: Duration) -> Self {
        let limits = Limits { time, request_body: 64 << 20, ..Limits::default() };
        Self { limits, ..Self::default() }
    }

    /// The limits of each call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks as much of a request as can be checked without resolving its host.
    ///
    /// # Errors
    /// `Denied`, `Invalid` and `Limit`, the same as for sending it.
    pub fn check(&self, request: &Request, policy: Policy<'_>) -> Result<(), Error> {
        let outgoing = Outgoing::read(request.clone(), &self.limits)?;
        permit(policy, &outgoing).map(drop)
    }

    /// Sends a request and waits for the whole response. Dropping the future ends it at once.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, request: Request, policy: Policy<'_>) -> Result<Response, Error> {
        self.send_and_mark(request, policy, &AtomicBool::new(false)).await
    }

    /// Like [`Client::send`]. `reached` becomes true as soon as a server may have received something.
    ///
    /// # Errors
    /// See [`Error`].
    pub(crate) async fn send_and_mark(
        &self,
        request: Request,
        policy: Policy<'_>,
        reached: &AtomicBool,
    ) -> Result<Response, Error> {
        let (began, follow) = (Instant::now(), request.follow);
        let time = request.timeout.map_or(self.limits.time, |time| time.min(self.limits.time));
        let deadline = Deadline::after(time);
        let mut outgoing = Outgoing::read(request, &self.limits)?;
        let mut hops = Vec::new();
        loop {
            let (head, body) = self.send_hop(&outgoing, policy, deadline, follow, (&mut hops, reached)).await?;
            if !is_followed(&head, follow) {
                let (status, headers, url) =
                    (head.status.as_u16(), headers::to_text(&head.headers), outgoing.url.into());
                return Ok(Response { status, headers, body, url, hops, time: began.elapsed() });
            }
            if hops.len() > self.limits.redirects {
                return Err(redirect::too_many_redirects(&outgoing, &self.limits));
            }
            outgoing = redirect::follow(&outgoing, head.status, &head.headers, &self.limits)?;
        }
    }

    /// Sends one request on its own connection, if it is granted.
    async fn send_hop(
        &self,
        outgoing: &Outgoing,
        policy: Policy<'_>,
        deadline: Deadline,
        follow: bool,
        (hops, reached): (&mut Vec<Hop>, &AtomicBool),
    ) -> Result<HeadAndBody, Error> {
        let began = Instant::now();
        let addresses = permit(policy, outgoing)?;
        let connecting = deadline.at_most(self.limits.connect);
        let stream = self.dialer.dial(&outgoing.host, outgoing.port, &addresses, connecting).await?;
        reached.store(true, Ordering::Relaxed);
        let address = stream.peer_addr().map_err(|error| connection_lost(outgoing, &error))?.ip();
        let answer = self.exchange(stream, outgoing, connecting, deadline, follow).await?;
        let (method, url) = (outgoing.method.to_string(), redact::url(&outgoing.url));
        hops.push(Hop { method, url, address, status: answer.0.status.as_u16(), time: began.elapsed() });
        Ok(answer)
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        outgoing: &Outgoing,
        connecting: Deadline,
        deadline: Deadline,
        follow: bool,
    ) -> Result<HeadAndBody, Error> {
        let wanted = |head: &Parts| !is_followed(head, follow);
        if outgoing.url.scheme() == "http" {
            return exchange(stream, outgoing, &self.limits, deadline, wanted).await;
        }
        let doing = format!("The TLS handshake with {}", redact::place(&outgoing.host, outgoing.port));
        let stream = connecting.keep(&doing, self.trust.shake_hands(stream, &outgoing.host)).await?;
        exchange(stream, outgoing, &self.limits, deadline, wanted).await
    }
}

fn is_followed(head: &Parts, follow: bool) -> bool {
    follow && redirect::is_redirect(head.status, &head.headers)
}

/// Checks the grants before the host is resolved: a name that is not granted is not looked up.
/// Every method that a server may act on must be granted.
fn permit(policy: Policy<'_>, outgoing: &Outgoing) -> Result<AddressPolicy, Error> {
    let host = outgoing.host_name();
    let check = |method: &str| policy.permit(method, &host, outgoing.port).map_err(Error::Denied);
    headers::overriding_methods(&outgoing.headers).try_for_each(|method| check(&method).map(drop))?;
    check(outgoing.method.as_str())
}

fn connection_lost(outgoing: &Outgoing, error: &std::io::Error) -> Error {
    Error::Unreachable(format!("The connection for {} was lost ({error}): try again.", outgoing.shown()))
}
