//! Set-up, log-in, log-out, one's own password.

use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieDuration};
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::domain::Account;
use crate::state::{LoggedIn, State};

use super::body::Body;
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::viewer::{Viewer, client_ip, is_https};

const COOKIE: &str = "real200_session";
/// Browsers take a cookie of this name only with `Secure`, `Path=/` and no `Domain` (RFC 6265bis §4.1.3.2).
const HTTPS_COOKIE: &str = "__Host-real200_session";

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/setup").get(needed).post(set_up))
        .service(at("/session").get(who_am_i).post(log_in).delete(log_out))
        .service(at("/session/password").post(change_password));
}

/// Whether the first admin still has to be made.
#[derive(Serialize, ToSchema)]
pub(super) struct SetupState {
    needed: bool,
    version: String,
}

/// What makes the first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSetup {
    /// Of the link that was printed at the start.
    #[schema(value_type = String)]
    token: Zeroizing<String>,
    username: String,
    #[schema(value_type = String)]
    password: Zeroizing<String>,
}

/// What logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    username: String,
    #[schema(value_type = String)]
    password: Zeroizing<String>,
}

/// What changes one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    #[schema(value_type = String)]
    current_password: Zeroizing<String>,
    #[schema(value_type = String)]
    new_password: Zeroizing<String>,
}

/// A log-in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    account: SessionAccount,
    /// When it ends whatever happens.
    expires_at: String,
    /// The gateway's.
    version: String,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionAccount {
    id: String,
    username: String,
    #[schema(value_type = super::accounts::Role)]
    role: &'static str,
}

impl Session {
    fn new(account: &Account, session: &crate::domain::Session) -> Self {
        Self {
            account: SessionAccount {
                id: account.id.to_string(),
                username: account.username.to_string(),
                role: account.role.as_str(),
            },
            expires_at: session.expires_at.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The session token that a request carries.
pub(super) fn token_of(request: &HttpRequest) -> Option<Zeroizing<String>> {
    let cookie = request
        .cookie(HTTPS_COOKIE)
        .or_else(|| request.cookie(COOKIE))
        .map(|cookie| cookie.value().to_owned());
    let bearer = || {
        request
            .headers()
            .get(AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")
            .map(str::to_owned)
    };
    cookie.or_else(bearer).map(Zeroizing::new)
}

fn cookie(request: &HttpRequest, token: String, seconds: i64) -> Cookie<'static> {
    let https = is_https(request);
    Cookie::build(if https { HTTPS_COOKIE } else { COOKIE }, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(https)
        .max_age(CookieDuration::seconds(seconds))
        .finish()
}

fn logged_in(
    request: &HttpRequest,
    state: &State,
    status: actix_web::http::StatusCode,
    login: &LoggedIn,
) -> HttpResponse {
    let seconds = i64::try_from(state.settings.session_lifetime.as_secs()).unwrap_or(i64::MAX);
    HttpResponse::build(status)
        .cookie(cookie(request, login.token.expose().to_owned(), seconds))
        .json(Session::new(&login.account, &login.session))
}

/// Whether the first admin still has to be made.
#[utoipa::path(
    operation_id = "show_setup",get, path = "/api/setup", tag = "session", responses((status = 200, body = SetupState)))]
pub(super) async fn needed(state: web::Data<State>) -> web::Json<SetupState> {
    web::Json(SetupState {
        needed: state.accounts.is_empty(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Makes the first admin with the one-time token of the set-up link, and logs in.
#[utoipa::path(
    operation_id = "set_up",post, path = "/api/setup", tag = "session", request_body = NewSetup, responses((status = 201, body = Session), (status = "default", body = ApiError)))]
pub(super) async fn set_up(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<NewSetup>,
) -> Result<HttpResponse, Refusal> {
    let NewSetup {
        token,
        username,
        password,
    } = body.0;
    let login = state
        .sessions
        .set_up(&token, &username, password, client_ip(&request))
        .await?;
    Ok(logged_in(
        &request,
        &state,
        actix_web::http::StatusCode::CREATED,
        &login,
    ))
}

/// Logs in; the session is in the cookie.
#[utoipa::path(
    operation_id = "log_in",post, path = "/api/session", tag = "session", request_body = NewSession, responses((status = 200, body = Session), (status = "default", body = ApiError)))]
pub(super) async fn log_in(
    request: HttpRequest,
    state: web::Data<State>,
    body: Body<NewSession>,
) -> Result<HttpResponse, Refusal> {
    let NewSession { username, password } = body.0;
    let login = state
        .sessions
        .log_in(&username, password, client_ip(&request))
        .await?;
    Ok(logged_in(
        &request,
        &state,
        actix_web::http::StatusCode::OK,
        &login,
    ))
}

/// Who is logged in.
#[utoipa::path(
    operation_id = "show_session",get, path = "/api/session", tag = "session", responses((status = 200, body = Session), (status = "default", body = ApiError)))]
pub(super) async fn who_am_i(viewer: Viewer) -> web::Json<Session> {
    web::Json(Session::new(&viewer.account, &viewer.session))
}

/// Logs out: the cookie is worth nothing from now on.
#[utoipa::path(
    operation_id = "log_out",delete, path = "/api/session", tag = "session", responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn log_out(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Refusal> {
    if let Some(token) = token_of(&request) {
        state.sessions.log_out(&token).await?;
    }
    Ok(HttpResponse::NoContent()
        .cookie(cookie(&request, String::new(), 0))
        .finish())
}

/// Changes one's own password; all other log-ins of the account end.
#[utoipa::path(
    operation_id = "change_own_password",post, path = "/api/session/password", tag = "session", request_body = NewPassword, responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn change_password(
    state: web::Data<State>,
    viewer: Viewer,
    body: Body<NewPassword>,
) -> Result<HttpResponse, Refusal> {
    let NewPassword {
        current_password,
        new_password,
    } = body.0;
    state
        .sessions
        .change_password(
            &viewer.account,
            current_password,
            new_password,
            &viewer.session,
            &viewer.actor(),
        )
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
