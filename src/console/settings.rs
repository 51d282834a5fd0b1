//! What the gateway runs with, the policies that admins set for new keys, and how calls find their channels.

use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain;
use crate::state::{PolicyChange, RoutingChange, State};

use super::body::{Body, nullable};
use super::quota::Quota;
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::viewer::Admin;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(at("/settings").get(show).patch(update));
}

/// What the gateway runs with, set in the configuration file or the environment, and the policies for new keys, set here.
#[derive(Serialize, ToSchema)]
pub(super) struct Settings {
    version: &'static str,
    listen: String,
    data_dir: String,
    time_zone: String,
    retention_days: u32,
    body_limit_bytes: usize,
    upload_limit_bytes: u64,
    trusted_proxies: Vec<String>,
    /// How many days a key may live at most, from its creation; null: for ever.
    #[schema(required)]
    key_max_lifetime_days: Option<u32>,
    /// What a key gets that is made without a quota; null: none.
    #[schema(required)]
    key_default_quota: Option<Quota>,
    /// In which order the channels of a model are tried, where the model says nothing else.
    #[schema(value_type = RoutingStrategy)]
    routing_strategy: &'static str,
    /// Among channels of one rank, and among the credentials of one channel, the calls of one key go the same way.
    routing_sticky: bool,
}

/// `priority`: the highest priority first, the others when it cannot serve; `weighted`: shared out by weight alone;
/// `lowest-latency`: the quickest first; `best-price`: the cheapest first, of equals the quickest.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RoutingStrategy {
    Priority,
    Weighted,
    LowestLatency,
    BestPrice,
}

impl From<RoutingStrategy> for domain::Strategy {
    fn from(strategy: RoutingStrategy) -> Self {
        match strategy {
            RoutingStrategy::Priority => Self::Priority,
            RoutingStrategy::Weighted => Self::Weighted,
            RoutingStrategy::LowestLatency => Self::LowestLatency,
            RoutingStrategy::BestPrice => Self::BestPrice,
        }
    }
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsChange {
    /// 1 to 36500; null: for ever. Keys that are there stay as they are, but their end cannot be moved past it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<u32>)]
    key_max_lifetime_days: Option<Option<u32>>,
    /// Replaces all nine caps; null: none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Quota>)]
    key_default_quota: Option<Option<Quota>>,
    routing_strategy: Option<RoutingStrategy>,
    routing_sticky: Option<bool>,
}

impl From<&State> for Settings {
    fn from(state: &State) -> Self {
        let (settings, policy) = (&state.settings, state.policies.keys());
        let routing = state.routing.policy();
        let proxies = &settings.trusted_proxies;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            listen: settings.listen.clone(),
            data_dir: settings.data_dir.display().to_string(),
            time_zone: settings.time_zone.name().to_owned(),
            retention_days: settings.retention_days,
            body_limit_bytes: settings.body_limit,
            upload_limit_bytes: settings.upload_limit,
            trusted_proxies: proxies.iter().map(ToString::to_string).collect(),
            key_max_lifetime_days: policy.max_lifetime_days,
            key_default_quota: (policy.default_quota != domain::Quota::default())
                .then(|| Quota::from(&policy.default_quota)),
            routing_strategy: routing.strategy.as_str(),
            routing_sticky: routing.sticky,
        }
    }
}

/// Shows the settings.
#[utoipa::path(
    operation_id = "show_settings",get, path = "/api/settings", tag = "settings", responses((status = 200, body = Settings), (status = "default", body = ApiError)))]
pub(super) async fn show(state: web::Data<State>, _: Admin) -> web::Json<Settings> {
    web::Json(Settings::from(&**state))
}

/// Changes the policies for new keys and how calls find their channels.
#[utoipa::path(
    operation_id = "update_settings",patch, path = "/api/settings", tag = "settings", request_body = SettingsChange, responses((status = 200, body = Settings), (status = "default", body = ApiError)))]
pub(super) async fn update(
    state: web::Data<State>,
    admin: Admin,
    body: Body<SettingsChange>,
) -> Result<web::Json<Settings>, Refusal> {
    let actor = admin.0.actor();
    let routing = RoutingChange {
        strategy: body.0.routing_strategy.map(Into::into),
        sticky: body.0.routing_sticky,
    };
    let change = PolicyChange {
        max_lifetime_days: body.0.key_max_lifetime_days,
        default_quota: body
            .0
            .key_default_quota
            .map(|quota| quota.unwrap_or_default().into()),
    };
    state.policies.update(change, &actor).await?;
    state.routing.update(routing, &actor).await?;
    Ok(web::Json(Settings::from(&**state)))
}
