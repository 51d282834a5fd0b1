//! Who changed what, when, from where; for admins.

use std::collections::BTreeMap;

use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{self, Error};
use crate::state::State;

use super::body::{Query, parse_field};
use super::calls::off_worker;
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::viewer::Admin;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(at("/audit").get(list));
}

/// One change.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditEntry {
    id: String,
    at: String,
    /// Null: the gateway itself or the command line.
    #[schema(required)]
    account_id: Option<String>,
    username: String,
    /// As `noun.verb`.
    action: String,
    target_id: String,
    target_name: String,
    /// Field to old and new value.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    changes: BTreeMap<String, [String; 2]>,
    #[schema(required)]
    client_ip: Option<String>,
}

impl From<domain::AuditEntry> for AuditEntry {
    fn from(entry: domain::AuditEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at.to_string(),
            account_id: entry.account_id.map(|id| id.to_string()),
            username: entry.username,
            action: entry.action,
            target_id: entry.target_id,
            target_name: entry.target_name,
            changes: entry
                .changes
                .into_iter()
                .map(|change| (change.field, [change.old, change.new]))
                .collect(),
            client_ip: entry.client_ip.map(|ip| ip.to_string()),
        }
    }
}

/// Some changes, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLog {
    items: Vec<AuditEntry>,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// `next_cursor` of the lines before.
    cursor: Option<String>,
    /// 1 to 200.
    limit: Option<usize>,
}

/// Lists changes.
#[utoipa::path(
    operation_id = "list_audit_log",get, path = "/api/audit", tag = "audit", params(AuditQuery), responses((status = 200, body = AuditLog), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    _: Admin,
    query: Query<AuditQuery>,
) -> Result<web::Json<AuditLog>, Refusal> {
    let before = parse_field("cursor", query.0.cursor.as_deref())?;
    let limit = query.0.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::invalid_field("limit", "Ask for 1 to 200 lines.").into());
    }
    let audit = state.audit.clone();
    // One more than asked for tells whether there are more.
    let mut entries = off_worker(move || audit.newest(before, limit + 1)).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next_cursor = entries
        .last()
        .filter(|_| more)
        .map(|entry| entry.id.to_string());
    Ok(web::Json(AuditLog {
        items: entries.into_iter().map(AuditEntry::from).collect(),
        next_cursor,
    }))
}
