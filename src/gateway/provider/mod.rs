//! Providers: one file for each interface that a channel can speak. What comes back is the same for all of them.

mod answer;
mod echo;
mod openai;

use std::sync::Arc;

pub(crate) use answer::{Answer, Body, Failure, Outgoing};

use crate::domain::ChannelKind;
use crate::state::Upstream;

/// Sends a call to a provider and waits for the head of its answer. Dropping the future, or the answer, cancels the call.
pub(crate) async fn send(
    upstream: &Arc<Upstream>,
    outgoing: Outgoing<'_>,
) -> Result<Answer, Failure> {
    match upstream.channel.kind {
        ChannelKind::OpenAi => openai::send(upstream, outgoing).await,
        ChannelKind::Echo => Ok(echo::answer(&outgoing)),
    }
}
