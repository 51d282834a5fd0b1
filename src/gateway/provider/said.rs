//! The errors of a cloud in the words of the dialect that its model speaks: the clouds have shapes of their own for them, which
//! a client of that dialect would not know.
//! References: Anthropic API, "Errors"; OpenAI API reference, "Error codes".

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Body};
use crate::domain::Endpoint;
use crate::gateway::words::{scrub, words};

/// The most that is read of a cloud's error.
const ERROR_BYTES: usize = 64 * 1024;
/// Its status alone decides what is done: what comes of it later is not waited for.
const ERROR_WITHIN: Duration = Duration::from_secs(1);

/// The model is one that the credential may not use; the word is OpenAI's.
const BARRED: &str = "model_not_found";

/// An error of this status as the endpoint's dialect has it. The number stands in it where streams tell no status.
pub(super) fn error(endpoint: Endpoint, status: u16, kind: Option<&str>, message: &str) -> Value {
    if endpoint != Endpoint::Messages {
        let kind = kind.unwrap_or("upstream_error");
        return json!({"error": {"message": message, "type": kind, "param": null, "code": status}});
    }
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message, "code": status}})
}

/// An answer with an error, read and said in the dialect of the endpoint; `secret` is not repeated. A 403 that is about one
/// model says so where everybody does.
pub(super) async fn in_dialect(answer: Answer, endpoint: Endpoint, secret: Option<&str>) -> Answer {
    let (status, mut headers) = (answer.status, answer.headers);
    let body = answer.body.read_up_to(ERROR_BYTES, ERROR_WITHIN).await;
    let body = scrub(body, secret);
    let message = message(&body);
    let mut said = error(endpoint, status.as_u16(), None, &message);
    if status == StatusCode::FORBIDDEN && message.contains("access to the model") {
        said["error"]["code"] = BARRED.into();
    }
    let details = details(&body);
    if !details.is_empty() {
        said["error"]["details"] = details.into();
    }
    headers.retain(|(name, _)| name == header::RETRY_AFTER);
    headers.push((
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    ));
    let body = Bytes::from(said.to_string());
    Answer {
        status,
        headers,
        length: u64::try_from(body.len()).ok(),
        body: Body::Made(VecDeque::from([body])),
    }
}

/// What it says; Google puts some errors into an array of one.
fn message(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(Value::Array(errors)) if errors.len() == 1 => words(
            errors
                .first()
                .map(Value::to_string)
                .unwrap_or_default()
                .as_bytes(),
        ),
        _ => words(body),
    }
}

/// What it says in names: why, and how long to wait. The rest of the details is the operator's.
fn details(body: &[u8]) -> Vec<Value> {
    let read: Value = serde_json::from_slice(body).unwrap_or_default();
    let told = read.get(0).unwrap_or(&read);
    let own = ["__type", "status"].into_iter().filter_map(|name| {
        let error = told.get("error").unwrap_or(told);
        let name = error.get(name)?.as_str()?;
        Some(json!({"reason": name.rsplit('#').next().unwrap_or(name)}))
    });
    let given = told.pointer("/error/details").and_then(Value::as_array);
    let given = given.into_iter().flatten().flat_map(|detail| {
        ["reason", "retryDelay"]
            .into_iter()
            .filter_map(move |name| Some(json!({ name: detail.get(name)?.as_str()? })))
    });
    own.chain(given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cloud_says_is_found() {
        assert_eq!(message(br#"{"message":"Too long."}"#), "Too long.");
        assert_eq!(
            message(br#"[{"error":{"code":404,"message":"Not there."}}]"#),
            "Not there."
        );
        assert_eq!(message(b"plain"), "plain");
    }

    #[test]
    fn an_error_has_the_shape_of_its_dialect() {
        let anthropic = error(Endpoint::Messages, 429, None, "slow down");
        assert_eq!(anthropic["error"]["type"], "rate_limit_error");
        assert_eq!(anthropic["type"], "error");
        let openai = error(
            Endpoint::Chat,
            429,
            Some("throttlingException"),
            "slow down",
        );
        assert_eq!(openai["error"]["type"], "throttlingException");
        assert_eq!(openai["error"]["code"], 429);
    }
}
