//! OpenAI's models in Azure. A base URL that ends with `/openai/v1` is of the interface that needs no version; any other is the
//! resource, and a call goes to the deployment that the model is mapped to, with the version of the interface that the
//! channel names.
//! Reference: Azure OpenAI in Microsoft Foundry, "REST API reference" and "API version lifecycle".

use super::address::{Address, path_segment};
use super::answer::{Failure, Outgoing};
use super::openai;
use crate::state::Upstream;

/// The newest version that is no preview, for a channel that names none.
const API_VERSION: &str = "2024-10-21";

pub(super) fn address(upstream: &Upstream, outgoing: &Outgoing<'_>) -> Result<Address, Failure> {
    let path = openai::path(outgoing.endpoint)?;
    let base = upstream.channel.base_url.trim_end_matches('/');
    let address = if base.ends_with("/openai/v1") {
        Address::behind(upstream, path, true)
    } else {
        let deployment = path_segment(outgoing.model);
        let version = upstream
            .channel
            .api_version
            .as_deref()
            .unwrap_or(API_VERSION);
        let path = format!("/openai/deployments/{deployment}{path}?api-version={version}");
        Address::behind(upstream, &path, false)
    };
    address.authorized(upstream, "api-key", "")
}
