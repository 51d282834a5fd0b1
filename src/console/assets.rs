//! The console's files, embedded at build time: compressed, hashed names cached for ever, the page itself not.

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
    LOCATION, VARY,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::resource::at;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/console"]
struct Files;

const PAGE: &str = "index.html";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("").get(page))
        .service(at("/{path:.*}").get(file));
}

/// `/` leads to the console.
pub(super) async fn to_console() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, "/console"))
        .finish()
}

async fn page(request: HttpRequest) -> HttpResponse {
    serve(&request, PAGE)
}

/// A file of the console, or its page for every route that the page itself knows.
async fn file(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    serve(&request, if is_file { &path } else { PAGE })
}

fn serve(request: &HttpRequest, path: &str) -> HttpResponse {
    let Some((encoding, file)) = find(request.headers(), path) else {
        return HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("There is no such file in the console.");
    };
    let hash: String = file
        .metadata
        .sha256_hash()
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{hash}\"");
    // Names under assets/ carry a hash of the content: another content has another name.
    let cache = if path.starts_with("assets/") {
        FOR_EVER
    } else {
        "no-cache"
    };
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut answer = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((CACHE_CONTROL, cache))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "accept-encoding"));
    if unchanged {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, content_type(path)));
    if let Some(encoding) = encoding {
        answer.insert_header((CONTENT_ENCODING, encoding));
    }
    answer.body(file.data.into_owned())
}

/// The file in the best form that the browser takes.
fn find(headers: &HeaderMap, path: &str) -> Option<(Option<&'static str>, EmbeddedFile)> {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(accepted, encoding)
            && let Some(file) = Files::get(&format!("{path}.{ending}"))
        {
            return Some((Some(encoding), file));
        }
    }
    Files::get(path).map(|file| (None, file))
}

/// Whether `Accept-Encoding` names an encoding and does not refuse it (RFC 9110 §12.5.3).
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !parts.any(|weight| weight == "q=0" || weight == "q=0.0")
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_only_where_it_is_accepted() {
        for (accepted, brotli, gzip) in [
            ("gzip, deflate, br", true, true),
            ("br;q=0, gzip;q=0.5", false, true),
            ("", false, false),
            ("BR", true, false),
            ("*", false, false),
        ] {
            assert_eq!(
                (accepts(accepted, "br"), accepts(accepted, "gzip")),
                (brotli, gzip),
                "{accepted}"
            );
        }
    }

    #[test]
    fn the_page_is_embedded() {
        assert!(Files::get(PAGE).is_some());
    }
}
