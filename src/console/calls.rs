//! The call log: list, one call, and what both show.

use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{self, CallId, CallStatus as Status, Code, Error, KeyId, Timestamp};
use crate::state::{CallFilter, Cursor, State};

use super::body::{Query, parse_field, parse_id};
use super::corrected::CallCorrection;
use super::endpoint::Endpoint;
use super::export;
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::tally::OtherUsage;
use super::usd::Usd;
use super::viewer::Viewer;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/logs").get(list))
        .service(at("/logs/export.csv").get(export::export))
        .service(at("/logs/{id}").get(show));
}

/// One line of the call log.
#[derive(Serialize, ToSchema)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) started_at: String,
    pub(super) key_id: String,
    pub(super) key_name: String,
    pub(super) key_masked: String,
    pub(super) key_deleted: bool,
    pub(super) account_id: String,
    pub(super) account_username: String,
    #[schema(value_type = Endpoint)]
    pub(super) endpoint: &'static str,
    pub(super) model: String,
    /// The model's name at the provider.
    #[schema(required)]
    pub(super) upstream_model: Option<String>,
    #[schema(required)]
    pub(super) channel_id: Option<String>,
    #[schema(required)]
    pub(super) channel_name: Option<String>,
    #[schema(value_type = CallStatus)]
    pub(super) status: &'static str,
    /// What the client got; null: nothing.
    #[schema(required)]
    pub(super) http_status: Option<u16>,
    #[schema(required)]
    pub(super) error_code: Option<&'static str>,
    pub(super) stream: bool,
    #[schema(required)]
    pub(super) client_ip: Option<String>,
    #[schema(required)]
    pub(super) user_agent: Option<String>,
    #[schema(required)]
    pub(super) client_request_id: Option<String>,
    pub(super) usage: CallUsage,
    /// Null: the model is not priced.
    #[schema(required, value_type = Option<f64>)]
    pub(super) cost_usd: Option<Usd>,
    /// What the provider itself says that it cost; null: it does not say.
    #[schema(required, value_type = Option<f64>)]
    pub(super) provider_cost_usd: Option<Usd>,
    /// What was set right in it, in order; none: nothing was.
    pub(super) corrections: Vec<CallCorrection>,
    /// The parts of its usage that are priced each by itself; none: it is one.
    pub(super) parts: Vec<CallPart>,
    /// The provider reports more than was set aside, so that a quota may have been passed by it.
    pub(super) over_reservation: bool,
    pub(super) latency_ms: f64,
    #[schema(required)]
    pub(super) first_token_ms: Option<f64>,
    /// Time in the gateway before forwarding.
    pub(super) overhead_ms: f64,
    pub(super) attempts: Vec<Attempt>,
}

/// How a call ended.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum CallStatus {
    Ok,
    Error,
    Cancelled,
    Interrupted,
}

/// Tokens of a call.
#[derive(Serialize, ToSchema)]
pub(super) struct CallUsage {
    pub(super) prompt_tokens: u64,
    /// Of the prompt, read from the provider's cache.
    pub(super) cached_tokens: u64,
    /// Of the prompt, written to the provider's cache.
    pub(super) cache_write_tokens: u64,
    /// Of these, for an hour.
    pub(super) cache_write_1h_tokens: u64,
    /// Of these, for twelve hours.
    pub(super) cache_write_12h_tokens: u64,
    pub(super) completion_tokens: u64,
    /// Of the completion.
    pub(super) reasoning_tokens: u64,
    #[serde(flatten)]
    pub(super) other: OtherUsage,
    pub(super) total_tokens: u64,
    /// At which speed and price the provider worked.
    #[schema(value_type = ServiceTier)]
    pub(super) service_tier: &'static str,
    /// How fast the model was to write, where that is asked for beside the tier.
    pub(super) speed: &'static str,
    /// Where the provider worked: `global`, `us` or `other`.
    pub(super) geography: &'static str,
    /// Counted by the gateway, because the provider gave no numbers.
    pub(super) estimated: bool,
    /// The provider's numbers cannot be: what was set aside stands in their place.
    pub(super) implausible: bool,
}

/// A part of a call's usage that is priced by itself: an iteration, a compaction, an advisor, a fallback, an image tool.
#[derive(Serialize, ToSchema)]
pub(super) struct CallPart {
    /// The provider's name of its model; null: the one that served the call.
    #[schema(required)]
    model: Option<String>,
    prompt_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    completion_tokens: u64,
}

