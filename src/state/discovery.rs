//! The list of a provider's models: asked for by the console, fetched by the gateway, which do not know each other. The server
//! brings them together with this type.

use std::pin::Pin;
use std::sync::Arc;

use super::channels::NewChannel;
use crate::domain::{ChannelId, Result};

/// Whose models are asked for.
#[derive(Debug)]
pub enum Listed {
    /// Those of a channel.
    Saved(ChannelId),
    /// Those of a channel that is not made yet, and may never be.
    Draft(Box<NewChannel>),
}

/// Fetches the names of a provider's models, sorted; what went wrong is told in the provider's words.
pub type Discovery =
    Arc<dyn Fn(Listed) -> Pin<Box<dyn Future<Output = Result<Vec<String>>>>> + Send + Sync>;
