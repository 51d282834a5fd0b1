//! A request at the door: who it says it is, where it comes from, and what is written down of it.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::hops;
use super::request::InPath;
use crate::clock::Tick;
use crate::domain::{CallId, Endpoint, Timestamp, client_address, without_keys};
use crate::state::State;

const USER_AGENT_BYTES: usize = 256;
const REQUEST_ID_BYTES: usize = 128;

/// What is known of a call before anything of it was checked.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Its id, ours: `x-request-id`.
    pub(crate) id: CallId,
    /// When it arrived, for durations.
    pub(crate) started: Tick,
    /// When it arrived, by the time of day.
    pub(crate) started_at: Timestamp,
    /// Which endpoint it asks for.
    pub(crate) endpoint: Endpoint,
    /// What its path says of that, in the Gemini dialect.
    pub(crate) in_path: Option<InPath>,
    /// Where the client is.
    pub(crate) client_ip: IpAddr,
    /// What the client says it is.
    pub(crate) user_agent: Option<String>,
    /// The client's own id for it.
    pub(crate) client_request_id: Option<String>,
    /// It has been through this gateway before.
    pub(crate) is_loop: bool,
}

impl Arrival {
    /// Notes a request's arrival.
    pub(crate) fn note(state: &State, endpoint: Endpoint, request: &HttpRequest) -> Self {
        let headers = request.headers();
        Self {
            id: state.ledger.next_id(),
            started: state.clock.tick(),
            started_at: state.clock.now(),
            endpoint,
            in_path: in_path(request),
            client_ip: client_ip(request, &state.settings.trusted_proxies),
            user_agent: text(headers, header::USER_AGENT.as_str(), USER_AGENT_BYTES),
            client_request_id: text(headers, "x-request-id", REQUEST_ID_BYTES),
            is_loop: hops::is_loop(headers, state.instance()),
        }
    }
}

/// What a path of the Gemini dialect says: `/v1beta/models/{model}:{method}`, or the same under `/v1`.
fn in_path(request: &HttpRequest) -> Option<InPath> {
    let model = request.match_info().get("model")?;
    let is_events = |pair: &str| pair == "alt=sse";
    Some(InPath {
        model: model.to_owned(),
        stream: request.path().ends_with(":streamGenerateContent"),
        events: request.query_string().split('&').any(is_events),
        batch: request.path().ends_with(":batchEmbedContents"),
    })
}

fn text(headers: &HeaderMap, name: &str, most: usize) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty()).then(|| without_keys(value.get(..most).unwrap_or(value)))
}

/// Where the client is; proxies are believed only where the configuration says so.
pub(crate) fn client_ip(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    // A line that is no text is no address either.
    let forwarded = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or(""));
    client_address(peer, forwarded, trusted)
}

/// The API key that a request presents, in any of the ways in which the official clients send theirs.
pub(crate) fn presented_key(request: &HttpRequest) -> Option<&str> {
    let headers = request.headers();
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let bearer = header("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let query = || {
        request
            .query_string()
            .split('&')
            .find_map(|pair| pair.strip_prefix("key="))
    };
    bearer
        .or_else(|| subprotocol(request, "openai-insecure-api-key."))
        .or_else(|| header("x-api-key"))
        .or_else(|| header("api-key"))
        .or_else(|| header("x-goog-api-key"))
        .or_else(query)
        // A credential in a form that is not ours is still one: it is malformed, not missing.
        .or_else(|| header("authorization"))
}

/// What follows this prefix in one of the WebSocket's subprotocols: browsers can send nothing in any other way.
pub(crate) fn subprotocol<'a>(request: &'a HttpRequest, prefix: &str) -> Option<&'a str> {
    request
        .headers()
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|offered| offered.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .find_map(|one| one.trim().strip_prefix(prefix))
}

/// Headers of the client that go on to the provider: they change what the answer is, and name nobody. With them goes which
/// gateways the call has been through, this one (`own`) included.
pub(crate) fn passed_on(headers: &HeaderMap, own: &str) -> Vec<(HeaderName, HeaderValue)> {
    const NAMES: [&str; 8] = [
        "openai-beta",
        "anthropic-beta",
        "anthropic-version",
        "idempotency-key",
        "http-referer",
        "x-title",
        "traceparent",
        "tracestate",
    ];
    NAMES
        .into_iter()
        .filter_map(|name| Some((HeaderName::from_static(name), headers.get(name)?.clone())))
        .chain(hops::onward(headers, own))
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_key_is_found_wherever_the_official_clients_put_it() {
        for (name, value) in [
            ("authorization", "Bearer the-key"),
            ("authorization", "bearer  the-key "),
            ("x-api-key", "the-key"),
            ("api-key", "the-key"),
            ("x-goog-api-key", "the-key"),
            (
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.the-key",
            ),
        ] {
            let request = TestRequest::default()
                .insert_header((name, value))
                .to_http_request();
            assert_eq!(presented_key(&request), Some("the-key"), "{name}");
        }
        let request = TestRequest::with_uri("/v1beta/models?alt=sse&key=the-key").to_http_request();
        assert_eq!(presented_key(&request), Some("the-key"));
        assert_eq!(
            presented_key(&TestRequest::default().to_http_request()),
            None
        );
        let basic = TestRequest::default()
            .insert_header(("authorization", "Basic eDp5"))
            .to_http_request();
        assert_eq!(presented_key(&basic), Some("Basic eDp5"));
    }

    #[test]
    fn the_clients_credential_never_goes_on() {
        let request = TestRequest::default()
            .insert_header(("authorization", "Bearer x"))
            .insert_header(("x-api-key", "x"))
            .insert_header(("cookie", "x"))
            .insert_header(("openai-organization", "x"))
            .insert_header(("openai-beta", "assistants=v2"))
            .to_http_request();
        let names: Vec<String> = passed_on(request.headers(), "own")
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect();
        assert_eq!(names, ["openai-beta", "x-real200-hops"]);
    }
}