/// At which speed and price a provider works.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum ServiceTier {
    Standard,
    Flex,
    Priority,
    Fast,
    Ultrafast,
    Batch,
    Unknown,
}

/// One try at one channel.
#[derive(Serialize, ToSchema)]
pub(super) struct Attempt {
    channel_id: String,
    #[schema(required)]
    channel_name: Option<String>,
    /// Which of the channel's credentials, counted from 1; null: it had one or none.
    #[schema(required)]
    credential: Option<u16>,
    /// The provider's endpoint that was asked; another than the call's, if it was carried into another dialect.
    #[schema(value_type = Endpoint)]
    endpoint: &'static str,
    /// `ok`, `provider_error`, `connect_failed`, `timed_out`, `broken_answer` or `cancelled`.
    status: &'static str,
    #[schema(required)]
    http_status: Option<u16>,
    latency_ms: f64,
    #[schema(required)]
    error: Option<String>,
}

/// Some lines of the call log, the latest ended first.
#[derive(Serialize, ToSchema)]
pub(super) struct Calls {
    items: Vec<Call>,
    /// For the next lines; null: there are none.
    #[schema(required)]
    next_cursor: Option<String>,
}

fn millis(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64() * 1_000.0
}

impl Call {
    /// A call with the names that its ids have now.
    pub(super) fn new(call: domain::Call, state: &State) -> Self {
        let domain::Call { opened, outcome } = call;
        let key = state.keys.find(opened.key_id);
        let channel_name = |id| state.channels.find(id).map(|channel| channel.name.clone());
        let usage = outcome.usage;
        Self {
            id: opened.id.to_string(),
            started_at: opened.started_at.to_string(),
            key_id: opened.key_id.to_string(),
            key_name: key
                .as_ref()
                .map(|(key, _)| key.name.clone())
                .unwrap_or_default(),
            key_masked: key
                .as_ref()
                .map(|(key, _)| key.masked.to_string())
                .unwrap_or_default(),
            key_deleted: key.as_ref().is_none_or(|(key, _)| key.deleted_at.is_some()),
            account_id: opened.account_id.to_string(),
            account_username: key
                .map(|(_, account)| account.username.to_string())
                .unwrap_or_default(),
            endpoint: opened.endpoint.as_str(),
            model: opened.model,
            upstream_model: outcome.upstream_model,
            channel_id: outcome.channel_id.map(|id| id.to_string()),
            channel_name: outcome.channel_id.and_then(channel_name),
            status: outcome.status.as_str(),
            http_status: outcome.http_status,
            error_code: outcome.error_code.map(Code::as_str),
            stream: opened.stream,
            client_ip: opened.client_ip.map(|ip| ip.to_string()),
            user_agent: opened.user_agent,
            client_request_id: opened.client_request_id,
            usage: CallUsage {
                prompt_tokens: usage.prompt,
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_write,
                cache_write_1h_tokens: usage.cache_write_1h,
                cache_write_12h_tokens: usage.cache_write_12h,
                completion_tokens: usage.completion,
                reasoning_tokens: usage.reasoning,
                other: OtherUsage::new(&usage.audio, &usage.image, &usage.pieces),
                total_tokens: usage.total(),
                service_tier: usage.tier.as_str(),
                speed: usage.speed.as_str(),
                geography: usage.geography.as_str(),
                estimated: usage.estimated,
                implausible: usage.implausible,
            },
            parts: outcome
                .parts
                .iter()
                .map(|part| CallPart {
                    model: part.model.clone(),
                    prompt_tokens: part.usage.prompt,
                    cached_tokens: part.usage.cached,
                    cache_write_tokens: part.usage.cache_write,
                    completion_tokens: part.usage.completion,
                })
                .collect(),
            corrections: state
                .ledger
                .corrections(opened.id)
                .map(|corrected| corrected.list.iter().map(Into::into).collect())
                .unwrap_or_default(),
            provider_cost_usd: usage.reported_cost.map(Usd),
            cost_usd: outcome.cost.map(Usd),
            over_reservation: outcome.over_reservation,
            latency_ms: millis(outcome.latency_us),
            first_token_ms: outcome.first_token_us.map(millis),
            overhead_ms: millis(outcome.overhead_us),
            attempts: outcome
                .attempts
                .into_iter()
                .map(|attempt| Attempt {
                    channel_id: attempt.channel_id.to_string(),
                    channel_name: channel_name(attempt.channel_id),
                    credential: attempt.credential,
                    endpoint: attempt.endpoint.as_str(),
                    status: attempt.status.as_str(),
                    http_status: attempt.http_status,
                    latency_ms: millis(attempt.latency_us),
                    error: attempt.error,
                })
                .collect(),
        }
    }
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallQuery {
    /// Arrived at this time or later.
    from: Option<String>,
    /// Arrived before this time.
    to: Option<String>,
    key_id: Option<String>,
    /// For admins.
    account_id: Option<String>,
    model: Option<String>,
    /// For admins.
    channel_id: Option<String>,
    #[param(value_type = Option<CallStatus>)]
    status: Option<String>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LineQuery {
    /// `next_cursor` of the lines before.
    cursor: Option<String>,
    /// 1 to 200.
    limit: Option<usize>,
}

/// A time of a query; empty is none.
pub(super) fn query_time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let parse = |text: &str| {
        Timestamp::parse(text).map_err(|_| {
            Error::invalid_field(
                field,
                format!("{text:?} is no time; write one such as 2026-11-24T07:00:00Z."),
            )
            .into()
        })
    };
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}

impl CallQuery {
    /// The filter for what this viewer may see of it.
    pub(super) fn filter(&self, viewer: &Viewer) -> Result<CallFilter, Refusal> {
        let status = match self.status.as_deref().filter(|word| !word.is_empty()) {
            None => None,
            Some(word) => Some(Status::parse(word).ok_or_else(|| {
                Error::invalid_field(
                    "status",
                    format!(
                        "{word:?} is no status; use {}.",
                        Status::ALL.map(Status::as_str).join(", ")
                    ),
                )
            })?),
        };
        Ok(CallFilter {
            from: query_time("from", self.from.as_deref())?,
            to: query_time("to", self.to.as_deref())?,
            keys: parse_field::<KeyId>("key_id", self.key_id.as_deref())?.map(|id| vec![id]),
            accounts: viewer.scope(parse_field("account_id", self.account_id.as_deref())?),
            model: self.model.clone().filter(|model| !model.is_empty()),
            channel: parse_field("channel_id", self.channel_id.as_deref())?
                .filter(|_| viewer.is_admin()),
            status,
        })
    }
}

/// Work that reads from disk, off the worker.
pub(super) async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Refusal> {
    Ok(web::block(work).await.map_err(Error::internal)??)
}

/// Lists calls, the latest ended first.
#[utoipa::path(
    operation_id = "list_calls",get, path = "/api/logs", tag = "logs", params(CallQuery, LineQuery), responses((status = 200, body = Calls), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    viewer: Viewer,
    query: Query<CallQuery>,
    lines: Query<LineQuery>,
) -> Result<web::Json<Calls>, Refusal> {
    let filter = query.0.filter(&viewer)?;
    let cursor = parse_field("cursor", lines.0.cursor.as_deref())?.map(Cursor);
    let limit = lines.0.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::invalid_field("limit", "Ask for 1 to 200 lines.").into());
    }
    let ledger = state.ledger.clone();
    let found = off_worker(move || ledger.calls(&filter, cursor, limit)).await?;
    Ok(web::Json(Calls {
        items: found
            .calls
            .into_iter()
            .map(|call| Call::new(call, &state))
            .collect(),
        next_cursor: found.next.map(|cursor| cursor.0.to_string()),
    }))
}

/// Shows a call.
#[utoipa::path(
    operation_id = "show_call",get, path = "/api/logs/{id}", tag = "logs", params(("id" = String, Path)), responses((status = 200, body = Call), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    viewer: Viewer,
    id: web::Path<String>,
) -> Result<web::Json<Call>, Refusal> {
    let id: CallId = parse_id(&id)?;
    let ledger = state.ledger.clone();
    let call = off_worker(move || ledger.call(id)).await?;
    let theirs =
        |call: &domain::Call| viewer.is_admin() || call.opened.account_id == viewer.account.id;
    match call.filter(theirs) {
        Some(call) => Ok(web::Json(Call::new(call, &state))),
        None => Err(Error::new(
            Code::NotFound,
            "No call has this id, or it is older than the call log is kept.",
        )
        .into()),
    }
}
