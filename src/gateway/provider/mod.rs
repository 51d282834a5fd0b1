//! Providers: one file for each interface that a channel can speak. What comes back is the same for all of them.

mod address;
mod answer;
mod anthropic;
mod azure;
mod bedrock;
mod bom;
mod echo;
mod gemini;
mod http;
mod listing;
mod openai;
pub(crate) mod realtime;
mod said;
mod vertex;

use std::sync::Arc;

pub(crate) use answer::{Answer, Body, Failure, Outgoing, header};
pub(crate) use listing::{Unlisted, list};

use crate::domain::ChannelKind;
use crate::state::Upstream;

/// Sends a call to a provider and waits for the head of its answer. Dropping the future, or the answer, cancels the call.
pub(crate) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
) -> Result<Answer, Failure> {
    match upstream.channel.kind {
        ChannelKind::OpenAi | ChannelKind::Ollama => {
            http::send(upstream, outgoing, openai::address).await
        }
        ChannelKind::AzureOpenAi => http::send(upstream, outgoing, azure::address).await,
        ChannelKind::Anthropic => http::send(upstream, outgoing, anthropic::address).await,
        ChannelKind::Gemini => http::send(upstream, outgoing, gemini::address).await,
        ChannelKind::Vertex => vertex::send(upstream, outgoing).await,
        ChannelKind::Bedrock => bedrock::send(upstream, outgoing).await,
        ChannelKind::Echo => Ok(echo::answer(&outgoing)),
    }
}
