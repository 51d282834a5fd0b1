//! API keys: create, list, edit, rotate, disable, delete.

use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{self, Code, Error, KeyHint, KeyId, Secret, Timestamp};
use crate::state::{
    KeyChange as Change, KeyFilter, KeyFilterStatus, KeyView, NewKey as New, Rotation, State,
};

use super::balance::Balance;
use super::body::{Body, Query, name, nullable, page, parse_field, parse_id};
use super::quota::{Permissions, Quota, RateLimit};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::tally::Tally;
use super::viewer::Viewer;

/// The longest time for which an old key may be left working beside its successor.
const LONGEST_OVERLAP_S: u32 = 365 * 86_400;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/keys").get(list).post(create))
        .service(at("/keys/{id}").get(show).patch(update).delete(delete))
        .service(at("/keys/{id}/rotate").post(rotate));
}

/// An API key; the key itself is in no answer but that of its creation.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    id: String,
    name: String,
    /// The first 8 and last 4 characters.
    masked: String,
    #[schema(value_type = KeyStatus)]
    status: &'static str,
    /// Whether its time is over.
    expired: bool,
    account_id: String,
    account_username: String,
    created_at: String,
    #[schema(required)]
    expires_at: Option<String>,
    /// When it is to be switched off, as after a rotation; null: it is not planned.
    #[schema(required)]
    disable_at: Option<String>,
    #[schema(required)]
    last_used_at: Option<String>,
    /// The key that it replaced.
    #[schema(required)]
    rotated_from: Option<String>,
    /// The key that replaced it.
    #[schema(required)]
    rotated_to: Option<String>,
    /// What this key alone has used, ever.
    usage: Tally,
    /// What is used and what is left of its quota, together with the keys it was rotated from and to.
    balance: Balance,
    /// Why its next call would be refused, whatever it asks for; null: it would not.
    #[schema(required)]
    refusal: Option<KeyRefusal>,
    /// What should be looked at in it.
    #[schema(value_type = Vec<Hint>)]
    hints: Vec<&'static str>,
    quota: Quota,
    rate_limit: RateLimit,
    permissions: Permissions,
}

impl Key {
    fn new(view: &KeyView, state: &State) -> Self {
        let key = &view.key;
        let (now, today) = (state.clock.now(), state.today());
        let refusal = view.refusal(now, today, &state.settings.time_zone);
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            masked: key.masked.to_string(),
            status: key.status_at(now).as_str(),
            expired: key.is_expired(now),
            account_id: key.account_id.to_string(),
            account_username: view.account.username.to_string(),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            disable_at: key.disable_at.map(|at| at.to_string()),
            last_used_at: view.last_used_at.map(|at| at.to_string()),
            rotated_from: key.rotated_from.map(|id| id.to_string()),
            rotated_to: key.rotated_to.map(|id| id.to_string()),
            usage: Tally::from(&view.tally),
            balance: Balance::new(&view.standing(today), state),
            refusal: refusal.map(KeyRefusal::from),
            hints: view.hints(now).map(KeyHint::as_str).collect(),
            quota: Quota::from(&key.quota),
            rate_limit: RateLimit::from(key.rate_limit),
            permissions: Permissions::from(&key.permissions),
        }
    }
}

/// Why a key's next call would be refused, by the code and param that it would get.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyRefusal {
    code: &'static str,
    message: String,
    /// The cap that is used up, such as `key.daily_usd`.
    #[schema(required)]
    param: Option<String>,
}

impl From<Error> for KeyRefusal {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.as_str(),
            message: error.message,
            param: error.param,
        }
    }
}

/// The owner's switch.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyStatus {
    Active,
    Disabled,
}

impl From<KeyStatus> for domain::KeyStatus {
    fn from(status: KeyStatus) -> Self {
        match status {
            KeyStatus::Active => Self::Active,
            KeyStatus::Disabled => Self::Disabled,
        }
    }
}

/// A key that has just been made.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyCreated {
    #[serde(flatten)]
    record: Key,
    /// The key itself, this once.
    key: String,
}

/// Some keys, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    items: Vec<Key>,
    /// On all pages together.
    total: usize,
}

/// What a key is made of; nothing is required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    name: Option<String>,
    /// Left out: at the end of the longest lifetime of the settings, or never.
    expires_at: Option<String>,
    /// Left out, or without a cap: the default quota of the settings, if there is one.
    quota: Option<Quota>,
    rate_limit: Option<RateLimit>,
    permissions: Option<Permissions>,
    /// Whose it is; for admins.
    account_id: Option<String>,
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyChange {
    name: Option<String>,
    status: Option<KeyStatus>,
    /// Null: never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
    /// When it is to be switched off; null: no longer.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    disable_at: Option<Option<String>>,
    /// Replaces all nine caps.
    quota: Option<Quota>,
    rate_limit: Option<RateLimit>,
    permissions: Option<Permissions>,
}

