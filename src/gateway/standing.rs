//! What a key can ask about itself: the models it may use, what it and its account have left, what it has used.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::arrival::{client_ip, presented_key};
use super::errors::{self, Shape};
use super::headers::Own;
use crate::domain::{
    Code, Consumption, Error, Grain, Headroom, Money, Period, Result, Scope, ScopeKind, Tally,
    Timestamp, Window,
};
use crate::state::{Caller, ServedModel, Standing, State};

/// Asks who it is, answers, and puts the gateway's headers on whatever comes of it.
async fn answer<F: Future<Output = Result<Value>>>(
    state: &Data<State>,
    request: &HttpRequest,
    respond: impl FnOnce(Caller) -> F,
) -> HttpResponse {
    let (id, started) = (state.ledger.next_id(), state.clock.tick());
    let authenticated = state.keys.authenticate(
        presented_key(request),
        client_ip(request, &state.settings.trusted_proxies),
    );
    let (caller, result) = match authenticated {
        Ok(caller) => (Some(caller.clone()), respond(caller).await),
        Err(error) => (None, Err(error)),
    };
    let mut answer = match result {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(error) => {
            errors::log_cause(&error, id);
            Shape::of(request).answer(&error)
        }
    };
    let mut own = HeaderMap::new();
    let overhead_us = state.clock.tick().micros_since(started);
    Own {
        id,
        overhead_us,
        caller: caller.as_ref(),
        limits: caller.as_ref().map(|caller| state.rate_limits(caller)),
        lowered_output: None,
    }
    .write(&mut own);
    for (name, value) in own {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// `GET /v1/models` and `/v1beta/models`: the models that this key may use, as the client's provider lists them.
pub(crate) async fn models(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let shape = Shape::of(&request);
    answer(&state, &request, async |caller| {
        let allowed = allowed(&state, &caller);
        let described = allowed.iter().map(|model| described(&state, shape, model));
        let models: Vec<Value> = described.collect();
        Ok(match shape {
            Shape::OpenAi => json!({"object": "list", "data": models}),
            Shape::Google => json!({ "models": models }),
            Shape::Anthropic => {
                let id = |model: Option<&ServedModel>| model.map(|model| model.name.clone());
                json!({"data": models, "has_more": false, "first_id": id(allowed.first()), "last_id": id(allowed.last())})
            }
        })
    })
    .await
}

/// `GET /v1/models/{model}` and `/v1beta/models/{model}`: one of them.
pub(crate) async fn model(
    state: Data<State>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    let shape = Shape::of(&request);
    answer(&state, &request, async |caller| {
        let found = one(&state, &caller, &name)?;
        Ok(described(&state, shape, &found))
    })
    .await
}

/// The model of this name, if the key may use it.
fn one(state: &State, caller: &Caller, name: &str) -> Result<ServedModel> {
    let found = allowed(state, caller)
        .into_iter()
        .find(|model| model.name == name);
    found.ok_or_else(|| {
        let message =
            format!("This API key can use no model {name:?}. GET /v1/models lists those it can.");
        Error::new(Code::ModelNotFound, message).param("model")
    })
}

fn allowed(state: &State, caller: &Caller) -> Vec<ServedModel> {
    let mut models = state.channels.served_models();
    models.retain(|model| caller.key().permissions.allows_model(&model.name));
    models
}

/// A model as a provider describes one (OpenAI API, "The model object"; Claude API, "Get a Model"; Gemini API, "Models").
fn described(state: &State, shape: Shape, model: &ServedModel) -> Value {
    let name = &model.name;
    let known = state.models.find(name);
    let context = known.as_deref().and_then(|known| known.context_tokens);
    let output = known.as_deref().and_then(|known| known.max_output_tokens);
    match shape {
        Shape::OpenAi => {
            json!({"id": name, "object": "model", "created": model.created_at.as_millis() / 1_000, "owned_by": model.owned_by})
        }
        Shape::Anthropic => json!({
            "type": "model", "id": name, "display_name": name, "created_at": model.created_at.to_string(), "lifecycle": "active",
            "max_input_tokens": context, "max_tokens": output,
        }),
        Shape::Google => json!({
            "name": format!("models/{name}"), "displayName": name, "inputTokenLimit": context, "outputTokenLimit": output,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        }),
    }
}

/// `GET /v1/balance`: what this key and its account have left.
pub(crate) async fn balance(state: Data<State>, request: HttpRequest) -> HttpResponse {
    answer(&state, &request, async |caller| balance_of(&state, &caller)).await
}

/// `GET /v1/dashboard/user/info`: the same, with who they are.
pub(crate) async fn user_info(state: Data<State>, request: HttpRequest) -> HttpResponse {
    answer(&state, &request, async |caller| {
        let (key, account) = (caller.key(), caller.account());
        Ok(json!({
            "object": "user_info",
            "account": {"id": account.id.to_string(), "username": account.username.as_str(), "status": account.status.as_str()},
            "key": {
                "id": key.id.to_string(), "name": key.name, "masked": key.masked.as_str(), "status": key.status_at(state.clock.now()).as_str(),
                "expires_at": key.expires_at.map(|at| at.to_string()),
                "disable_at": key.disable_at.map(|at| at.to_string()),
            },
            "balance": balance_of(&state, &caller)?,
        }))
    })
    .await
}

fn balance_of(state: &State, caller: &Caller) -> Result<Value> {
    let balance = state.balance(caller);
    let zone = &state.settings.time_zone;
    let (month, day) = (balance.key.used.month, balance.key.used.day);
    Ok(json!({
        "object": "balance",
        "key": standing(&balance.key)?,
        "account": standing(&balance.account)?,
        "currency": "USD",
        "resets_at": {"monthly": zone.end_of_month(month).to_string(), "daily": zone.end_of_day(day).to_string()},
    }))
}

/// What is left (null: no cap) and used in each window, and what is set aside for calls in flight, which is not left.
fn standing(standing: &Standing) -> Result<Value> {
    let amounts = |amount: Consumption| -> Result<Value> {
        Ok(json!({"usd": usd(amount.usd)?, "tokens": amount.tokens, "requests": amount.requests}))
    };
    let (mut remaining, mut used) = (serde_json::Map::new(), serde_json::Map::new());
    for window in Window::ALL {
        let name = window.as_str().to_owned();
        let left: Headroom = standing.left(window);
        remaining.insert(name.clone(), json!({"usd": left.usd.map(usd).transpose()?, "tokens": left.tokens, "requests": left.requests}));
        used.insert(name, amounts(standing.used.of(window))?);
    }
    Ok(json!({"remaining": remaining, "used": used, "reserved": amounts(standing.reserved.total)?}))
}

/// Money as a JSON number of dollars.
fn usd(money: Money) -> Result<Value> {
    serde_json::from_str(&money.to_string()).map_err(Error::internal)
}

/// What of a key's usage is asked for.
#[derive(Deserialize)]
pub(crate) struct UsageQuery {
    from: Option<String>,
    to: Option<String>,
    bucket: Option<String>,
    group_by: Option<String>,
}

/// One bucket, of one model where grouped.
#[derive(Serialize)]
struct UsageRow {
    bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    requests: u64,
    prompt_tokens: u64,
    cached_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    cost_usd: Box<RawValue>,
    unpriced_requests: u64,
}

/// `GET /v1/usage`: what this key has used, by hour or day, and by model if asked.
pub(crate) async fn usage(state: Data<State>, request: HttpRequest) -> HttpResponse {
    answer(&state, &request, async |caller| {
        let query = web::Query::<UsageQuery>::from_query(request.query_string()).map_err(|e| {
            Error::new(
                Code::InvalidRequest,
                format!("The query cannot be read: {e}."),
            )
        })?;
        let time = |text: &Option<String>, field: &str| {
            let read = |text: &String| {
                Timestamp::parse(text).map_err(|_| {
                    Error::new(
                        Code::InvalidRequest,
                        format!("{field} is no time; write one such as 2026-11-24T07:00:00Z."),
                    )
                    .param(field)
                })
            };
            text.as_ref().map(read).transpose()
        };
        let now = state.clock.now().after(Duration::from_micros(1));
        let to = time(&query.to, "to")?.unwrap_or(now);
        let (grain, back) = match query.bucket.as_deref().unwrap_or("day") {
            "hour" => (Grain::Hour, Duration::from_secs(24 * 3_600)),
            "day" => (Grain::Day, Duration::from_secs(30 * 24 * 3_600)),
            _ => {
                return Err(
                    Error::new(Code::InvalidRequest, "bucket is hour or day.").param("bucket")
                );
            }
        };
        let from = time(&query.from, "from")?.unwrap_or_else(|| to.before(back));
        if !grain.covers(to.since(from)) {
            return Err(Error::new(Code::InvalidRequest, Grain::TOO_LONG).param("from"));
        }
        let kind = match query.group_by.as_deref() {
            None | Some("") => ScopeKind::Key,
            Some("model") => ScopeKind::KeyModel,
            Some(_) => {
                return Err(
                    Error::new(Code::InvalidRequest, "group_by is model, or left out.")
                        .param("group_by"),
                );
            }
        };
        let (ledger, key) = (state.ledger.clone(), caller.key().id);
        let totals = web::block(move || ledger.usage(kind, grain, from, to, Some(key)))
            .await
            .map_err(Error::internal)??;
        let mut rows = BTreeMap::new();
        for (key, tally) in totals {
            let model = match key.scope {
                Scope::KeyModel(_, model) => Some(model),
                Scope::All
                | Scope::Key(_)
                | Scope::Account(_)
                | Scope::Model(_)
                | Scope::Channel(_)
                | Scope::Budget(_) => None,
            };
            let begins = match key.period {
                Period::Hour(hour) => hour.start(),
                Period::Day(day) => state.settings.time_zone.start_of(day),
                Period::Ever | Period::Month(_) => Timestamp::default(),
            };
            let sum: &mut Tally = rows.entry((begins, model)).or_default();
            *sum = sum.plus(tally);
        }
        let items = rows
            .into_iter()
            .map(|((begins, model), tally)| row(begins, model, &tally))
            .collect::<Result<Vec<_>>>()?;
        Ok(json!({"object": "list", "data": items, "time_zone": state.settings.time_zone.name()}))
    })
    .await
}

fn row(begins: Timestamp, model: Option<String>, tally: &Tally) -> Result<Value> {
    serde_json::to_value(UsageRow {
        bucket: begins.to_string(),
        model,
        requests: tally.requests,
        prompt_tokens: tally.prompt_tokens,
        cached_tokens: tally.cached_tokens,
        completion_tokens: tally.completion_tokens,
        total_tokens: tally.total_tokens(),
        cost_usd: RawValue::from_string(tally.cost.to_string()).map_err(Error::internal)?,
        unpriced_requests: tally.unpriced_requests,
    })
    .map_err(Error::internal)
}
