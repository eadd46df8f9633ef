//! The routes, and the server that answers on them.

use std::any::Any;
use std::future::Future;
use std::io;
use std::sync::Arc;

use engine::runtime::engine::Engine;
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Response, Route, Server, get};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connections::{Accept, Connections, Timed};
use crate::door::Door;
use crate::http::graphql::GraphQl;
use crate::http::health::{Ready, healthz};
use crate::http::hooks::{Hooks, TOKEN};
use crate::http::metrics::Metrics;
use crate::http::script_types::ScriptTypes;
use crate::http::uploads::Uploads;
use crate::http::{answer, graphiql};
use crate::options::Options;
use crate::refusal::Refusal;
use crate::socket::Socket;

/// Everything that is answered, for a server that ends with the process.
pub fn routes(engine: Arc<Engine>, options: Options) -> impl Endpoint {
    let (_, closing) = watch::channel(false);
    let connections = Connections::new(options.connections.clone());
    routes_until(engine, options, connections, closing)
}

/// Answers on the listener until `shutdown` is ready; then takes nothing new, says
/// goodbye to open sockets, and gives open requests the time that `options` says.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (close, closing) = watch::channel(false);
    let farewell = options.farewell;
    let stop = async move {
        shutdown.await;
        // An error only says that nobody is connected.
        let _ = close.send(true);
    };
    let connections = Connections::new(options.connections.clone());
    let server = Server::new_with_acceptor(Accept::new(listener, connections.clone())?);
    let routes = routes_until(engine, options, connections, closing);
    server.run_with_graceful_shutdown(routes, stop, Some(farewell)).await
}

fn routes_until(
    engine: Arc<Engine>,
    options: Options,
    connections: Arc<Connections>,
    closing: watch::Receiver<bool>,
) -> impl Endpoint {
    let with_page = options.graphiql;
    let door = Arc::new(Door::new(engine, options, connections.clone(), closing));
    let routes = Route::new()
        .at("/graphql", GraphQl(door.clone()))
        .at("/graphql/ws", get(Socket(door.clone())))
        .at("/uploads", Uploads(door.clone()))
        .at(format!("/hooks/*{TOKEN}"), Hooks(door.clone()))
        .at("/ropewalk.d.ts", get(ScriptTypes(door.options.script_types)))
        .at("/healthz", get(healthz))
        .at("/metrics", get(Metrics(door.clone())))
        .at("/readyz", get(Ready(door)));
    let routes = if with_page { graphiql::on(routes) } else { routes };
    Timed { endpoint: routes.with(CatchPanic::new().with_handler(panicked)), connections }
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    answer::refused(&Refusal::internal(&format!("a panic: {text}")))
}