/// How to rotate a key; nothing is required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRotation {
    /// How many seconds the old key goes on working, up to a year; left out: until it is disabled.
    disable_old_after_s: Option<u32>,
    /// When the successor expires. Left out: when the old key does; null: never, or at the end of the longest lifetime.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Option<String>>,
}

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct KeyQuery {
    /// Part of the name, the masked value or the owner's name.
    q: Option<String>,
    /// `active`, `disabled` or `expired`.
    #[param(value_type = Option<KeyCondition>)]
    status: Option<String>,
    /// `no_limit`, `no_expiry` or `unused`: only those that work and should be looked at for that.
    #[param(value_type = Option<Hint>)]
    hint: Option<String>,
    /// Whose; for admins.
    account_id: Option<String>,
    /// Counted from 1.
    page: Option<usize>,
    /// 1 to 200.
    page_size: Option<usize>,
}

/// The condition of a key.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "stands in the API's description; the query is read as text, so that a wrong word gets an error of ours"
)]
pub(super) enum KeyCondition {
    Active,
    Disabled,
    Expired,
}

/// What should be looked at in a key that works.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "stands in the API's description, as KeyCondition does"
)]
pub(super) enum Hint {
    /// It has neither a quota nor a rate limit of its own.
    NoLimit,
    /// It neither expires nor is to be switched off.
    NoExpiry,
    /// Nobody has used it for 90 days.
    Unused,
}

fn time(field: &str, text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).map_err(|_| {
        Error::invalid_field(
            field,
            format!("{text:?} is no time; write one such as 2027-01-31T00:00:00Z."),
        )
        .into()
    })
}

/// A time that may be null, of a field that may be missing.
fn nullable_time(
    field: &str,
    given: Option<Option<String>>,
) -> Result<Option<Option<Timestamp>>, Refusal> {
    let read = |given: Option<String>| given.map(|text| time(field, &text)).transpose();
    given.map(read).transpose()
}

/// Refuses a time that is over.
fn check_ahead(field: &str, at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    if at.is_some_and(|at| at <= now) {
        let words = "This time is over already; choose one in the future.";
        return Err(Error::invalid_field(field, words).into());
    }
    Ok(())
}

/// Lists keys: one's own, or for admins all.
#[utoipa::path(
    operation_id = "list_keys",get, path = "/api/keys", tag = "keys", params(KeyQuery), responses((status = 200, body = Keys), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    viewer: Viewer,
    query: Query<KeyQuery>,
) -> Result<web::Json<Keys>, Refusal> {
    let query = query.0;
    let status = match query.status.as_deref() {
        None | Some("") => None,
        Some("active") => Some(KeyFilterStatus::Active),
        Some("disabled") => Some(KeyFilterStatus::Disabled),
        Some("expired") => Some(KeyFilterStatus::Expired),
        Some(other) => {
            return Err(Error::invalid_field(
                "status",
                format!("{other:?} is no status; use active, disabled or expired."),
            )
            .into());
        }
    };
    let hint = match query.hint.as_deref() {
        None | Some("") => None,
        Some(word) => Some(
            KeyHint::ALL
                .into_iter()
                .find(|hint| hint.as_str() == word)
                .ok_or_else(|| {
                    Error::invalid_field(
                        "hint",
                        format!("{word:?} is no hint; use no_limit, no_expiry or unused."),
                    )
                })?,
        ),
    };
    let account_id = viewer.scope(parse_field("account_id", query.account_id.as_deref())?);
    let filter = KeyFilter {
        q: query.q.unwrap_or_default(),
        status,
        hint,
        account_id,
    };
    let page = page(query.page, query.page_size)?;
    // A search looks at every key, and what keys have used is read from disk: not on a thread that serves calls.
    let keys = state.keys.clone();
    let (views, total) = web::block(move || keys.list(&filter, page))
        .await
        .map_err(Error::internal)??;
    Ok(web::Json(Keys {
        items: views.iter().map(|view| Key::new(view, &state)).collect(),
        total,
    }))
}

/// Makes a key. The key itself is in this answer and in no other.
#[utoipa::path(
    operation_id = "create_key",post, path = "/api/keys", tag = "keys", request_body = NewKey, responses((status = 201, body = KeyCreated), (status = "default", body = ApiError)))]
