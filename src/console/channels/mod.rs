//! Channels, for admins: list, make, change, test, delete.

mod calling;
mod cloud;
pub(super) mod discovery;
mod fields;
mod shape;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode};

use super::body::{Body, parse_id};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::viewer::Admin;
use crate::domain::ChannelId;
use crate::state::{Probe, State};
use shape::{Channel, ChannelChange, ChannelTest, Channels, NewChannelTest};
pub(super) use shape::{ChannelKind, ChannelSource, CredentialState, NewChannel};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/channels").get(list).post(create))
        .service(at("/channels/discover").post(discovery::of_draft))
        .service(at("/channels/{id}").get(show).patch(update).delete(delete))
        .service(at("/channels/{id}/test").post(test))
        .service(at("/channels/{id}/discover").post(discovery::of_channel));
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
    let new = body.0.checked()?;
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
    let old = state.channels.show(id)?.channel.kind;
    let change = body.0.checked(old)?;
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
    let report = (probe.get_ref())(parse_id(&id)?, body.0.credential, body.0.model).await?;
    Ok(web::Json(ChannelTest {
        ok: report.ok,
        http_status: report.http_status,
        latency_ms: report.latency_ms,
        model: report.model,
        error: report.error,
        body: report.body,
    }))
}
