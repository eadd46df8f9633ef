//! `ropewalk:host/http`: requests to HTTP servers.

use std::time::Duration;

use wasmtime::component::{HasData, Linker};

use crate::egress;
use crate::host::contract::http::{self, Error, Host, Request, Response};
use crate::host::effects::Effects;
use crate::host::effects::exchange::{ExchangeError, exchange};
use crate::host::guest::Guest;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    http::add_to_linker::<_, Http>(linker, |guest| &*guest.effects)
}

struct Http;

impl HasData for Http {
    type Data<'a> = &'a Effects;
}

impl Host for &Effects {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let timeout = request.timeout_ms.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let request = egress::Request {
            headers: request.headers,
            body: request.body,
            timeout,
            ..egress::Request::new(request.method, request.url)
        };
        let answer = exchange(self, request).await.map_err(to_wit_error);
        Ok(answer.map(|answer| Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            url: answer.url,
        }))
    }
}

fn to_wit_error(error: ExchangeError) -> Error {
    match error {
        ExchangeError::Denied(message) => Error::Denied(message),
        ExchangeError::Invalid(message) => Error::Invalid(message),
        ExchangeError::Unreachable(message) => Error::Unreachable(message),
        ExchangeError::TimedOut(message) => Error::TimedOut(message),
        ExchangeError::Limit(message) => Error::Limit(message),
    }
}
