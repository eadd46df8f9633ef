//! Tests every rule against real listeners on this machine. Nothing here connects anywhere else:
//! names are resolved by a table, and a trap proves that a refused call never arrived.

mod addresses;
mod answers;
mod bounds;
mod headers;
mod redirects;
mod refusals;
mod shown;
mod support;
mod tls;
