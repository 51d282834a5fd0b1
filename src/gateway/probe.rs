//! The test of a channel: a one-token call, and what came of it in the provider's own words.

use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};

use super::accept::{self, Unfit};
use super::forward::read_error;
use super::overrides;
use super::provider::{self, Outgoing};
use super::words::{scrub, words};
use crate::domain::{ChannelId, Code, Endpoint, Error, Result};
use crate::state::{Probe, ProbeReport, State, Upstream};

/// So much of what a provider answered is shown, in bytes.
const MOST_SHOWN: usize = 8 * 1024;

/// The test, ready to be asked for by the console.
pub fn probe(state: Arc<State>) -> Probe {
    Arc::new(move |channel, credential, model| {
        let state = Arc::clone(&state);
        Box::pin(async move { test(&state, channel, credential, model).await })
    })
}

async fn test(
    state: &State,
    channel: ChannelId,
    credential: Option<String>,
    model: Option<String>,
) -> Result<ProbeReport> {
    let upstream = state.channels.upstream(channel, credential.as_deref())?;
    let first = || upstream.channel.models.first().cloned();
    let model = model
        .filter(|model| !model.is_empty())
        .or_else(first)
        .ok_or_else(|| {
            Error::new(
                Code::InvalidField,
                "This channel serves no model yet: name one.",
            )
            .param("model")
        })?;
    let own_name = upstream.channel.upstream_model(&model).to_owned();
    let started = state.clock.tick();
    let asked = ask(state, &upstream, &own_name).await;
    if asked.error.is_none() {
        state.channels.mend(&upstream);
    }
    let latency_ms = state.clock.tick().micros_since(started) / 1_000;
    Ok(ProbeReport {
        ok: asked.error.is_none(),
        http_status: asked.http_status,
        latency_ms,
        model,
        error: asked.error,
        body: asked.body,
    })
}

/// What one call came to.
struct Asked {
    http_status: Option<u16>,
    error: Option<String>,
    body: Option<String>,
}

impl Asked {
    /// The provider said no, in this body.
    fn refused(status: StatusCode, body: &[u8]) -> Self {
        let shown = body.get(..MOST_SHOWN).unwrap_or(body);
        Self {
            http_status: Some(status.as_u16()),
            error: Some(words(body)),
            body: Some(String::from_utf8_lossy(shown).into_owned()),
        }
    }

    /// Its status and words, where there was an answer that is no good.
    fn refusal(&self) -> Option<(u16, &str)> {
        self.http_status.zip(self.error.as_deref())
    }
}

/// Asks for one token of a chat, or, from a model that only embeds, for one embedding.
async fn ask(state: &State, upstream: &Arc<Upstream>, model: &str) -> Asked {
    let chat = || json!({"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1});
    match upstream.channel.kind.serves_with(Endpoint::Chat, model) {
        Some(Endpoint::Messages) => {
            send(state, upstream, (Endpoint::Messages, model), &chat()).await
        }
        Some(Endpoint::GenerateContent) => {
            let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 1}});
            let first = send(state, upstream, (Endpoint::GenerateContent, model), &body).await;
            let embedding = json!({"content": {"parts": [{"text": "Hi"}]}});
            match first.refusal() {
                Some((400 | 404, _)) if model.contains("embed") => {
                    send(state, upstream, (Endpoint::EmbedContent, model), &embedding).await
                }
                _ => first,
            }
        }
        _ => ask_openai(state, upstream, model, &chat()).await,
    }
}

async fn ask_openai(state: &State, upstream: &Arc<Upstream>, model: &str, chat: &Value) -> Asked {
    let embedding = json!({"model": model, "input": "Hi"});
    let first = send(state, upstream, (Endpoint::Chat, model), chat).await;
    match first.refusal() {
        Some((400 | 404 | 405 | 422, words)) if words.contains("max_completion_tokens") => {
            let chat = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 16});
            send(state, upstream, (Endpoint::Chat, model), &chat).await
        }
        Some((400 | 403 | 404 | 405 | 422, _)) if model.contains("embed") => {
            send(state, upstream, (Endpoint::Embeddings, model), &embedding).await
        }
        _ => first,
    }
}

async fn send(
    state: &State,
    upstream: &Arc<Upstream>,
    (endpoint, model): (Endpoint, &str),
    body: &Value,
) -> Asked {
    let body = Bytes::from(body.to_string());
    let body = overrides::apply(body, &upstream.channel.calling.overrides);
    let timeouts = upstream.timeouts(state.settings.timeouts);
    let outgoing = Outgoing {
        endpoint,
        model,
        stream: false,
        batch: false,
        body: &body,
        upload: None,
        headers: &[],
        timeouts,
        now: state.clock.now(),
    };
    match provider::send(upstream, outgoing).await {
        Err(failure) => Asked {
            http_status: None,
            error: Some(failure.words),
            body: None,
        },
        Ok(answer) => {
            let status = answer.status;
            if !status.is_success() {
                let (_, body) = read_error(answer, upstream).await;
                return Asked::refused(status, &body);
            }
            match accept::accept(endpoint, answer, timeouts, &state.clock).await {
                Ok(_) => Asked {
                    http_status: Some(status.as_u16()),
                    error: None,
                    body: None,
                },
                Err(Unfit::Unusable(unreadable)) => Asked {
                    http_status: Some(status.as_u16()),
                    error: Some(unreadable.words),
                    body: None,
                },
                Err(Unfit::Error { body, .. }) => {
                    Asked::refused(status, &scrub(body, upstream.secrets()))
                }
            }
        }
    }
}
