//! Accounts, for admins; one's own, for everybody.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroizing;

use crate::domain::{self, AccountId, AccountStatus};
use crate::state::{AccountChange as Change, AccountView, NewAccount as New, State};

use super::balance::Balance;
use super::body::{Body, Query, nullable, page, parse_id};
use super::quota::{Quota, RateLimit};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::tally::Tally;
use super::usd::Usd;
use super::viewer::{Admin, Viewer};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/accounts").get(list).post(create))
        .service(at("/accounts/{id}").get(show).patch(update).delete(delete))
        .service(at("/account").get(own))
        .service(at("/accounts/{id}/top-up").post(top_up));
}

/// A person who logs in.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    id: String,
    username: String,
    #[schema(value_type = Role)]
    role: &'static str,
    #[schema(value_type = Status)]
    status: &'static str,
    created_at: String,
    /// What all its keys together may consume; `total` is its balance.
    quota: Quota,
    /// How fast all its keys together may be used.
    rate_limit: RateLimit,
    /// When less than this is left of the total, webhooks are told `balance.low`; null: never.
    #[schema(required)]
    balance_low_usd: Option<Usd>,
    key_count: usize,
    /// What its keys have used, ever.
    usage: Tally,
    /// What is used and what is left of its quota.
    balance: Balance,
}

impl Account {
    fn new(view: &AccountView, state: &State) -> Self {
        let account = &view.account;
        Self {
            id: account.id.to_string(),
            username: account.username.to_string(),
            role: account.role.as_str(),
            status: account.status.as_str(),
            created_at: account.created_at.to_string(),
            quota: Quota::from(&account.quota),
            rate_limit: RateLimit::from(account.rate_limit),
            balance_low_usd: account.balance_low_usd.map(Usd),
            key_count: view.key_count,
            usage: Tally::from(&view.tally),
            balance: Balance::new(&view.standing(state.today()), state),
        }
    }
}

/// What an account may do in the console.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Admin,
    Member,
}

impl From<Role> for domain::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

/// Whether it works.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Active,
    Disabled,
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Disabled => Self::Disabled,
        }
    }
}

/// Some accounts, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Accounts {
    items: Vec<Account>,
    /// On all pages together.
    total: usize,
}

/// What an account is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    username: String,
    #[schema(value_type = String)]
    password: Zeroizing<String>,
    role: Role,
    quota: Option<Quota>,
    rate_limit: Option<RateLimit>,
    /// When less than this is left of the total, webhooks are told `balance.low`.
    balance_low_usd: Option<Usd>,
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChange {
    username: Option<String>,
    /// Ends the account's log-ins.
    #[schema(value_type = Option<String>)]
    password: Option<Zeroizing<String>>,
    role: Option<Role>,
    status: Option<Status>,
    /// Replaces all nine caps.
    quota: Option<Quota>,
    /// Replaces all three limits.
    rate_limit: Option<RateLimit>,
    /// Null: never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<f64>)]
    balance_low_usd: Option<Option<Usd>>,
}

/// What to add to an account's balance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUp {
    /// More than 0.
    usd: Usd,
}

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountQuery {
    /// Part of the name.
    q: Option<String>,
    /// Counted from 1.
    page: Option<usize>,
    /// 1 to 200.
    page_size: Option<usize>,
}

/// Lists accounts.
#[utoipa::path(
    operation_id = "list_accounts",get, path = "/api/accounts", tag = "accounts", params(AccountQuery), responses((status = 200, body = Accounts), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    _: Admin,
    query: Query<AccountQuery>,
) -> Result<web::Json<Accounts>, Refusal> {
    let query = query.0;
    let (views, total) = state.accounts.list(
        &query.q.unwrap_or_default(),
        page(query.page, query.page_size)?,
    )?;
    Ok(web::Json(Accounts {
        items: views
            .iter()
            .map(|view| Account::new(view, &state))
            .collect(),
        total,
    }))
}

/// Makes an account.
#[utoipa::path(
    operation_id = "create_account",post, path = "/api/accounts", tag = "accounts", request_body = NewAccount, responses((status = 201, body = Account), (status = "default", body = ApiError)))]
pub(super) async fn create(
    state: web::Data<State>,
    admin: Admin,
    body: Body<NewAccount>,
) -> Result<HttpResponse, Refusal> {
    let body = body.0;
    let new = New {
        username: body.username,
        password: body.password,
        role: body.role.into(),
        quota: body.quota.unwrap_or_default().into(),
        rate_limit: body.rate_limit.unwrap_or_default().into(),
        balance_low_usd: body.balance_low_usd.map(|usd| usd.0),
    };
    let view = state.accounts.create(new, &admin.0.actor()).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(Account::new(&view, &state)))
}

/// Shows one's own account: what is used and left of its quota.
#[utoipa::path(
    operation_id = "show_own_account",get, path = "/api/account", tag = "accounts", responses((status = 200, body = Account), (status = "default", body = ApiError)))]
pub(super) async fn own(
    state: web::Data<State>,
    viewer: Viewer,
) -> Result<web::Json<Account>, Refusal> {
    let view = state.accounts.show(viewer.account.id)?;
    Ok(web::Json(Account::new(&view, &state)))
}

/// Shows an account.
#[utoipa::path(
    operation_id = "show_account",get, path = "/api/accounts/{id}", tag = "accounts", params(("id" = String, Path)), responses((status = 200, body = Account), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    _: Admin,
    id: web::Path<String>,
) -> Result<web::Json<Account>, Refusal> {
    Ok(web::Json(Account::new(
        &state.accounts.show(parse_id(&id)?)?,
        &state,
    )))
}

/// Changes an account; its keys follow at once.
#[utoipa::path(
    operation_id = "update_account",patch, path = "/api/accounts/{id}", tag = "accounts", params(("id" = String, Path)), request_body = AccountChange, responses((status = 200, body = Account), (status = "default", body = ApiError)))]
pub(super) async fn update(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
    body: Body<AccountChange>,
) -> Result<web::Json<Account>, Refusal> {
    let id: AccountId = parse_id(&id)?;
    let body = body.0;
    let new_password = body.password.is_some();
    let change = Change {
        username: body.username,
        password: body.password,
        role: body.role.map(Into::into),
        status: body.status.map(Into::into),
        quota: body.quota.map(Into::into),
        rate_limit: body.rate_limit.map(Into::into),
        balance_low_usd: body.balance_low_usd.map(|usd| usd.map(|usd| usd.0)),
    };
    let view = state.accounts.update(id, change, &admin.0.actor()).await?;
    if new_password {
        state.sessions.end_all_of(id).await?;
    }
    Ok(web::Json(Account::new(&view, &state)))
}

/// Raises an account's balance, its `quota.total_usd`; its keys follow at once.
#[utoipa::path(
    operation_id = "top_up_account",post, path = "/api/accounts/{id}/top-up", tag = "accounts", params(("id" = String, Path)), request_body = TopUp, responses((status = 200, body = Account), (status = "default", body = ApiError)))]
pub(super) async fn top_up(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
    body: Body<TopUp>,
) -> Result<web::Json<Account>, Refusal> {
    let (id, amount) = (parse_id(&id)?, body.0.usd.0);
    let view = state.accounts.top_up(id, amount, &admin.0.actor()).await?;
    Ok(web::Json(Account::new(&view, &state)))
}

/// Deletes an account: neither it nor its keys work from now on.
#[utoipa::path(
    operation_id = "delete_account",delete, path = "/api/accounts/{id}", tag = "accounts", params(("id" = String, Path)), responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn delete(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    state
        .accounts
        .delete(parse_id(&id)?, &admin.0.actor())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
