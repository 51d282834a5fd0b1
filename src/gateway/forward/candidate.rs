//! One candidate's turn: the body that it understands, what it answers, and whether that is an answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;

use super::attempt::Try;
use super::said::Said;
use super::{Forwarded, Way};
use crate::domain::{AttemptStatus, Channel, ChannelId, Endpoint, Took};
use crate::gateway::accept::{self, Accepted, Unfit};
use crate::gateway::admission::Plan;
use crate::gateway::bill::Bill;
use crate::gateway::carry::{Back, Carry};
use crate::gateway::meter::Unreadable;
use crate::gateway::miss::{self, Blame, Miss};
use crate::gateway::overrides;
use crate::gateway::provider::{self, Outgoing};
use crate::gateway::rewrite::{self, Changes};
use crate::gateway::upload::Upload;
use crate::gateway::words::{scrub, scrubbed, words};
use crate::state::{Candidate, State, Upstream};

/// A kept connection that the provider has closed shows at once: only then the same candidate is tried again.
const HUNG_UP_WITHIN: Duration = Duration::from_millis(500);
thread_local! {
    /// Channels whose provider does not know `stream_options`, until they change.
    static NO_STREAM_OPTIONS: RefCell<HashMap<ChannelId, Weak<Channel>>> = RefCell::default();
}

/// What came of one candidate; with it, how long it took.
pub(super) async fn try_candidate(
    state: &State,
    plan: &Plan,
    carry: &mut Carry<'_>,
    candidate: &Candidate,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
) -> Result<(Forwarded, Took), Miss> {
    let scan = &plan.request.scan;
    let endpoint = plan.arrival.endpoint;
    let upstream = &candidate.upstream;
    let model = candidate.upstream_model(&scan.model);
    let wire = upstream.channel.kind.serves_with(endpoint, model);
    let wire = wire.unwrap_or(endpoint);
    let carried = carry
        .over(wire, model, most_output(plan, candidate))
        .await
        .map_err(Miss::Inexpressible)?;
    let (over, mut back) = carried.map_or((None, None), |(body, back)| {
        (Some(body), Some(Box::new(back)))
    });
    let has_usage_frame = matches!(wire, Endpoint::Chat | Endpoint::Completions) && scan.stream;
    let mut ask_usage =
        has_usage_frame && scan.include_usage != Some(true) && !lacks_stream_options(upstream);
    let timeouts = upstream.timeouts(state.settings.timeouts);
    let mut again = true;
    loop {
        let body = match &over {
            Some(body) if has_usage_frame && !ask_usage => rewrite::without_stream_options(body),
            Some(body) => body.clone(),
            None => straight(plan, upstream, model, ask_usage),
        };
        let body = overrides::apply(body, &upstream.channel.calling.overrides);
        let attempt = Try::begin(state, upstream, wire, model, bill);
        let outgoing = Outgoing {
            endpoint: wire,
            model,
            stream: scan.stream,
            batch: plan
                .arrival
                .in_path
                .as_ref()
                .is_some_and(|in_path| in_path.batch),
            body: &body,
            upload: plan.upload.as_ref(),
            headers,
            timeouts,
            // Not that of its arrival: signatures hold for minutes only, and other candidates may have taken theirs.
            now: state.clock.now(),
        };
        let said = match provider::send(upstream, outgoing).await {
            Err(failure) => {
                let took = attempt.end(
                    state,
                    bill,
                    failure.status,
                    None,
                    Some(failure.words.clone()),
                );
                if let Some(fault) = plan.upload.as_ref().and_then(Upload::fault) {
                    return Err(Miss::Inexpressible(fault));
                }
                let may_try = failure.hung_up && plan.can_be_sent_again();
                if may_try && std::mem::take(&mut again) && took < HUNG_UP_WITHIN {
                    continue;
                }
                return Err(Miss::NoAnswer(failure));
            }
            Ok(answer) if answer.status.is_success() => {
                let status = answer.status;
                if !endpoint.is_free() {
                    bill.accept(candidate, model);
                }
                let accepted = accept::accept(wire, answer, timeouts).await;
                match accepted.and_then(|accepted| carry_back(accepted, back.as_deref(), upstream))
                {
                    Ok(accepted) => {
                        let took = attempt.end(state, bill, AttemptStatus::Ok, Some(status), None);
                        let took = match &accepted {
                            Accepted::Stream(_) | Accepted::Bytes(_) => Took::ToFirstEvent(took),
                            Accepted::Whole { .. } => Took::ToEnd(took),
                        };
                        let forwarded = Forwarded::Answered {
                            accepted,
                            way: Way {
                                wire,
                                hide_usage: ask_usage && back.is_none(),
                                back: back.take(),
                            },
                        };
                        return Ok((forwarded, took));
                    }
                    Err(Unfit::Unusable(read)) => {
                        attempt.end(state, bill, read.status, Some(status), Some(read.words));
                        return Err(Miss::Unusable(read.status));
                    }
                    Err(Unfit::Error { answer, body }) => {
                        bill.waive();
                        Said::inside(&answer, scrub(body, upstream.secrets()))
                    }
                }
            }
            Ok(answer) => Said::read(answer, upstream, timeouts.idle).await,
        };
        let words = words(&said.body);
        attempt.end(
            state,
            bill,
            AttemptStatus::ProviderError,
            Some(said.http_status),
            Some(words.clone()),
        );
        let status = said.status.unwrap_or(StatusCode::BAD_GATEWAY);
        if ask_usage
            && matches!(status.as_u16(), 400 | 422)
            && memchr::memmem::find(&said.body, b"stream_options").is_some()
        {
            note_no_stream_options(upstream);
            ask_usage = false;
            continue;
        }
        let blame = miss::blame(status, &said.body);
        if blame == Blame::Client {
            let forwarded = Forwarded::Rejected {
                status,
                headers: said.headers,
                body: said.body,
                foreign: back.is_some(),
            };
            return Ok((forwarded, Took::Unknown));
        }
        return Err(Miss::Said {
            status: said.status,
            blame,
            retry_after: said.retry_after,
            words,
        });
    }
}

