//! The test of a channel: asked for by the console, done by the gateway, which do not know each other. The server brings them
//! together with this type.

use std::pin::Pin;
use std::sync::Arc;

use crate::domain::{ChannelId, Result};

/// Makes a one-token call through a channel, with the credential of this mark and the model named, or else its first of each.
pub type Probe = Arc<
    dyn Fn(
            ChannelId,
            Option<String>,
            Option<String>,
        ) -> Pin<Box<dyn Future<Output = Result<ProbeReport>>>>
        + Send
        + Sync,
>;

/// What came of a test call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeReport {
    /// Whether the provider answered with success.
    pub ok: bool,
    /// The provider's status; `None`: none came.
    pub http_status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The model that was asked.
    pub model: String,
    /// What went wrong, as the provider said it.
    pub error: Option<String>,
    /// The body of the provider's error as it came, without the channel's secrets.
    pub body: Option<String>,
}
