//! Channels, for admins: list, make, change, test, delete.

use std::collections::BTreeMap;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode, http::Uri};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::domain::{self, ChannelId, ChannelStatus, Error, Multiplier};
use crate::state::{
    ChannelChange as Change, ChannelView, CredentialState as Credential, NewChannel as New, Probe,
    State,
};

use super::accounts::Status;
use super::body::{Body, name, nullable, parse_id};
use super::channel_health::ChannelHealth;
use super::refusal::{ApiError, Refusal};
use super::tally::Tally;
use super::viewer::Admin;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/channels")
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            web::resource("/channels/{id}")
                .route(web::get().to(show))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        )
        .route("/channels/{id}/test", web::post().to(test));
}

/// A connection to a provider; its credential is never returned.
#[derive(Serialize, ToSchema)]
pub(super) struct Channel {
    id: String,
    name: String,
    #[schema(value_type = ChannelKind)]
    kind: &'static str,
    /// Empty for kind `echo`.
    base_url: String,
    #[schema(value_type = CredentialState)]
    credential_state: &'static str,
    models: Vec<String>,
    /// Public name to the provider's own.
    model_map: BTreeMap<String, String>,
    /// Higher is tried first.
    priority: i32,
    /// Share among channels of one priority.
    weight: u32,
    #[schema(value_type = f64)]
    price_multiplier: Box<RawValue>,
    #[schema(value_type = Status)]
    status: &'static str,
    created_at: String,
    health: ChannelHealth,
    /// What it has served, ever.
    usage: Tally,
}

/// Which provider interface a channel speaks.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChannelKind {
    OpenAi,
    Echo,
}

impl From<ChannelKind> for domain::ChannelKind {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::OpenAi => Self::OpenAi,
            ChannelKind::Echo => Self::Echo,
        }
    }
}

/// Whether a channel's credential can be used; `unreadable`: it was sealed with another master key, enter it again.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum CredentialState {
    None,
    Sealed,
    Unreadable,
}

impl Channel {
    fn new(view: &ChannelView) -> Result<Self, Refusal> {
        let channel = &view.channel;
        Ok(Self {
            id: channel.id.to_string(),
            name: channel.name.clone(),
            kind: channel.kind.as_str(),
            base_url: channel.base_url.clone(),
            credential_state: match view.credential {
                Credential::None => "none",
                Credential::Sealed => "sealed",
                Credential::Unreadable => "unreadable",
            },
            models: channel.models.clone(),
            model_map: channel.model_map.clone(),
            priority: channel.priority,
            weight: channel.weight,
            price_multiplier: RawValue::from_string(channel.price_multiplier.to_string())
                .map_err(Error::internal)?,
            status: match channel.status {
                ChannelStatus::Active => "active",
                ChannelStatus::Disabled => "disabled",
            },
            created_at: channel.created_at.to_string(),
            health: ChannelHealth::from(&view.health),
            usage: Tally::from(&view.tally),
        })
    }
}

/// All channels, the first to be tried first.
#[derive(Serialize, ToSchema)]
pub(super) struct Channels {
    items: Vec<Channel>,
    total: usize,
}

/// What a channel is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChannel {
    name: String,
    kind: ChannelKind,
    /// Required for kind `openai`.
    base_url: Option<String>,
    /// Stored sealed, never returned.
    #[schema(value_type = Option<String>)]
    credential: Option<Zeroizing<String>>,
    models: Vec<String>,
    #[serde(default)]
    #[schema(required = false)]
    model_map: BTreeMap<String, String>,
    /// Default 0.
    priority: Option<i32>,
    /// Default 1.
    weight: Option<u32>,
    /// Default 1.
    #[schema(value_type = Option<f64>)]
    price_multiplier: Option<Number>,
    status: Option<Status>,
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelChange {
    name: Option<String>,
    kind: Option<ChannelKind>,
    base_url: Option<String>,
    /// Null: none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    credential: Option<Option<Zeroizing<String>>>,
    models: Option<Vec<String>>,
    model_map: Option<BTreeMap<String, String>>,
    priority: Option<i32>,
    weight: Option<u32>,
    #[schema(value_type = Option<f64>)]
    price_multiplier: Option<Number>,
    status: Option<Status>,
}

/// What to test with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChannelTest {
    /// Default: the channel's first.
    model: Option<String>,
}

/// What came of a test call.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelTest {
    ok: bool,
    /// The provider's status; null: none came.
    #[schema(required)]
    http_status: Option<u16>,
    latency_ms: u64,
    model: String,
    /// As the provider said it.
    #[schema(required)]
    error: Option<String>,
}

