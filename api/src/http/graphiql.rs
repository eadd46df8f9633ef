//! GraphiQL, a page to try the API in. All its files are part of this program: the page loads nothing from other
//! servers, and its security policy forbids it.

use poem::http::{StatusCode, header};
use poem::{Response, Route, get, handler, web::Path};

/// The page may load files only from its own server, and nothing inline. (The dialogs of GraphiQL set an inline style,
/// to keep the page behind them from scrolling. The policy refuses it, which does no harm: the page does not scroll.)
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    /// Whether the bytes are compressed with gzip.
    gzip: bool,
    bytes: &'static [u8],
}

const PAGE: Asset = plain("", "text/html; charset=utf-8", include_bytes!("../../assets/graphiql/index.html"));

const ASSETS: [Asset; 6] = [
    gzip("react.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/react.production.min.js.gz")),
    gzip("react-dom.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/react-dom.production.min.js.gz")),
    gzip("graphiql.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/graphiql.min.js.gz")),
    gzip("graphiql.css", STYLE, include_bytes!("../../assets/graphiql/graphiql.min.css.gz")),
    plain("page.css", STYLE, include_bytes!("../../assets/graphiql/page.css")),
    plain("start.js", JAVASCRIPT, include_bytes!("../../assets/graphiql/start.js")),
];

const STYLE: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const fn gzip(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, kind, gzip: true, bytes }
}

const fn plain(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, kind, gzip: false, bytes }
}

/// Adds the page to the routes.
pub(crate) fn on(routes: Route) -> Route {
    routes.at("/graphiql", get(page)).at("/graphiql/:name", get(file))
}

#[handler]
fn page() -> Response {
    serve(&PAGE)
}

#[handler]
fn file(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => serve(asset),
        None => StatusCode::NOT_FOUND.into(),
    }
}

fn serve(asset: &Asset) -> Response {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, asset.kind)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer")
        .header(header::CACHE_CONTROL, "no-cache");
    let response = if asset.gzip { response.header(header::CONTENT_ENCODING, "gzip") } else { response };
    response.body(asset.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_what_is_served_here() {
        let html = std::str::from_utf8(PAGE.bytes).unwrap();
        assert!(!html.contains("//") && !html.contains("style=") && !html.contains("<script>"), "{html}");
        let named = html.split('"').filter_map(|part| part.strip_prefix("/graphiql/"));
        let named: Vec<_> = named.collect();
        assert_eq!(named.len(), ASSETS.len());
        for asset in &ASSETS {
            assert!(named.contains(&asset.name), "{}", asset.name);
        }
    }

    #[test]
    fn only_the_marked_files_are_gzip() {
        for asset in ASSETS.iter().chain([&PAGE]) {
            assert_eq!(asset.bytes.starts_with(&[0x1f, 0x8b]), asset.gzip, "{}", asset.name);
        }
    }
}