pub(super) async fn create(
    state: web::Data<State>,
    viewer: Viewer,
    body: Body<NewKey>,
) -> Result<HttpResponse, Refusal> {
    let body = body.0;
    let own = viewer.account.id;
    let account_id = parse_field("account_id", body.account_id.as_deref())?.unwrap_or(own);
    if account_id != own && !viewer.is_admin() {
        return Err(Error::new(
            Code::Forbidden,
            "Only an admin may make keys for another account.",
        )
        .into());
    }
    let expires_at = body
        .expires_at
        .as_deref()
        .map(|text| time("expires_at", text))
        .transpose()?;
    check_ahead("expires_at", expires_at, state.clock.now())?;
    let new = New {
        account_id,
        name: name("name", &body.name.unwrap_or_default())?,
        expires_at,
        quota: body.quota.unwrap_or_default().into(),
        rate_limit: body.rate_limit.unwrap_or_default().into(),
        permissions: body.permissions.unwrap_or_default().parse()?,
    };
    let (view, secret) = state.keys.create(new, &viewer.actor()).await?;
    Ok(created(&view, &secret, &state))
}

fn created(view: &KeyView, secret: &Secret, state: &State) -> HttpResponse {
    HttpResponse::build(StatusCode::CREATED).json(KeyCreated {
        record: Key::new(view, state),
        key: secret.expose().to_owned(),
    })
}

/// The key with this id, if it is theirs to see.
fn visible(state: &State, viewer: &Viewer, id: &str) -> Result<KeyId, Refusal> {
    let id: KeyId = parse_id(id)?;
    let view = state.keys.show(id)?;
    if viewer.may_see(&view.key) {
        return Ok(id);
    }
    Err(Error::new(
        Code::NotFound,
        "No API key has this id. GET /api/keys lists them.",
    )
    .into())
}

/// Shows a key.
#[utoipa::path(
    operation_id = "show_key",get, path = "/api/keys/{id}", tag = "keys", params(("id" = String, Path)), responses((status = 200, body = Key), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    viewer: Viewer,
    id: web::Path<String>,
) -> Result<web::Json<Key>, Refusal> {
    let id = visible(&state, &viewer, &id)?;
    Ok(web::Json(Key::new(&state.keys.show(id)?, &state)))
}

/// Changes a key, effective for the very next request.
#[utoipa::path(
    operation_id = "update_key",patch, path = "/api/keys/{id}", tag = "keys", params(("id" = String, Path)), request_body = KeyChange, responses((status = 200, body = Key), (status = "default", body = ApiError)))]
pub(super) async fn update(
    state: web::Data<State>,
    viewer: Viewer,
    id: web::Path<String>,
    body: Body<KeyChange>,
) -> Result<web::Json<Key>, Refusal> {
    let id = visible(&state, &viewer, &id)?;
    let body = body.0;
    let disable_at = nullable_time("disable_at", body.disable_at)?;
    check_ahead("disable_at", disable_at.flatten(), state.clock.now())?;
    let change = Change {
        name: body.name.map(|text| name("name", &text)).transpose()?,
        status: body.status.map(Into::into),
        expires_at: nullable_time("expires_at", body.expires_at)?,
        disable_at,
        quota: body.quota.map(Into::into),
        rate_limit: body.rate_limit.map(Into::into),
        permissions: body
            .permissions
            .map(|permissions| permissions.parse())
            .transpose()?,
    };
    let view = state.keys.update(id, change, &viewer.actor()).await?;
    Ok(web::Json(Key::new(&view, &state)))
}

/// Makes a successor with the same name, settings and budget: two live keys do not double it. The key itself is in this
/// answer and in no other.
#[utoipa::path(
    operation_id = "rotate_key",post, path = "/api/keys/{id}/rotate", tag = "keys", params(("id" = String, Path)), request_body = KeyRotation, responses((status = 201, body = KeyCreated), (status = "default", body = ApiError)))]
pub(super) async fn rotate(
    state: web::Data<State>,
    viewer: Viewer,
    id: web::Path<String>,
    body: Body<KeyRotation>,
) -> Result<HttpResponse, Refusal> {
    let id = visible(&state, &viewer, &id)?;
    let body = body.0;
    if body.disable_old_after_s > Some(LONGEST_OVERLAP_S) {
        return Err(Error::invalid_field(
            "disable_old_after_s",
            format!("Write at most {LONGEST_OVERLAP_S} seconds, a year; or leave it out, and disable the old key by hand."),
        )
        .into());
    }
    let expires_at = nullable_time("expires_at", body.expires_at)?;
    check_ahead("expires_at", expires_at.flatten(), state.clock.now())?;
    let rotation = Rotation {
        disable_old_after: body
            .disable_old_after_s
            .map(|seconds| Duration::from_secs(seconds.into())),
        expires_at,
    };
    let (view, secret) = state.keys.rotate(id, rotation, &viewer.actor()).await?;
    Ok(created(&view, &secret, &state))
}

/// Deletes a key for ever. Its calls stay in the log under its name.
#[utoipa::path(
    operation_id = "delete_key",delete, path = "/api/keys/{id}", tag = "keys", params(("id" = String, Path)), responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn delete(
    state: web::Data<State>,
    viewer: Viewer,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let id = visible(&state, &viewer, &id)?;
    state.keys.delete(id, &viewer.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}
