//! Webhooks, for admins: list, make, change, test, delete, and what became of their deliveries.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::domain::{self, Error, WebhookId, WebhookStatus};
use crate::state::{
    ChangedWebhook as Changed, NewWebhook as New, State, WebhookChange as Change, WebhookView,
};

use super::accounts::Status;
use super::body::{Body, name, nullable, parse_id};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::viewer::Admin;

/// A list holds so many lines: thousands may wait for a receiver that is down.
const SHOWN: usize = 200;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/webhooks").get(list).post(create))
        .service(at("/webhooks/{id}").get(show).patch(update).delete(delete))
        .service(at("/webhooks/{id}/test").post(test))
        .service(at("/webhooks/{id}/deliveries").get(deliveries))
        .service(at("/webhooks/{id}/deliveries/{delivery_id}/resend").post(resend));
}

/// An address that is told of events; its secret is shown only when it is made.
#[derive(Serialize, ToSchema)]
pub(super) struct Webhook {
    id: String,
    name: String,
    url: String,
    /// False: it was sealed with another master key, give it a new one.
    secret_readable: bool,
    #[schema(value_type = Vec<WebhookEvent>)]
    events: Vec<&'static str>,
    #[schema(value_type = Status)]
    status: &'static str,
    created_at: String,
    /// How many deliveries are on their way.
    pending: usize,
    /// The newest; null: nothing was sent yet.
    #[schema(required)]
    last_delivery: Option<Delivery>,
}

/// What a webhook can be told of.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(super) enum WebhookEvent {
    /// A call did not fit a cap, or the cap has been reached: once in each window.
    #[serde(rename = "quota.exceeded")]
    QuotaExceeded,
    /// Less than its threshold is left of an account's total: once until it has been above it again.
    #[serde(rename = "balance.low")]
    BalanceLow,
    /// A channel takes no calls, or only those that no other can: once in each outage.
    #[serde(rename = "channel.down")]
    ChannelDown,
    /// It is back.
    #[serde(rename = "channel.up")]
    ChannelUp,
    /// A provider reported a usage that cannot be: of each channel and model once a day.
    #[serde(rename = "usage.implausible")]
    UsageImplausible,
}

impl From<WebhookEvent> for domain::Event {
    fn from(event: WebhookEvent) -> Self {
        match event {
            WebhookEvent::QuotaExceeded => Self::QuotaExceeded,
            WebhookEvent::BalanceLow => Self::BalanceLow,
            WebhookEvent::ChannelDown => Self::ChannelDown,
            WebhookEvent::ChannelUp => Self::ChannelUp,
            WebhookEvent::UsageImplausible => Self::UsageImplausible,
        }
    }
}

impl From<&WebhookView> for Webhook {
    fn from(view: &WebhookView) -> Self {
        let webhook = &view.webhook;
        Self {
            id: webhook.id.to_string(),
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            secret_readable: view.secret_readable,
            events: webhook.events.iter().map(|event| event.as_str()).collect(),
            status: webhook.status.as_str(),
            created_at: webhook.created_at.to_string(),
            pending: view.pending,
            last_delivery: view.last.as_deref().map(Delivery::from),
        }
    }
}

/// All webhooks, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Webhooks {
    items: Vec<Webhook>,
    total: usize,
}

/// A webhook after a change.
#[derive(Serialize, ToSchema)]
pub(super) struct ChangedWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// The secret if one was made: shown this once. Null: the one that was given or was there.
    #[schema(value_type = Option<String>, required)]
    secret: Option<Zeroizing<String>>,
}

impl From<Changed> for ChangedWebhook {
    fn from(changed: Changed) -> Self {
        Self {
            webhook: Webhook::from(&changed.view),
            secret: changed.secret,
        }
    }
}

/// One event on its way to one webhook.
#[derive(Serialize, ToSchema)]
pub(super) struct Delivery {
    /// What `X-Real200-Delivery` says: the same at every try.
    id: String,
    /// `test` or one of the webhook's events.
    event: &'static str,
    created_at: String,
    #[schema(value_type = DeliveryStatus)]
    status: &'static str,
    attempts: u32,
    /// The receiver's status at the last try; null: none came.
    #[schema(required)]
    http_status: Option<u16>,
    /// What went wrong at the last try.
    #[schema(required)]
    error: Option<String>,
    #[schema(required)]
    latency_ms: Option<u64>,
    #[schema(required)]
    last_try_at: Option<String>,
    /// Null: it is not tried any more.
    #[schema(required)]
    next_try_at: Option<String>,
    /// What is sent, JSON text.
    body: String,
}

/// How far a delivery has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum DeliveryStatus {
    Pending,
    Delivered,
    GivenUp,
}

impl From<&domain::Delivery> for Delivery {
    fn from(delivery: &domain::Delivery) -> Self {
        let last = delivery.last.as_ref();
        Self {
            id: delivery.id.to_string(),
            event: delivery.event.as_str(),
            created_at: delivery.created_at.to_string(),
            status: delivery.state.as_str(),
            attempts: delivery.attempts,
            http_status: last.and_then(|last| last.http_status),
            error: last.and_then(|last| last.error.clone()),
            latency_ms: last.map(|last| last.latency_ms),
            last_try_at: last.map(|last| last.at.to_string()),
            next_try_at: delivery.state.next_try().map(|at| at.to_string()),
            body: delivery.body.clone(),
        }
    }
}

/// The newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Deliveries {
    items: Vec<Delivery>,
    total: usize,
}

