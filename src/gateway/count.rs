//! Counting the tokens of a request, where no provider of the model does.

use std::collections::VecDeque;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;

use super::accept::Accepted;
use super::admission::Plan;
use super::dialect::{self, Told};
use super::estimate;
use super::forward::{Forwarded, Way};
use super::provider::{Answer, Body};
use crate::domain::Error;

/// Counts with a tokenizer: exact for the models whose encoding is known, near enough for the others.
pub(super) async fn here(plan: &Plan) -> Forwarded {
    let model = &plan.request.scan.model;
    let first = plan.route.candidates.first();
    let own_name = first.map_or(model.as_str(), |first| first.upstream_model(model));
    let (encoding, body) = (estimate::encoding(own_name), plan.request.body.clone());
    let counting = tokio::task::spawn_blocking(move || estimate::prompt(encoding, &body));
    match counting.await {
        Ok(tokens) => answered(plan, tokens),
        Err(error) => Forwarded::Failed(Error::internal(error)),
    }
}

fn answered(plan: &Plan, tokens: u64) -> Forwarded {
    let body = dialect::counted(plan.conversation(), tokens).to_string();
    let json = HeaderValue::from_static("application/json");
    let answer = Answer {
        status: StatusCode::OK,
        headers: vec![(header::CONTENT_TYPE, json)],
        length: None,
        body: Body::Made(VecDeque::new()),
    };
    Forwarded::Answered {
        accepted: Accepted::Whole {
            answer,
            body: Bytes::from(body),
            told: Told::default(),
        },
        way: Way::straight(plan.arrival.endpoint),
    }
}