/// The most that the candidate's model writes in one call; `None`: not known.
fn most_output(plan: &Plan, candidate: &Candidate) -> Option<u64> {
    match &candidate.fallback {
        None => plan.most_output,
        Some(fallback) => {
            let known = fallback.model.as_ref();
            known
                .and_then(|model| model.max_output_tokens)
                .map(u64::from)
        }
    }
}

/// The client's own body for a provider of its dialect.
fn straight(plan: &Plan, upstream: &Upstream, model: &str, ask_usage: bool) -> Bytes {
    let field = rewrite::limit_field(plan.arrival.endpoint, &upstream.channel.base_url);
    rewrite::rewrite(
        &plan.request,
        Changes {
            model,
            include_usage: ask_usage,
            output_limit: plan.lowered_output.map(|limit| (field, limit)),
        },
    )
}

/// A whole answer in the client's dialect: one that cannot be read is none.
fn carry_back(
    accepted: Accepted,
    back: Option<&Back>,
    upstream: &Upstream,
) -> Result<Accepted, Unfit> {
    let (accepted, back) = match (accepted, back) {
        (Accepted::Whole { answer, body, told }, Some(back)) => ((answer, body, told), back),
        (accepted, _) => return Ok(accepted),
    };
    let (answer, body, told) = accepted;
    match back.whole(&body) {
        Ok(body) => Ok(Accepted::Whole { answer, body, told }),
        Err(unreadable) => Err(Unfit::Unusable(Unreadable {
            status: AttemptStatus::BrokenAnswer,
            words: scrubbed(unreadable.to_string(), upstream.secrets()),
        })),
    }
}

fn lacks_stream_options(upstream: &Arc<Upstream>) -> bool {
    NO_STREAM_OPTIONS.with_borrow(|known| {
        known
            .get(&upstream.channel.id)
            .is_some_and(|noted| std::ptr::eq(noted.as_ptr(), Arc::as_ptr(&upstream.channel)))
    })
}

fn note_no_stream_options(upstream: &Arc<Upstream>) {
    let noted = Arc::downgrade(&upstream.channel);
    NO_STREAM_OPTIONS.with_borrow_mut(|known| known.insert(upstream.channel.id, noted));
}
