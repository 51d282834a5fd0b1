//! Google's Vertex AI, whose base URL names the project and the location:
//! `https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}`, without the first location for
//! `global`. Google's models take the Gemini API's bodies, Anthropic's those of their own API with the version in place of the
//! model, and those of other makers OpenAI's chat.
//! References: Vertex AI, "Gemini API reference", "Use Claude models", "Count tokens for Claude models", "Call open models with
//! the chat completions API".

mod account;
mod pass;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::Value;

use super::address::{Address, path_segment};
use super::answer::{Answer, Failure, Outgoing};
use super::{gemini, http, said};
use crate::domain::{CloudModel, Endpoint};
use crate::gateway::members::Members;
use crate::state::Upstream;
use pass::Pass;

/// The version of Anthropic's interface at Vertex.
const VERSION: &str = "vertex-2023-10-16";

/// Sends a call and waits for the head of its answer.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
) -> Result<Answer, Failure> {
    let (body, headers) = (body(upstream, &outgoing), headers(&outgoing));
    let outgoing = Outgoing {
        body: &body,
        headers: &headers,
        ..outgoing
    };
    let mut again = true;
    loop {
        let pass = Pass::of(upstream, &outgoing).await?;
        let address = |upstream: &Upstream, outgoing: &Outgoing<'_>| {
            let path = path(outgoing)?;
            pass.authorize(Address::behind(upstream, &path, false))
        };
        let answer = http::send(upstream, outgoing, address).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        // A token may be taken back before its end.
        if answer.status == StatusCode::UNAUTHORIZED
            && let Pass::Token(token) = &pass
        {
            upstream.access().forget(token);
            if std::mem::take(&mut again) {
                continue;
            }
        }
        // Those of Google's models have the shape of their dialect already.
        if outgoing.endpoint == Endpoint::GenerateContent {
            return Ok(answer);
        }
        return Ok(said::in_dialect(answer, outgoing.endpoint, pass.secret()).await);
    }
}

fn path(outgoing: &Outgoing<'_>) -> Result<String, Failure> {
    let (publisher, name, method) = match (
        CloudModel::at_vertex(outgoing.model),
        outgoing.endpoint,
        outgoing.stream,
    ) {
        (CloudModel::Gemini(name), _, _) => ("google", name, gemini::method(outgoing)?),
        (CloudModel::Claude(name), Endpoint::Messages, true) => {
            ("anthropic", name, "streamRawPredict")
        }
        (CloudModel::Claude(name), Endpoint::Messages, false) => ("anthropic", name, "rawPredict"),
        (CloudModel::Claude(_), Endpoint::CountTokens, _) => {
            ("anthropic", "count-tokens", "rawPredict")
        }
        (CloudModel::Chat(_), Endpoint::Chat, _) => {
            return Ok("/endpoints/openapi/chat/completions".to_owned());
        }
        (CloudModel::Claude(_) | CloudModel::Chat(_), endpoint, _) => {
            return Err(Failure::no_endpoint(endpoint));
        }
    };
    let name = path_segment(name);
    Ok(format!("/publishers/{publisher}/models/{name}:{method}"))
}

/// The body as Vertex takes it.
fn body(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Bytes {
    match CloudModel::at_vertex(outgoing.model) {
        CloudModel::Claude(name) => claude(upstream, outgoing, name),
        CloudModel::Gemini(name) if outgoing.endpoint == Endpoint::GenerateContent => {
            without_ids(outgoing.body, name)
        }
        CloudModel::Gemini(_) | CloudModel::Chat(_) => outgoing.body.clone(),
    }
}

/// Anthropic's body: the path names the model, but for counting, and the body the version.
fn claude(upstream: &Upstream, outgoing: &Outgoing<'_>, name: &str) -> Bytes {
    let Some(mut members) = Members::read(outgoing.body) else {
        return outgoing.body.clone();
    };
    let json = |text: &str| Cow::Owned(Value::from(text).to_string());
    if outgoing.endpoint == Endpoint::CountTokens {
        members.set("model", json(name));
    } else {
        members.remove("model");
    }
    if members.get("anthropic_version").is_none() {
        let version = upstream.channel.api_version.as_deref();
        members.set("anthropic_version", json(version.unwrap_or(VERSION)));
    }
    members.write()
}

/// The client's headers that go on: the version of Anthropic's own API means nothing here.
fn headers(outgoing: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let known = |(name, _): &&(HeaderName, HeaderValue)| name.as_str() != "anthropic-version";
    outgoing.headers.iter().filter(known).cloned().collect()
}

/// Without the ids of calls that Vertex refuses: models before Gemini 3 have none there, newer ones know those that they gave,
/// and not those that other providers' models or this gateway made. Calls without ids are matched by name and order.
fn without_ids(body: &Bytes, model: &str) -> Bytes {
    let has = |word: &[u8]| memchr::memmem::find(body, word).is_some();
    if !has(b"\"id\"") || !(has(b"unctionCall\"") || has(b"unctionResponse\"") || has(b"function_"))
    {
        return body.clone();
    }
    let Ok(mut read) = serde_json::from_slice::<Value>(body) else {
        return body.clone();
    };
    let older = model.starts_with("gemini-1") || model.starts_with("gemini-2");
    let refused = |id: &Value| {
        let made = |id: &str| id.starts_with("call_") || id.starts_with("toolu_");
        older || id.as_str().is_none_or(made)
    };
    let contents = read.get_mut("contents").and_then(Value::as_array_mut);
    let parts = contents.into_iter().flatten().filter_map(|content| {
        let parts = content.get_mut("parts")?;
        parts.as_array_mut()
    });
    for part in parts.flatten().filter_map(Value::as_object_mut) {
        for name in [
            "functionCall",
            "function_call",
            "functionResponse",
            "function_response",
        ] {
            if let Some(call) = part.get_mut(name).and_then(Value::as_object_mut)
                && call.get("id").is_some_and(refused)
            {
                call.shift_remove("id");
            }
        }
    }
    Bytes::from(read.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_that_vertex_does_not_know_are_left_out() {
        let body = json!({"contents": [
            {"role": "model", "parts": [{"functionCall": {"id": "call_1", "name": "f", "args": {"id": 7}}}, {"functionCall": {"id": "ZX9", "name": "g"}}]},
            {"role": "user", "parts": [{"function_response": {"id": "toolu_1", "name": "f", "response": {"id": 7}}}, {"text": "\"id\""}]},
        ]});
        let bytes = Bytes::from(body.to_string());
        let left = |model| serde_json::from_slice::<Value>(&without_ids(&bytes, model)).unwrap();
        let newer = left("gemini-3-pro-preview");
        assert_eq!(
            newer["contents"][0]["parts"],
            json!([{"functionCall": {"name": "f", "args": {"id": 7}}}, {"functionCall": {"id": "ZX9", "name": "g"}}])
        );
        assert_eq!(
            newer["contents"][1]["parts"][0],
            json!({"function_response": {"name": "f", "response": {"id": 7}}})
        );
        let older = left("gemini-2.5-pro");
        assert_eq!(
            older["contents"][0]["parts"][1],
            json!({"functionCall": {"name": "g"}})
        );
        let plain = Bytes::from_static(b"{ \"contents\": [] }");
        assert_eq!(without_ids(&plain, "gemini-2.5-pro"), plain);
    }
}
