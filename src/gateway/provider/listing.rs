//! The lists of models that providers give.
//! Reference: OpenAI API, "List models"; Anthropic API, "List Models" (pages by `after_id`); Gemini API, "models.list" (pages by
//! `pageToken`). Some who follow OpenAI give the bare array.

use std::sync::Arc;

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::address::{Address, path_segment};
use super::answer::Failure;
use super::{anthropic, http};
use crate::domain::ChannelKind;
use crate::state::{Timeouts, Upstream};

/// The most that is read of a page, in bytes.
const MOST_BYTES: usize = 8 << 20;
/// So many pages are read; Anthropic and Gemini give 1,000 models each.
const MOST_PAGES: usize = 20;

/// Why there is no list.
pub(crate) enum Unlisted {
    /// The kind has none.
    NotOffered(&'static str),
    /// No answer came.
    NoAnswer(Failure),
    /// The provider refused, in these words.
    Said(StatusCode, Bytes),
    /// The answer is none.
    Unreadable,
}

impl From<Failure> for Unlisted {
    fn from(failure: Failure) -> Self {
        Self::NoAnswer(failure)
    }
}

/// The names of all models of a provider, as it names them.
pub(crate) async fn list(
    upstream: &Arc<Upstream>,
    timeouts: Timeouts,
) -> Result<Vec<String>, Unlisted> {
    match upstream.channel.kind {
        ChannelKind::OpenAi | ChannelKind::Ollama => openai(upstream, timeouts).await,
        ChannelKind::Anthropic => anthropic(upstream, timeouts).await,
        ChannelKind::Gemini => gemini(upstream, timeouts).await,
        ChannelKind::AzureOpenAi => Err(Unlisted::NotOffered(
            "Azure lists models, but calls go to deployments: name the deployments by hand.",
        )),
        ChannelKind::Vertex => Err(Unlisted::NotOffered(
            "Vertex AI lists every publisher's models, not those that a project may use: name the models by hand, as its Model Garden does.",
        )),
        ChannelKind::Bedrock => Err(Unlisted::NotOffered(
            "Bedrock lists its models at another address, and inference profiles apart: name the models by hand, by their ids or profiles.",
        )),
        ChannelKind::Echo => Ok(vec!["echo".to_owned()]),
    }
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OpenAiList {
    Object { data: Vec<Named> },
    Bare(Vec<Named>),
}

async fn openai(upstream: &Arc<Upstream>, timeouts: Timeouts) -> Result<Vec<String>, Unlisted> {
    let address = Address::behind(upstream, "/models", false);
    let address = address.authorized(upstream, "authorization", "Bearer ")?;
    let (OpenAiList::Object { data } | OpenAiList::Bare(data)) =
        page(upstream, address, timeouts).await?;
    Ok(data.into_iter().map(|model| model.id).collect())
}

#[derive(Deserialize)]
struct AnthropicPage {
    data: Vec<Named>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    last_id: Option<String>,
}

async fn anthropic(upstream: &Arc<Upstream>, timeouts: Timeouts) -> Result<Vec<String>, Unlisted> {
    let (mut names, mut after) = (Vec::new(), String::new());
    for _ in 0..MOST_PAGES {
        let path = format!("/models?limit=1000{after}");
        let address = anthropic::at(upstream, &path)?;
        let read: AnthropicPage = page(upstream, address, timeouts).await?;
        names.extend(read.data.into_iter().map(|model| model.id));
        match read.last_id.filter(|_| read.has_more) {
            Some(last) => after = format!("&after_id={}", path_segment(&last)),
            None => break,
        }
    }
    Ok(names)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiPage {
    #[serde(default)]
    models: Vec<GeminiModel>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiModel {
    /// Such as `models/gemini-2.5-pro`.
    name: String,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
}

impl GeminiModel {
    /// Whether a call of ours can go to it. One that says nothing of what it can is listed.
    fn is_served(&self) -> bool {
        let methods = &self.supported_generation_methods;
        let ours = |method: &String| {
            matches!(
                method.as_str(),
                "generateContent" | "streamGenerateContent" | "embedContent"
            )
        };
        methods.is_empty() || methods.iter().any(ours)
    }
}

async fn gemini(upstream: &Arc<Upstream>, timeouts: Timeouts) -> Result<Vec<String>, Unlisted> {
    let (mut names, mut token) = (Vec::new(), String::new());
    for _ in 0..MOST_PAGES {
        let path = format!("/models?pageSize=1000{token}");
        let address = Address::behind(upstream, &path, false);
        let address = address.authorized(upstream, "x-goog-api-key", "")?;
        let read: GeminiPage = page(upstream, address, timeouts).await?;
        let served = read.models.into_iter().filter(GeminiModel::is_served);
        names.extend(served.map(|model| {
            let name = model.name.strip_prefix("models/");
            name.unwrap_or(&model.name).to_owned()
        }));
        match read.next_page_token.filter(|token| !token.is_empty()) {
            Some(next) => token = format!("&pageToken={}", path_segment(&next)),
            None => break,
        }
    }
    Ok(names)
}

async fn page<T: DeserializeOwned>(
    upstream: &Arc<Upstream>,
    address: Address,
    timeouts: Timeouts,
) -> Result<T, Unlisted> {
    let answer = http::get(upstream, address, timeouts).await?;
    let status = answer.status;
    let body = answer.body.read_up_to(MOST_BYTES, timeouts.idle).await;
    if !status.is_success() {
        return Err(Unlisted::Said(status, body));
    }
    serde_json::from_slice(&body).map_err(|_| Unlisted::Unreadable)
}
