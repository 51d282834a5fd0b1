//! Amazon Bedrock, by its operations InvokeModel and InvokeModelWithResponseStream at
//! `https://bedrock-runtime.{region}.amazonaws.com`. The path names the model and whether the answer is streamed, so the body does
//! not; a stream comes as binary frames and is given on as the server-sent events of the model's dialect.
//! References: Amazon Bedrock API reference, "InvokeModel", "InvokeModelWithResponseStream"; user guide, "Anthropic Claude
//! Messages API", "OpenAI models".

mod chat_end;
mod events;
mod sign;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::uri::Uri;
use bytes::Bytes;
use serde_json::Value;

use super::address::{Address, path_segment};
use super::answer::{Answer, Failure, Outgoing};
use super::{http, said};
use crate::domain::{AwsCredential, CloudModel, Endpoint, aws_region};
use crate::gateway::members::Members;
use crate::state::Upstream;
use sign::Scope;

/// The version of Anthropic's interface at Bedrock.
const VERSION: &str = "bedrock-2023-05-31";
/// The service's name in hosts.
const HOST: &str = "bedrock-runtime";
/// And in signatures.
const SERVICE: &str = "bedrock";

/// Sends a call and waits for the head of its answer.
pub(super) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
) -> Result<Answer, Failure> {
    let body = body(upstream, &outgoing);
    let outgoing = Outgoing {
        body: &body,
        headers: &[],
        ..outgoing
    };
    let answer = http::send(upstream, outgoing, address).await?;
    if answer.status.is_success() {
        return Ok(events::decoded(answer, outgoing.endpoint));
    }
    Ok(said::in_dialect(answer, outgoing.endpoint, None).await)
}

fn address(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Result<Address, Failure> {
    let no_endpoint = || Failure::no_endpoint(outgoing.endpoint);
    let model = CloudModel::at_bedrock(outgoing.model).ok_or_else(no_endpoint)?;
    let (CloudModel::Claude(name) | CloudModel::Chat(name) | CloudModel::Gemini(name)) = model;
    if !matches!(outgoing.endpoint, Endpoint::Messages | Endpoint::Chat) {
        return Err(no_endpoint());
    }
    let operation = if outgoing.stream {
        "invoke-with-response-stream"
    } else {
        "invoke"
    };
    let path = format!("/model/{}/{operation}", path_segment(name));
    authorize(Address::behind(upstream, &path, false), upstream, outgoing)
}

/// Signs the request, or adds the API key.
fn authorize(
    address: Address,
    upstream: &Upstream,
    outgoing: &Outgoing<'_>,
) -> Result<Address, Failure> {
    let Some(text) = upstream.credential() else {
        return Ok(address);
    };
    let credential = AwsCredential::read(text).ok_or_else(|| {
        let words = "the credential is neither ACCESS_KEY_ID:SECRET[:SESSION_TOKEN] nor an API key";
        Failure::refused(words.to_owned())
    })?;
    let key = match credential {
        AwsCredential::ApiKey(_) => {
            return address.authorized(upstream, "authorization", "Bearer ");
        }
        AwsCredential::Keys(key) => key,
    };
    let uri: Uri = address
        .url
        .parse()
        .map_err(|_| Failure::unusable("base URL"))?;
    let region = uri.host().and_then(|host| aws_region(host, HOST));
    let Some(region) = key.region.or(region) else {
        let words = "the base URL names no AWS region: write it behind the credential, as ACCESS_KEY_ID:SECRET@REGION";
        return Err(Failure::refused(words.to_owned()));
    };
    let scope = Scope {
        region,
        service: SERVICE,
        now: outgoing.now,
    };
    let signed = sign::headers(&key, scope, "POST", &uri, outgoing.body);
    let signed = signed.ok_or_else(|| Failure::unusable("base URL"))?;
    let mut address = address;
    for (name, value) in signed {
        let mut value =
            HeaderValue::try_from(value).map_err(|_| Failure::unusable("credential"))?;
        value.set_sensitive(true);
        let name = HeaderName::from_static(name);
        address.headers.push((name, value));
    }
    Ok(address)
}

/// The body as Bedrock takes it.
fn body(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Bytes {
    let Some(mut members) = Members::read(outgoing.body) else {
        return outgoing.body.clone();
    };
    members.remove("model");
    members.remove("stream");
    match CloudModel::at_bedrock(outgoing.model) {
        Some(CloudModel::Claude(_)) => {
            if members.get("anthropic_version").is_none() {
                let version = upstream.channel.api_version.as_deref();
                let version = Value::from(version.unwrap_or(VERSION)).to_string();
                members.set("anthropic_version", Cow::Owned(version));
            }
            if let Some(betas) = betas(outgoing.headers) {
                members.set("anthropic_beta", Cow::Owned(betas.to_string()));
            }
        }
        Some(CloudModel::Chat(name)) => {
            // What it is for comes with every stream: see `chat_end`.
            members.remove("stream_options");
            // OpenAI's own models have no other name for it there.
            let openai = name.split('.').take(2).any(|maker| maker == "openai");
            if openai && members.get("max_completion_tokens").is_none() {
                members.rename("max_tokens", "max_completion_tokens");
            }
        }
        Some(CloudModel::Gemini(_)) | None => {}
    }
    members.write()
}

/// What the client tries of Anthropic's (`anthropic-beta`), which stands in the body here.
fn betas(headers: &[(HeaderName, HeaderValue)]) -> Option<Value> {
    let named = headers
        .iter()
        .filter(|(name, _)| name.as_str() == "anthropic-beta");
    let betas: Vec<Value> = named
        .filter_map(|(_, value)| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|beta| !beta.is_empty())
        .map(Value::from)
        .collect();
    (!betas.is_empty()).then(|| Value::Array(betas))
}

/// Whether an answer is in AWS's frames.
fn is_framed(answer: &Answer) -> bool {
    answer
        .header(header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/vnd.amazon.eventstream"))
}
