//! The list of a provider's models, for a channel or for one that is about to be made.

use std::collections::BTreeMap;

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::calling::{self, ChannelTimeouts, Headers};
use super::fields::{address, api_version, credentials};
use super::shape::ChannelKind;
use crate::console::body::{Body, parse_id};
use crate::console::refusal::{ApiError, Refusal};
use crate::console::viewer::Admin;
use crate::domain::{ChannelStatus, CostSource, Multiplier};
use crate::state::{CallingChange, Discovery, Listed, NewChannel, State};

/// What is needed to ask a provider for its models; the fields are those of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct NewDiscovery {
    kind: ChannelKind,
    base_url: Option<String>,
    api_version: Option<String>,
    #[schema(value_type = Option<String>)]
    credential: Option<Zeroizing<String>>,
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, Option<String>>)]
    headers: Headers,
    #[schema(value_type = Option<String>)]
    proxy: Option<Zeroizing<String>>,
    #[serde(default)]
    #[schema(required = false)]
    timeouts: ChannelTimeouts,
}

impl NewDiscovery {
    fn checked(self) -> Result<NewChannel, Refusal> {
        Ok(NewChannel {
            name: String::new(),
            kind: self.kind.into(),
            base_url: address(self.kind.into(), self.base_url.as_deref())?,
            api_version: self.api_version.as_deref().map_or(Ok(None), api_version)?,
            credentials: credentials(self.kind.into(), self.credential.map(Some), None)?
                .unwrap_or_default(),
            models: Vec::new(),
            model_map: BTreeMap::new(),
            priority: 0,
            weight: 1,
            price_multiplier: Multiplier::ONE,
            cost_source: CostSource::Catalogue,
            calling: CallingChange {
                headers: calling::headers(self.headers)?,
                proxy: Some(calling::proxy(self.proxy)?),
                timeouts: Some(self.timeouts.checked()?),
                overrides: None,
            },
            status: ChannelStatus::Active,
        })
    }
}

/// What a provider serves.
#[derive(Serialize, ToSchema)]
pub(in crate::console) struct DiscoveredModels {
    /// By name.
    models: Vec<DiscoveredModel>,
}

/// A model that a provider serves.
#[derive(Serialize, ToSchema)]
pub(in crate::console) struct DiscoveredModel {
    /// As the provider names it.
    name: String,
    /// Whether a price is known under this name, own or of the catalogue.
    priced: bool,
}

/// Asks a channel's provider for its models.
#[utoipa::path(
    operation_id = "discover_channel_models",post, path = "/api/channels/{id}/discover", tag = "channels", params(("id" = String, Path)), responses((status = 200, body = DiscoveredModels), (status = "default", body = ApiError)))]
pub(in crate::console) async fn of_channel(
    state: web::Data<State>,
    discovery: web::Data<Discovery>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<DiscoveredModels>, Refusal> {
    discover(&state, &discovery, Listed::Saved(parse_id(&id)?)).await
}

/// Asks a provider for its models before a channel to it is made.
#[utoipa::path(
    operation_id = "discover_models",post, path = "/api/channels/discover", tag = "channels", request_body = NewDiscovery, responses((status = 200, body = DiscoveredModels), (status = "default", body = ApiError)))]
pub(in crate::console) async fn of_draft(
    state: web::Data<State>,
    discovery: web::Data<Discovery>,
    _: Admin,
    body: Body<NewDiscovery>,
) -> Result<web::Json<DiscoveredModels>, Refusal> {
    let draft = Listed::Draft(Box::new(body.0.checked()?));
    discover(&state, &discovery, draft).await
}

async fn discover(
    state: &State,
    discovery: &Discovery,
    listed: Listed,
) -> Result<web::Json<DiscoveredModels>, Refusal> {
    let names = discovery(listed).await?.into_iter();
    let is_priced = |name: &str| {
        let known = state.models.find(name);
        known.is_some_and(|model| model.price.is_some())
    };
    let models = names.map(|name| DiscoveredModel {
        priced: is_priced(&name),
        name,
    });
    Ok(web::Json(DiscoveredModels {
        models: models.collect(),
    }))
}
