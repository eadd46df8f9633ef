//! The routes of the API, and the server.

use std::any::Any;
use std::future::Future;
use std::io;
use std::sync::Arc;

use engine::engine::Engine;
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Response, Route, Server, get};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connections::{Connections, LimitedAcceptor, RequestTracker};
use crate::error::ApiError;
use crate::http::graphql::GraphQl;
use crate::http::health::{Ready, healthz};
use crate::http::hooks::{Hooks, TOKEN};
use crate::http::metrics::Metrics;
use crate::http::script_types::ScriptTypes;
use crate::http::uploads::Uploads;
use crate::http::{answer, graphiql};
use crate::options::Options;
use crate::socket::Socket;
use crate::state::ApiState;

/// All endpoints, for a server that ends with the process.
pub fn routes(engine: Engine, options: Options) -> impl Endpoint {
    let (_, closing) = watch::channel(false);
    let connections = Connections::new(options.connections.clone());
    routes_until(engine, options, connections, closing)
}

/// Serves on the listener until `shutdown` is ready. Then it accepts no new requests, closes open sockets, and gives
/// open requests [`Options::farewell`] to finish.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (close, closing) = watch::channel(false);
    let farewell = options.farewell;
    let stop = async move {
        shutdown.await;
        // An error only means that nobody listens.
        let _ = close.send(true);
    };
    let connections = Connections::new(options.connections.clone());
    let server = Server::new_with_acceptor(LimitedAcceptor::new(listener, connections.clone())?);
    let routes = routes_until(engine, options, connections, closing);
    server.run_with_graceful_shutdown(routes, stop, Some(farewell)).await
}

fn routes_until(
    engine: Engine,
    options: Options,
    connections: Arc<Connections>,
    closing: watch::Receiver<bool>,
) -> impl Endpoint {
    let with_page = options.graphiql;
    let state = Arc::new(ApiState::new(engine, options, connections.clone(), closing));
    let routes = Route::new()
        .at("/graphql", GraphQl(state.clone()))
        .at("/graphql/ws", get(Socket(state.clone())))
        .at("/uploads", Uploads(state.clone()))
        .at(format!("/hooks/*{TOKEN}"), Hooks(state.clone()))
        .at("/ropewalk.d.ts", get(ScriptTypes(state.options.script_types)))
        .at("/healthz", get(healthz))
        .at("/metrics", get(Metrics(state.clone())))
        .at("/readyz", get(Ready(state)));
    let routes = if with_page { graphiql::on(routes) } else { routes };
    RequestTracker { endpoint: routes.with(CatchPanic::new().with_handler(panicked)), connections }
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    answer::refused(&ApiError::internal(&format!("a panic: {text}")))
}
