//! What has been used, by hour or day, by key, model, account or channel: read from totals, never from the calls.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{
    self, AccountId, Error, Grain, KeyId, Period, Scope, ScopeKind, Timestamp, TotalKey,
};
use crate::state::State;

use super::body::{Query, parse_field};
use super::calls::{off_worker, query_time};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::tally::Tally;
use super::viewer::Viewer;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(at("/usage").get(report));
}

/// What to add up.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// Default: 24 hours before `to`.
    from: Option<String>,
    /// Default: now.
    to: Option<String>,
    /// `hour` (default), `day`, or `none` for one sum: over whole hours, or over whole days where it is more than 31.
    bucket: Option<String>,
    /// `key`, `model`, `account` or `channel`; the last two for admins.
    group_by: Option<String>,
    /// Of one key only.
    key_id: Option<String>,
}

/// What has been used.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageReport {
    /// Buckets in which nothing was used are left out.
    items: Vec<UsageRow>,
    total: Tally,
    time_zone: String,
}

/// One bucket of one group.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageRow {
    /// When the bucket begins; null where there are no buckets.
    #[schema(required)]
    bucket: Option<String>,
    #[schema(required)]
    group: Option<UsageGroup>,
    #[serde(flatten)]
    tally: Tally,
}

/// What a row is of.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct UsageGroup {
    id: String,
    name: String,
}

/// Bucket and group of a row: the order of the rows.
type RowKey = (Option<Timestamp>, Option<String>);

/// What is grouped by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GroupBy {
    Nothing,
    Key,
    Model,
    Account,
    Channel,
}

fn group_by(word: Option<&str>, viewer: &Viewer) -> Result<GroupBy, Refusal> {
    let group = match word.unwrap_or("") {
        "" => GroupBy::Nothing,
        "key" => GroupBy::Key,
        "model" => GroupBy::Model,
        "account" if viewer.is_admin() => GroupBy::Account,
        "channel" if viewer.is_admin() => GroupBy::Channel,
        other => return Err(Error::invalid_field("group_by", format!("{other:?} cannot be grouped by; use key, model, account or channel (the last two as an admin).")).into()),
    };
    Ok(group)
}

/// Which totals hold the answer: those of a member, or of one key, are added up from their keys' own.
fn kind(group: GroupBy, narrowed: bool) -> ScopeKind {
    match (group, narrowed) {
        (GroupBy::Nothing, false) => ScopeKind::All,
        (GroupBy::Model, false) => ScopeKind::Model,
        (GroupBy::Model, true) => ScopeKind::KeyModel,
        (GroupBy::Key, _) | (_, true) => ScopeKind::Key,
        (GroupBy::Account, false) => ScopeKind::Account,
        (GroupBy::Channel, false) => ScopeKind::Channel,
    }
}

/// Adds up what has been used.
#[utoipa::path(
    operation_id = "report_usage",get, path = "/api/usage", tag = "usage", params(UsageQuery), responses((status = 200, body = UsageReport), (status = "default", body = ApiError)))]
