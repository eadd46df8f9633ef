//! The endpoints over HTTP.

pub(crate) mod answer;
pub(crate) mod graphiql;
pub(crate) mod graphql;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod metrics;
pub(crate) mod script_types;
pub(crate) mod uploads;

use poem::Request;

use crate::state::Credentials;

/// The header with which a server token chooses its organization.
const ORGANIZATION: &str = "ropewalk-organization";

/// The credentials in the headers of a request.
pub(crate) fn credentials(request: &Request) -> Option<Credentials> {
    Credentials::read(request.header("authorization")?, request.header(ORGANIZATION))
}
