//! `ropewalk:host/http`: requests to HTTP servers.

use std::time::Duration;

use wasmtime::component::{HasData, Linker};

use crate::egress;
use crate::host::contract::http::{self, Error, Host, Request, Response};
use crate::host::guest::Guest;
use crate::host::outside::Outside;
use crate::host::outside::exchange::{NoAnswer, exchange};

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    http::add_to_linker::<_, Http>(linker, |guest| &*guest.outside)
}

struct Http;

impl HasData for Http {
    type Data<'a> = &'a Outside;
}

impl Host for &Outside {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let timeout = request.timeout_ms.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let asked = egress::Request {
            headers: request.headers,
            body: request.body,
            timeout,
            ..egress::Request::new(request.method, request.url)
        };
        let answer = exchange(self, asked).await.map_err(error);
        Ok(answer.map(|answer| Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            url: answer.url,
        }))
    }
}

fn error(error: NoAnswer) -> Error {
    match error {
        NoAnswer::Denied(told) => Error::Denied(told),
        NoAnswer::Invalid(told) => Error::Invalid(told),
        NoAnswer::Unreachable(told) => Error::Unreachable(told),
        NoAnswer::TimedOut(told) => Error::TimedOut(told),
        NoAnswer::Limit(told) => Error::Limit(told),
    }
}