pub(super) async fn report(
    state: web::Data<State>,
    viewer: Viewer,
    query: Query<UsageQuery>,
) -> Result<web::Json<UsageReport>, Refusal> {
    let query = query.0;
    let to = query_time("to", query.to.as_deref())?
        .unwrap_or_else(|| state.clock.now().after(Duration::from_micros(1)));
    let from = query_time("from", query.from.as_deref())?
        .unwrap_or_else(|| to.before(Duration::from_secs(24 * 3600)));
    let (grain, buckets) = match query.bucket.as_deref().unwrap_or("hour") {
        "hour" => (Grain::Hour, true),
        "day" => (Grain::Day, true),
        "none" if Grain::Hour.covers(to.since(from)) => (Grain::Hour, false),
        "none" => (Grain::Day, false),
        other => {
            return Err(Error::invalid_field(
                "bucket",
                format!("{other:?} is no bucket; use hour, day or none."),
            )
            .into());
        }
    };
    if !grain.covers(to.since(from)) {
        return Err(Error::invalid_field("from", Grain::TOO_LONG).into());
    }
    let group = group_by(query.group_by.as_deref(), &viewer)?;
    let key: Option<KeyId> = parse_field("key_id", query.key_id.as_deref())?;
    if key.is_some() && matches!(group, GroupBy::Account | GroupBy::Channel) {
        return Err(Error::invalid_field(
            "group_by",
            "What one key has used is told by key or model; leave key_id out to group by account or channel.",
        )
        .into());
    }
    let account = viewer.scope(None);
    let kind = kind(group, key.is_some() || account.is_some());
    let ledger = state.ledger.clone();
    let totals = off_worker(move || ledger.usage(kind, grain, from, to, key)).await?;

    let mut rows: BTreeMap<RowKey, (Option<UsageGroup>, domain::Tally)> = BTreeMap::new();
    let mut total = domain::Tally::default();
    for (key, tally) in totals
        .into_iter()
        .filter(|(key, _)| account.is_none_or(|account| is_of(&state, &key.scope, account)))
    {
        let bucket = buckets.then(|| start(&state, &key));
        let group = (group != GroupBy::Nothing)
            .then(|| named(&state, &key.scope, group))
            .flatten();
        let row = rows
            .entry((bucket, group.as_ref().map(|group| group.id.clone())))
            .or_insert_with(|| (group, domain::Tally::default()));
        row.1 = row.1.plus(tally);
        total = total.plus(tally);
    }
    let items = rows
        .into_iter()
        .map(|((bucket, _), (group, tally))| UsageRow {
            bucket: bucket.map(|at| at.to_string()),
            group,
            tally: Tally::from(&tally),
        })
        .collect();
    Ok(web::Json(UsageReport {
        items,
        total: Tally::from(&total),
        time_zone: state.settings.time_zone.name().to_owned(),
    }))
}

/// Whether a total is of one of this account's keys.
fn is_of(state: &State, scope: &Scope, account: AccountId) -> bool {
    let of_key = |id| {
        state
            .keys
            .find(id)
            .is_some_and(|(key, _)| key.account_id == account)
    };
    match scope {
        Scope::Key(id) | Scope::KeyModel(id, _) => of_key(*id),
        Scope::All | Scope::Account(_) | Scope::Model(_) | Scope::Channel(_) | Scope::Budget(_) => {
            false
        }
    }
}

fn start(state: &State, key: &TotalKey) -> Timestamp {
    match key.period {
        Period::Hour(hour) => hour.start(),
        Period::Day(day) => state.settings.time_zone.start_of(day),
        Period::Ever | Period::Month(_) => Timestamp::default(),
    }
}

fn named(state: &State, scope: &Scope, group: GroupBy) -> Option<UsageGroup> {
    let row = |id: String, name: Option<String>| {
        Some(UsageGroup {
            name: name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| id.clone()),
            id,
        })
    };
    match scope {
        Scope::Key(id) => {
            let key = state.keys.find(*id).map(|(key, _)| key);
            row(
                id.to_string(),
                key.map(|key| {
                    if key.name.is_empty() {
                        key.masked.to_string()
                    } else {
                        key.name.clone()
                    }
                }),
            )
        }
        Scope::Model(name) => row(name.clone(), None),
        Scope::KeyModel(_, name) if group == GroupBy::Model => row(name.clone(), None),
        Scope::Account(id) => row(
            id.to_string(),
            state
                .accounts
                .find(*id)
                .map(|account| account.username.to_string()),
        ),
        Scope::Channel(id) => row(
            id.to_string(),
            state.channels.find(*id).map(|channel| channel.name.clone()),
        ),
        Scope::All | Scope::KeyModel(..) | Scope::Budget(_) => None,
    }
}
