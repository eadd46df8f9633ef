//! The routes, and the server that answers on them.

use std::any::Any;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::runtime::engine::Engine;
use poem::listener::TcpAcceptor;
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Response, Route, Server, get};
use tokio::net::TcpListener;
use tokio::sync::watch;

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

/// A connection on which nothing moves is closed after this.
const IDLE: Duration = Duration::from_secs(120);

/// Everything that is answered, for a server that ends with the process.
pub fn routes(engine: Arc<Engine>, options: Options) -> impl Endpoint {
    let (_, closing) = watch::channel(false);
    routes_until(engine, options, closing)
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
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?).idle_timeout(IDLE);
    server.run_with_graceful_shutdown(routes_until(engine, options, closing), stop, Some(farewell)).await
}

fn routes_until(engine: Arc<Engine>, options: Options, closing: watch::Receiver<bool>) -> impl Endpoint {
    let with_page = options.graphiql;
    let door = Arc::new(Door::new(engine, options, closing));
    let routes = Route::new()
        .at("/graphql", GraphQl(door.clone()))
        .at("/graphql/ws", get(Socket(door.clone())))
        .at("/uploads", Uploads::new(door.clone()))
        .at(format!("/hooks/*{TOKEN}"), Hooks(door.clone()))
        .at("/ropewalk.d.ts", get(ScriptTypes(door.options.script_types)))
        .at("/healthz", get(healthz))
        .at("/metrics", get(Metrics(door.clone())))
        .at("/readyz", get(Ready(door)));
    let routes = if with_page { graphiql::on(routes) } else { routes };
    routes.with(CatchPanic::new().with_handler(panicked))
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    answer::refused(&Refusal::internal(&format!("a panic: {text}")))
}
