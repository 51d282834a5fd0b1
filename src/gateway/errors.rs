//! Errors as each dialect says them. The table of codes is in `domain`; here a row of it becomes an HTTP answer.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use governor::Quota;
use serde_json::{Value, json};

use crate::domain::{Code, Error};
use crate::log_lines::Lines;
use crate::state::State;

/// Ten lines a second, fifty at once.
const RATE: Quota = Quota::per_second(NonZeroU32::MIN.saturating_add(9))
    .allow_burst(NonZeroU32::MIN.saturating_add(49));

/// The shape of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// `{"error":{"message","type","code","param"}}`
    OpenAi,
    /// `{"type":"error","error":{"type","message"}}`
    Anthropic,
    /// `{"error":{"code","message","status"}}`
    Google,
}

impl Shape {
    /// The shape that a client expects, by its path; where the providers share one (`/v1/models`), by what it says of itself.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let under = |prefix: &str| {
            let rest = request.path().strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let says = |header: &str| request.headers().contains_key(header);
        if under("/v1/messages") {
            Self::Anthropic
        } else if under("/v1beta") {
            Self::Google
        } else if !under("/v1/models") {
            Self::OpenAi
        } else if request.method() == Method::POST || says("x-goog-api-key") {
            // Only Google has something to ask of a model by its path.
            Self::Google
        } else if says("anthropic-version") {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }

    /// The body.
    pub(crate) fn body(self, error: &Error) -> Value {
        let Error {
            code,
            message,
            param,
            ..
        } = error;
        match self {
            Self::OpenAi => {
                json!({"error": {"message": message, "type": code.kind(), "code": code.as_str(), "param": param}})
            }
            Self::Anthropic => {
                json!({"type": "error", "error": {"type": code.anthropic_kind(), "message": message}})
            }
            Self::Google => {
                json!({"error": {"code": code.status(), "message": message, "status": code.google_status()}})
            }
        }
    }

    /// The whole answer.
    pub(crate) fn answer(self, error: &Error) -> HttpResponse {
        let status =
            StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        if let Some(wait) = error.retry_after {
            for (name, value) in retry_headers(wait) {
                answer.insert_header((name, value));
            }
        }
        // The official SDKs of OpenAI and Anthropic heed it: what is wrong with a key does not pass by itself.
        if matches!(status.as_u16(), 401..=404) {
            answer.insert_header(("x-should-retry", "false"));
        }
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        answer.json(self.body(error))
    }
}

/// `Retry-After` in whole seconds, rounded up so that nobody comes too early, and `retry-after-ms`.
fn retry_headers(wait: Duration) -> [(HeaderName, HeaderValue); 2] {
    let millis = u64::try_from(wait.as_micros().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1);
    [
        (header::RETRY_AFTER, millis.div_ceil(1_000).into()),
        (HeaderName::from_static("retry-after-ms"), millis.into()),
    ]
}

/// Writes to the log what the client is not told. A fault of the gateway's own shows at every call: so many lines a second
/// tell it, more would only fill the disk, which may be the fault.
pub(crate) fn log_cause(error: &Error, call_id: impl std::fmt::Display) {
    static LINES: LazyLock<Lines> = LazyLock::new(|| Lines::at(RATE));
    if let Some(source) = &error.source
        && let Some(left_out) = LINES.next()
    {
        tracing::error!(call = %call_id, code = error.code.as_str(), cause = %source, left_out, "a call failed for an inner reason");
    }
}

/// No such route.
pub(crate) async fn no_route(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let message = format!(
        "There is no {} {} here. Check the path; GET /v1/models shows that the base URL is right.",
        request.method(),
        shown(request.path())
    );
    let answer = Shape::of(&request).answer(&Error::new(Code::NotFound, message));
    identified(&state, answer)
}

/// The route is known, the method is not.
pub(crate) fn wrong_method(request: &HttpRequest) -> HttpResponse {
    let message = format!(
        "{} does not take {}. Use one of the methods that Allow names.",
        shown(request.path()),
        request.method()
    );
    let answer = Shape::of(request).answer(&Error::new(Code::InvalidRequest, message));
    match request.app_data::<Data<State>>() {
        Some(state) => identified(state, answer),
        None => answer,
    }
}

/// Every answer has an id, that of no call, too.
fn identified(state: &State, mut answer: HttpResponse) -> HttpResponse {
    if let Ok(id) = HeaderValue::try_from(state.ledger.next_id().to_string()) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), id);
    }
    answer
}

/// A path as an error may repeat it.
fn shown(path: &str) -> String {
    path.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_table_of_codes_in_every_dialect() {
        let mut table = String::new();
        for code in Code::ALL {
            let error = Error::new(*code, "words").param("field");
            table += &format!("{} {}\n", code.status(), code.as_str());
            for shape in [Shape::OpenAi, Shape::Anthropic, Shape::Google] {
                table += &format!("  {}\n", shape.body(&error));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_path_decides_the_shape() {
        for (path, shape) in [
            ("/v1/chat/completions", Shape::OpenAi),
            ("/v1/messages", Shape::Anthropic),
            ("/v1/messages/count_tokens", Shape::Anthropic),
            ("/v1/messagesx", Shape::OpenAi),
            ("/v1beta/models/x:generateContent", Shape::Google),
            ("/v1/models/x:generateContent", Shape::Google),
            ("/v1betax", Shape::OpenAi),
        ] {
            let request = TestRequest::post().uri(path).to_http_request();
            assert_eq!(Shape::of(&request), shape, "{path}");
        }
    }

    #[test]
    fn who_lists_models_says_in_which_shape() {
        let ask = |path: &str, header: (&'static str, &'static str)| {
            let request = TestRequest::with_uri(path).insert_header(header);
            Shape::of(&request.to_http_request())
        };
        let (google, anthropic) = (("x-goog-api-key", "k"), ("anthropic-version", "2023-06-01"));
        for path in ["/v1/models", "/v1/models/m"] {
            assert_eq!(ask(path, google), Shape::Google, "{path}");
            assert_eq!(ask(path, anthropic), Shape::Anthropic, "{path}");
            assert_eq!(ask(path, ("authorization", "Bearer k")), Shape::OpenAi);
        }
        assert_eq!(ask("/v1/chat/completions", google), Shape::OpenAi);
    }

    #[test]
    fn nobody_is_told_to_come_back_too_early() {
        let error = Error::new(Code::RateLimitExceeded, "slow down")
            .retry_after(Duration::from_micros(1_200_500));
        let answer = Shape::OpenAi.answer(&error);
        assert_eq!(answer.status().as_u16(), 429);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "2");
        assert_eq!(answer.headers().get("retry-after-ms").unwrap(), "1201");
    }

    #[test]
    fn what_is_wrong_with_a_key_is_not_tried_again() {
        for code in Code::ALL {
            let answer = Shape::OpenAi.answer(&Error::new(*code, "words"));
            let says = answer.headers().get("x-should-retry");
            let expected = matches!(code.status(), 401..=404).then_some("false");
            let says = says.map(|value| value.to_str().unwrap());
            assert_eq!(says, expected, "{code:?}");
        }
    }

    #[test]
    fn inner_causes_stay_inside() {
        let error = Error::internal("the disk is on fire");
        assert!(!Shape::OpenAi.body(&error).to_string().contains("fire"));
    }
}