fn channel_name(text: &str) -> Result<String, Refusal> {
    let name = name("name", text)?;
    if name.is_empty() {
        Err(Error::invalid_field("name", "Give the channel a name.").into())
    } else {
        Ok(name)
    }
}

/// A provider's address without its trailing slash. A credential in it would be stored and shown in the open.
fn base_url(text: &str) -> Result<String, Refusal> {
    let text = text.trim().trim_end_matches('/');
    let refuse = |words: &str| Err(Error::invalid_field("base_url", words.to_owned()).into());
    let Ok(uri) = text.parse::<Uri>() else {
        return refuse("This is no address; write one such as https://api.openai.com/v1.");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return refuse(
            "Write an address that begins with https:// or http://, such as https://api.openai.com/v1.",
        );
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return refuse(
            "Leave the credential out of the address and enter it as the credential: there it is sealed.",
        );
    }
    if uri.query().is_some() {
        return refuse("Leave the query out of the address.");
    }
    Ok(text.to_owned())
}

fn models(list: &[String]) -> Result<Vec<String>, Refusal> {
    let mut models: Vec<String> = Vec::with_capacity(list.len());
    for model in list
        .iter()
        .map(|model| model.trim())
        .filter(|model| !model.is_empty())
    {
        if model.len() > 200 || model.chars().any(char::is_control) {
            return Err(Error::invalid_field(
                "models",
                "A model name has at most 200 characters and no control characters.",
            )
            .into());
        }
        if !models.iter().any(|known| known == model) {
            models.push(model.to_owned());
        }
    }
    if models.is_empty() {
        return Err(Error::invalid_field(
            "models",
            "Name at least one model that this channel serves.",
        )
        .into());
    }
    Ok(models)
}

fn model_map(map: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let bad = |name: &str| {
        name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control)
    };
    match map.iter().find(|(public, own)| bad(public) || bad(own)) {
        Some((public, _)) => Err(Error::invalid_field(
            format!("model_map.{public}"),
            "Map a model name to the provider's own, each 1 to 200 characters.",
        )
        .into()),
        None => Ok(map),
    }
}

fn weight(weight: u32) -> Result<u32, Refusal> {
    if weight > 1_000_000 {
        Err(Error::invalid_field("weight", "A weight is at most 1,000,000.").into())
    } else {
        Ok(weight)
    }
}

/// A factor with at most six decimals, from 0 to 1000.
fn multiplier(number: &Number) -> Result<Multiplier, Refusal> {
    // Six decimals of a factor are as fine as six decimals of a dollar: the same exact reading serves.
    let millionths = domain::Money::from_usd(&number.to_string())
        .ok()
        .map(|factor| factor.as_pico());
    millionths
        .filter(|pico| pico.is_multiple_of(1_000_000))
        .map(|pico| pico / 1_000_000)
        .and_then(|millionths| u32::try_from(millionths).ok())
        .filter(|millionths| *millionths <= 1_000_000_000)
        .map(Multiplier::from_millionths)
        .ok_or_else(|| {
            Error::invalid_field(
                "price_multiplier",
                "A price multiplier is a number from 0 to 1000 with at most 6 decimals.",
            )
            .into()
        })
}

fn credential(text: Zeroizing<String>) -> Option<Zeroizing<String>> {
    let trimmed = Zeroizing::new(text.trim().to_owned());
    (!trimmed.is_empty()).then_some(trimmed)
}

fn status(status: Status) -> ChannelStatus {
    match status {
        Status::Active => ChannelStatus::Active,
        Status::Disabled => ChannelStatus::Disabled,
    }
}

/// Lists channels.
#[utoipa::path(
    operation_id = "list_channels",get, path = "/api/channels", tag = "channels", responses((status = 200, body = Channels), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    _: Admin,
) -> Result<web::Json<Channels>, Refusal> {
    let items = state
        .channels
        .list()?
        .iter()
        .map(Channel::new)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(web::Json(Channels {
        total: items.len(),
        items,
    }))
}

/// Makes a channel.
#[utoipa::path(
    operation_id = "create_channel",post, path = "/api/channels", tag = "channels", request_body = NewChannel, responses((status = 201, body = Channel), (status = "default", body = ApiError)))]
