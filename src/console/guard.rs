//! What stands before every handler: cross-site writes are refused, and answers carry the headers that browsers heed.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, web};

use crate::domain::{Code, Error};
use crate::state::State;

use super::refusal::Refusal;
use super::viewer::is_https;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Nothing comes from another host; styles are set inline by the component library, scripts never are.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Who has reached the console over TLS once is not to be led back from it.
const YEARS: &str = "max-age=31536000";

/// Refuses writes that another site's page makes with the visitor's cookie.
pub(super) async fn same_site(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, ActixError> {
    let text = |name: &HeaderName| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let wrote = Written {
        method: request.method(),
        fetch_site: text(&SEC_FETCH_SITE),
        origin: text(&ORIGIN),
        host: text(&HOST),
        content_type: text(&CONTENT_TYPE),
        has_body: request.headers().contains_key("transfer-encoding")
            || request
                .headers()
                .get("content-length")
                .is_some_and(|length| length != "0"),
    };
    wrote.check().map_err(Refusal)?;
    next.call(request).await
}

struct Written<'a> {
    method: &'a Method,
    fetch_site: Option<&'a str>,
    origin: Option<&'a str>,
    host: Option<&'a str>,
    content_type: Option<&'a str>,
    has_body: bool,
}

impl Written<'_> {
    /// `Sec-Fetch-Site` says it plainly where the browser sends it; older ones send `Origin`. A program sends neither, and a
    /// form, which could come from anywhere, cannot send JSON.
    fn check(&self) -> Result<(), Error> {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(self.method) {
            return Ok(());
        }
        let foreign = match (self.fetch_site, self.origin) {
            (Some(site), _) => !["same-origin", "none"].contains(&site),
            (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) != self.host,
            (None, None) => false,
        };
        if foreign {
            return Err(Error::new(
                Code::Forbidden,
                "Writes from another site's page are refused. Use the console, or a program.",
            ));
        }
        let kind = self
            .content_type
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim();
        if self.has_body && !kind.eq_ignore_ascii_case("application/json") {
            return Err(Error::new(
                Code::InvalidField,
                "Send the body as JSON, with Content-Type: application/json.",
            )
            .param("content-type"));
        }
        Ok(())
    }
}

/// A request id on every answer; nothing of the API is ever cached. Faults of ours go to the log under that id.
pub(super) async fn api_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, ActixError> {
    let id = request
        .app_data::<web::Data<State>>()
        .map(|state| state.ledger.next_id().to_string())
        .unwrap_or_default();
    let https = is_https(request.request());
    let mut answer = match next.call(request).await {
        Ok(answer) => answer.map_into_boxed_body(),
        Err(error) => return Err(with_id(error, &id)),
    };
    if let Some(error) = answer.response().error() {
        log(error, &id);
    }
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(YEARS));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(answer)
}

fn log(error: &ActixError, id: &str) {
    if let Some(Refusal(error)) = error.as_error::<Refusal>()
        && error.code == Code::ApiError
    {
        let cause = error
            .source
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(request_id = id, cause, "a console request failed");
    }
}

/// An error of an inner layer becomes an answer here, so that it gets its headers, too.
fn with_id(error: ActixError, id: &str) -> ActixError {
    log(&error, id);
    let mut answer = error.error_response();
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    actix_web::error::InternalError::from_response(error, answer).into()
}

/// What keeps the console's pages to themselves.
pub(super) async fn page_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, ActixError> {
    let https = is_https(request.request());
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(YEARS));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_refused() {
        let json = Some("application/json; charset=utf-8");
        let host = Some("gateway.example:3000");
        let table = [
            (Method::GET, Some("cross-site"), None, None, true),
            (Method::POST, Some("same-origin"), None, json, true),
            (Method::POST, Some("none"), None, json, true),
            (Method::POST, Some("same-site"), None, json, false),
            (
                Method::POST,
                Some("cross-site"),
                Some("http://gateway.example:3000"),
                json,
                false,
            ),
            (
                Method::POST,
                None,
                Some("http://gateway.example:3000"),
                json,
                true,
            ),
            (
                Method::POST,
                None,
                Some("https://evil.example"),
                json,
                false,
            ),
            (Method::POST, None, Some("null"), json, false),
            (Method::POST, None, None, json, true),
            (Method::POST, None, None, Some("text/plain"), false),
            (Method::POST, None, None, None, false),
        ];
        for (method, fetch_site, origin, content_type, allowed) in table {
            let wrote = Written {
                method: &method,
                fetch_site,
                origin,
                host,
                content_type,
                has_body: true,
            };
            assert_eq!(
                wrote.check().is_ok(),
                allowed,
                "{method} {fetch_site:?} {origin:?} {content_type:?}"
            );
        }
    }
}
