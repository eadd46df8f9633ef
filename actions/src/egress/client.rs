//! The client: hop by hop from a request to its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::response::Parts;
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::dial::Dialer;
use super::error::Error;
use super::exchange::{Answer, exchange};
use super::headers;
use super::limits::Limits;
use super::policy::{Policy, Reach};
use super::redact;
use super::redirect;
use super::request::{Outgoing, Request};
use super::response::{Hop, Response};
use super::tls::Trust;

/// Sends HTTP requests. Keeps no connection and no cookie; clones share the trusted certificates.
/// The environment has no say: there are no proxies.
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

    /// The client of the program's own command line, which waits this long. What it sends may be
    /// a module, which is larger than what a module may send.
    pub fn of_the_program(time: Duration) -> Self {
        let limits = Limits { time, request_body: 64 << 20, ..Limits::default() };
        Self { limits, ..Self::default() }
    }

    /// The bounds of each call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Says whether a request could be sent, as far as that shows before anything is resolved.
    ///
    /// # Errors
    /// `Denied`, `Invalid` and `Limit`, as sending it would.
    pub fn check(&self, request: &Request, policy: Policy<'_>) -> Result<(), Error> {
        let outgoing = Outgoing::read(request.clone(), &self.limits)?;
        permit(policy, &outgoing).map(drop)
    }

    /// Sends a request and waits for the whole answer. Dropping the future ends it at once.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, request: Request, policy: Policy<'_>) -> Result<Response, Error> {
        self.send_and_tell(request, policy, &AtomicBool::new(false)).await
    }

    /// The same; `reached` becomes true as soon as a far side may have seen something of it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send_and_tell(
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
            let (head, body) = self.hop(&outgoing, policy, deadline, follow, (&mut hops, reached)).await?;
            if !is_followed(&head, follow) {
                let (status, headers, url) = (head.status.as_u16(), headers::shown(&head.headers), outgoing.url.into());
                return Ok(Response { status, headers, body, url, hops, time: began.elapsed() });
            }
            if hops.len() > self.limits.redirects {
                return Err(redirect::too_many(&outgoing, &self.limits));
            }
            outgoing = redirect::next(&outgoing, head.status, &head.headers, &self.limits)?;
        }
    }

    /// One request on a connection of its own, if it is granted.
    async fn hop(
        &self,
        outgoing: &Outgoing,
        policy: Policy<'_>,
        deadline: Deadline,
        follow: bool,
        (hops, reached): (&mut Vec<Hop>, &AtomicBool),
    ) -> Result<Answer, Error> {
        let began = Instant::now();
        let reach = permit(policy, outgoing)?;
        let connecting = deadline.at_most(self.limits.connect);
        let stream = self.dialer.dial(&outgoing.host, outgoing.port, &reach, connecting).await?;
        reached.store(true, Ordering::Relaxed);
        let address = stream.peer_addr().map_err(|error| gone(outgoing, &error))?.ip();
        let answer = self.talk(stream, outgoing, connecting, deadline, follow).await?;
        let (method, url) = (outgoing.method.to_string(), redact::url(&outgoing.url));
        hops.push(Hop { method, url, address, status: answer.0.status.as_u16(), time: began.elapsed() });
        Ok(answer)
    }

    async fn talk(
        &self,
        stream: TcpStream,
        outgoing: &Outgoing,
        connecting: Deadline,
        deadline: Deadline,
        follow: bool,
    ) -> Result<Answer, Error> {
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

/// Asks before anything is resolved, so that a name that is not granted is not even looked up.
/// Every method that a server may act on must be granted.
fn permit(policy: Policy<'_>, outgoing: &Outgoing) -> Result<Reach, Error> {
    let host = outgoing.host_name();
    let ask = |method: &str| policy.permit(method, &host, outgoing.port).map_err(Error::Denied);
    headers::overriding_methods(&outgoing.headers).try_for_each(|method| ask(&method).map(drop))?;
    ask(outgoing.method.as_str())
}

fn gone(outgoing: &Outgoing, error: &std::io::Error) -> Error {
    Error::Unreachable(format!("{} broke off ({error}): try again.", outgoing.shown()))
}