pub(super) async fn create(
    state: web::Data<State>,
    admin: Admin,
    body: Body<NewChannel>,
) -> Result<HttpResponse, Refusal> {
    let body = body.0;
    let new = New {
        name: channel_name(&body.name)?,
        kind: body.kind.into(),
        base_url: match body.kind {
            ChannelKind::Echo => String::new(),
            ChannelKind::OpenAi => base_url(&body.base_url.unwrap_or_default())?,
        },
        credential: body.credential.and_then(credential),
        models: models(&body.models)?,
        model_map: model_map(body.model_map)?,
        priority: body.priority.unwrap_or(0),
        weight: weight(body.weight.unwrap_or(1))?,
        price_multiplier: body
            .price_multiplier
            .as_ref()
            .map_or(Ok(Multiplier::ONE), multiplier)?,
        status: body.status.map_or(ChannelStatus::Active, status),
    };
    let view = state.channels.create(new, &admin.0.actor()).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(Channel::new(&view)?))
}

/// Shows a channel.
#[utoipa::path(
    operation_id = "show_channel",get, path = "/api/channels/{id}", tag = "channels", params(("id" = String, Path)), responses((status = 200, body = Channel), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<Channel>, Refusal> {
    Ok(web::Json(Channel::new(
        &state.channels.show(parse_id(&id)?)?,
    )?))
}

/// Changes a channel, effective for the very next call.
#[utoipa::path(
    operation_id = "update_channel",patch, path = "/api/channels/{id}", tag = "channels", params(("id" = String, Path)), request_body = ChannelChange, responses((status = 200, body = Channel), (status = "default", body = ApiError)))]
pub(super) async fn update(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
    body: Body<ChannelChange>,
) -> Result<web::Json<Channel>, Refusal> {
    let id: ChannelId = parse_id(&id)?;
    let body = body.0;
    let before = state.channels.show(id)?;
    let kind = body.kind.map_or(before.channel.kind, Into::into);
    let address = match kind {
        domain::ChannelKind::Echo => Some(String::new()),
        // A channel that was an echo has no address yet.
        domain::ChannelKind::OpenAi => {
            let address = body
                .base_url
                .or_else(|| (before.channel.kind != kind).then(String::new));
            address.map(|text| base_url(&text)).transpose()?
        }
    };
    let change = Change {
        name: body.name.map(|text| channel_name(&text)).transpose()?,
        kind: Some(kind),
        base_url: address,
        credential: body.credential.map(|text| text.and_then(credential)),
        models: body.models.map(|list| models(&list)).transpose()?,
        model_map: body.model_map.map(model_map).transpose()?,
        priority: body.priority,
        weight: body.weight.map(weight).transpose()?,
        price_multiplier: body.price_multiplier.as_ref().map(multiplier).transpose()?,
        status: body.status.map(status),
    };
    Ok(web::Json(Channel::new(
        &state.channels.update(id, change, &admin.0.actor()).await?,
    )?))
}

/// Deletes a channel. Its calls stay in the log under its name.
#[utoipa::path(
    operation_id = "delete_channel",delete, path = "/api/channels/{id}", tag = "channels", params(("id" = String, Path)), responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn delete(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    state
        .channels
        .delete(parse_id(&id)?, &admin.0.actor())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a one-token call through a channel and says what came of it.
#[utoipa::path(
    operation_id = "test_channel",post, path = "/api/channels/{id}/test", tag = "channels", params(("id" = String, Path)), request_body = NewChannelTest, responses((status = 200, body = ChannelTest), (status = "default", body = ApiError)))]
pub(super) async fn test(
    probe: web::Data<Probe>,
    _: Admin,
    id: web::Path<String>,
    body: Body<NewChannelTest>,
) -> Result<web::Json<ChannelTest>, Refusal> {
    let report = (probe.get_ref())(parse_id(&id)?, body.0.model).await?;
    Ok(web::Json(ChannelTest {
        ok: report.ok,
        http_status: report.http_status,
        latency_ms: report.latency_ms,
        model: report.model,
        error: report.error,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_trimmed() {
        assert_eq!(
            base_url(" https://api.openai.com/v1/ ").unwrap(),
            "https://api.openai.com/v1"
        );
        for bad in [
            "",
            "api.openai.com",
            "ftp://x/v1",
            "https://",
            "http://user:pw@host/v1",
            "https://host/v1?x=1",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn multipliers_are_exact() {
        let read = |text: &str| {
            multiplier(&serde_json::from_str(text).unwrap())
                .map(Multiplier::as_millionths)
                .ok()
        };
        for (text, expected) in [
            ("1", Some(1_000_000)),
            ("0.000001", Some(1)),
            ("1.5", Some(1_500_000)),
            ("1000", Some(1_000_000_000)),
            ("0", Some(0)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for bad in ["-1", "1000.1", "0.0000001"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
