//! Correcting a call that was booked wrongly, such as one whose provider reported what cannot be.

use actix_web::web::{self, ServiceConfig};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::{self, Booking, CallId, Code, Error, Usage};
use crate::state::State;

use super::body::{Body, parse_id};
use super::calls::{Call, off_worker};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::usd::Usd;
use super::viewer::Admin;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(at("/logs/{id}/correct").post(correct));
}

/// No call used more tokens of a kind.
const MOST_TOKENS: u64 = 1_000_000_000;

/// What is right; a field that is not there stays as it is booked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCorrection {
    /// Why: shown in the call and in the audit log.
    reason: String,
    prompt_tokens: Option<u64>,
    /// Of the prompt, read from the provider's cache.
    cached_tokens: Option<u64>,
    /// Of the prompt, written to the provider's cache.
    cache_write_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    /// Of the completion.
    reasoning_tokens: Option<u64>,
    /// What it cost.
    #[schema(value_type = Option<f64>)]
    cost_usd: Option<Usd>,
}

impl NewCorrection {
    fn reason(&self) -> Result<String, Error> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.len() > 500 {
            let words = "Say in 1 to 500 bytes why the call is corrected.";
            return Err(Error::invalid_field("reason", words));
        }
        Ok(reason.to_owned())
    }

    /// What is right for a call.
    fn booking(&self, call: &domain::Call) -> Result<Booking, Error> {
        let counts = [
            ("prompt_tokens", self.prompt_tokens),
            ("cached_tokens", self.cached_tokens),
            ("cache_write_tokens", self.cache_write_tokens),
            ("completion_tokens", self.completion_tokens),
            ("reasoning_tokens", self.reasoning_tokens),
        ];
        if counts.iter().all(|(_, count)| count.is_none()) && self.cost_usd.is_none() {
            let words = "Give what is right: tokens of some kind, or cost_usd.";
            return Err(Error::invalid_field("cost_usd", words));
        }
        if let Some((field, _)) = counts
            .iter()
            .find(|(_, count)| count.is_some_and(|count| count > MOST_TOKENS))
        {
            let words = format!("No call used more than {MOST_TOKENS} tokens.");
            return Err(Error::invalid_field(*field, words));
        }
        let booked = call.outcome.usage;
        let prompt = self.prompt_tokens.unwrap_or(booked.prompt);
        let completion = self.completion_tokens.unwrap_or(booked.completion);
        let cached = self.cached_tokens.unwrap_or(booked.cached.min(prompt));
        let rest = prompt.saturating_sub(cached);
        let cache_write = self
            .cache_write_tokens
            .unwrap_or(booked.cache_write.min(rest));
        if cached.saturating_add(cache_write) > prompt {
            let words = "The tokens of the cache are of the prompt: there cannot be more of them.";
            return Err(Error::invalid_field("cached_tokens", words));
        }
        let reasoning = self
            .reasoning_tokens
            .unwrap_or(booked.reasoning.min(completion));
        if reasoning > completion {
            let words = "Reasoning is of the completion: there cannot be more of it.";
            return Err(Error::invalid_field("reasoning_tokens", words));
        }
        let cache_write_12h = booked.cache_write_12h.min(cache_write);
        let usage = Usage {
            prompt,
            cached,
            cache_write,
            cache_write_1h: booked.cache_write_1h.min(cache_write - cache_write_12h),
            cache_write_12h,
            completion,
            reasoning,
            ..booked
        };
        let cost = self.cost_usd.map(|cost| cost.0).or(call.outcome.cost);
        Ok(Booking { usage, cost })
    }
}

/// Corrects what a call was booked at, by an entry of its own: totals and quotas follow, and the call shows both.
#[utoipa::path(
    operation_id = "correct_call",post, path = "/api/logs/{id}/correct", tag = "logs", params(("id" = String, Path)), request_body = NewCorrection, responses((status = 200, body = Call), (status = "default", body = ApiError)))]
pub(super) async fn correct(
    state: web::Data<State>,
    admin: Admin,
    id: web::Path<String>,
    body: Body<NewCorrection>,
) -> Result<web::Json<Call>, Refusal> {
    let id: CallId = parse_id(&id)?;
    let (new, actor) = (body.0, admin.0.actor());
    let reason = new.reason()?;
    let right = move |call: &domain::Call| new.booking(call);
    state.correct_call(id, actor, reason, right).await?;
    let ledger = state.ledger.clone();
    let call = off_worker(move || ledger.call(id)).await?;
    match call {
        Some(call) => Ok(web::Json(Call::new(call, &state))),
        None => Err(Error::new(Code::NotFound, "No call has this id.").into()),
    }
}