/// What a webhook is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    name: String,
    url: String,
    /// The key of the signature, 16 to 200 characters; left out, one is made and answered, this once.
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
    events: Vec<WebhookEvent>,
    status: Option<Status>,
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookChange {
    name: Option<String>,
    url: Option<String>,
    /// Null: a new one is made and answered, this once.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    secret: Option<Option<Zeroizing<String>>>,
    events: Option<Vec<WebhookEvent>>,
    /// Disabling gives up what is on its way.
    status: Option<Status>,
}

fn webhook_name(text: &str) -> Result<String, Refusal> {
    let name = name("name", text)?;
    if name.is_empty() {
        Err(Error::invalid_field("name", "Give the webhook a name.").into())
    } else {
        Ok(name)
    }
}

fn events(list: &[WebhookEvent]) -> Result<Vec<domain::Event>, Refusal> {
    let mut events: Vec<domain::Event> = Vec::with_capacity(list.len());
    for event in list.iter().copied().map(domain::Event::from) {
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() {
        return Err(Error::invalid_field("events", "Choose at least one event.").into());
    }
    Ok(events)
}

fn status(status: Status) -> WebhookStatus {
    match status {
        Status::Active => WebhookStatus::Active,
        Status::Disabled => WebhookStatus::Disabled,
    }
}

/// Lists webhooks.
#[utoipa::path(
    operation_id = "list_webhooks",get, path = "/api/webhooks", tag = "webhooks", responses((status = 200, body = Webhooks), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    _: Admin,
) -> Result<web::Json<Webhooks>, Refusal> {
    let views = state.webhooks.list();
    Ok(web::Json(Webhooks {
        total: views.len(),
        items: views.iter().map(Webhook::from).collect(),
    }))
}

/// Makes a webhook.
#[utoipa::path(
    operation_id = "create_webhook",post, path = "/api/webhooks", tag = "webhooks", request_body = NewWebhook, responses((status = 201, body = ChangedWebhook), (status = "default", body = ApiError)))]
pub(super) async fn create(
    state: web::Data<State>,
    admin: Admin,
    body: Body<NewWebhook>,
) -> Result<HttpResponse, Refusal> {
    let body = body.0;
    let new = New {
        name: webhook_name(&body.name)?,
        url: body.url.trim().to_owned(),
        secret: body.secret,
        events: events(&body.events)?,
        status: body.status.map_or(WebhookStatus::Active, status),
    };
    let changed = state.webhooks.create(new, &admin.0.actor()).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(ChangedWebhook::from(changed)))
}

/// Shows a webhook.
#[utoipa::path(
    operation_id = "show_webhook",get, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = Webhook), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<Webhook>, Refusal> {
    Ok(web::Json(Webhook::from(
        &state.webhooks.show(parse_id(&id)?)?,
    )))
}

/// Changes a webhook.
#[utoipa::path(
    operation_id = "update_webhook",patch, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), request_body = WebhookChange, responses((status = 200, body = ChangedWebhook), (status = "default", body = ApiError)))]
pub(super) async fn update(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
    body: Body<WebhookChange>,
) -> Result<web::Json<ChangedWebhook>, Refusal> {
    let id: WebhookId = parse_id(&id)?;
    let body = body.0;
    let change = Change {
        name: body.name.map(|text| webhook_name(&text)).transpose()?,
        url: body.url.map(|url| url.trim().to_owned()),
        secret: body.secret,
        events: body.events.map(|list| events(&list)).transpose()?,
        status: body.status.map(status),
    };
    let changed = state.webhooks.update(id, change, &admin.0.actor()).await?;
    Ok(web::Json(changed.into()))
}

/// Deletes a webhook with all its deliveries.
#[utoipa::path(
    operation_id = "delete_webhook",delete, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn delete(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    state
        .webhooks
        .delete(parse_id(&id)?, &admin.0.actor())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a test, once, and says what came of it.
#[utoipa::path(
    operation_id = "test_webhook",post, path = "/api/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = Delivery), (status = "default", body = ApiError)))]
pub(super) async fn test(
    state: web::Data<State>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<Delivery>, Refusal> {
    let delivery = state.webhooks.test(parse_id(&id)?).await?;
    Ok(web::Json(Delivery::from(&delivery)))
}

/// Lists what was sent to a webhook or is on its way; of what has come to its end, the last hundred.
#[utoipa::path(
    operation_id = "list_webhook_deliveries",get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = Deliveries), (status = "default", body = ApiError)))]
pub(super) async fn deliveries(
    state: web::Data<State>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<Deliveries>, Refusal> {
    let found = state.webhooks.deliveries(parse_id(&id)?)?;
    let shown = found.iter().take(SHOWN);
    Ok(web::Json(Deliveries {
        items: shown.map(|delivery| Delivery::from(&**delivery)).collect(),
        total: found.len(),
    }))
}

/// Sends a delivery again, once and at once, under the same id, and says what came of it.
#[utoipa::path(
    operation_id = "resend_webhook_delivery",post, path = "/api/webhooks/{id}/deliveries/{delivery_id}/resend", tag = "webhooks", params(("id" = String, Path), ("delivery_id" = String, Path)), responses((status = 200, body = Delivery), (status = "default", body = ApiError)))]
pub(super) async fn resend(
    state: web::Data<State>,
    _: Admin,
    ids: web::Path<(String, String)>,
) -> Result<web::Json<Delivery>, Refusal> {
    let (id, delivery_id) = ids.into_inner();
    let delivery = state
        .webhooks
        .resend(parse_id(&id)?, parse_id(&delivery_id)?)
        .await?;
    Ok(web::Json(Delivery::from(&*delivery)))
}
