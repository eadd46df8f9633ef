//! `GET /ropewalk.d.ts`: the TypeScript types of scripts, for editors. They reveal nothing about an organization.

use poem::http::header;
use poem::{Endpoint, Request, Response};

/// The types.
pub(crate) struct ScriptTypes(pub(crate) &'static str);

impl Endpoint for ScriptTypes {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let kind = "application/typescript; charset=utf-8";
        Ok(Response::builder()
            .header(header::CONTENT_TYPE, kind)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .body(self.0))
    }
}
