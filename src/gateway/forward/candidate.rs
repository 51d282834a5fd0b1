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
use crate::domain::{AttemptStatus, Channel, ChannelId, Endpoint, Error, Took};
use crate::gateway::accept::{self, Accepted, Unfit};
use crate::gateway::admission::Plan;
use crate::gateway::bill::Bill;
use crate::gateway::carry::{Back, Carry};
use crate::gateway::dialect::crossing::Unreadable as NoAnswer;
use crate::gateway::dialect::{Report, Told};
use crate::gateway::miss::{self, Asked, Blame, Miss};
use crate::gateway::overrides;
use crate::gateway::provider::{self, Answer, Outgoing};
use crate::gateway::rewrite::{self, Changes};
use crate::gateway::upload::Upload;
use crate::gateway::whole::Unreadable;
use crate::gateway::words::{scrub, scrubbed, words};
use crate::state::{Candidate, State, Upstream};

/// A kept connection that the provider has closed shows at once: only then the same candidate is tried again.
const HUNG_UP_WITHIN: Duration = Duration::from_millis(500);
/// What answers with an error within this time is up, and has looked at the call.
const AT_ONCE: Duration = Duration::from_secs(2);
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
    let wire = upstream.channel.kind.goes_to(endpoint, model);
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
    let asked = Asked {
        model,
        body: &plan.request.body,
    };
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
                let accepted = accept::accept(wire, answer, timeouts, &state.clock).await;
                match accepted
                    .map_err(NoGood::Unfit)
                    .and_then(|accepted| carry_back(accepted, back.as_deref(), upstream))
                {
                    Ok(accepted) => {
                        let until = attempt.started();
                        let took = attempt.end(state, bill, AttemptStatus::Ok, Some(status), None);
                        let took = match &accepted {
                            // Not to its first word: a model may think for long.
                            Accepted::Stream { first_event, .. } => {
                                let first = first_event.map(|tick| tick.micros_since(until));
                                Took::ToFirstEvent(first.map_or(took, Duration::from_micros))
                            }
                            Accepted::Bytes(_) => Took::ToFirstEvent(took),
                            Accepted::Whole { .. } => Took::ToEnd(took),
                        };
                        let way = Way {
                            wire,
                            hide_usage: ask_usage && back.is_none(),
                            back: back.take(),
                        };
                        return Ok((Forwarded::Answered { accepted, way }, took));
                    }
                    Err(NoGood::Unfit(Unfit::Unusable(read))) => {
                        attempt.end(state, bill, read.status, Some(status), Some(read.words));
                        return Err(Miss::Unusable(read.status));
                    }
                    Err(NoGood::Answerless(error, used)) => {
                        let words = Some(error.message.clone());
                        let error_status = AttemptStatus::ProviderError;
                        attempt.end(state, bill, error_status, Some(status), words);
                        report(bill, used);
                        return Ok((Forwarded::Answerless(error), Took::Unknown));
                    }
                    Err(NoGood::Unfit(Unfit::Error { answer, body, used })) => {
                        let body = scrub(body, upstream.secrets());
                        let whose = miss::blame(None, &body, asked);
                        if whose == Blame::Client {
                            let words = Some(decided(&words(&body), whose));
                            let error_status = AttemptStatus::ProviderError;
                            attempt.end(state, bill, error_status, Some(status), words);
                            return Ok(inside(state, bill, *answer, body, used, (wire, back)));
                        }
                        bill.waive();
                        Said::inside(&answer, body, state.clock.now())
                    }
                }
            }
            Ok(answer) => Said::read(answer, upstream, state.clock.now()).await,
        };
        let words = words(&said.body);
        let whose = miss::blame(said.status.map(|status| status.as_u16()), &said.body, asked);
        let took = attempt.end(
            state,
            bill,
            AttemptStatus::ProviderError,
            Some(said.http_status),
            Some(decided(&words, whose)),
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
        if whose == Blame::Client {
            let forwarded = Forwarded::Rejected {
                status,
                headers: said.headers,
                body: said.body,
                foreign: back.is_some(),
            };
            return Ok((forwarded, Took::Unknown));
        }
        return Err(Miss::Said {
            at_once: took <= AT_ONCE && said.is_in_words(),
            status: said.status,
            blame: whose,
            retry_after: said.retry_after,
            words,
        });
    }
}

/// Why an answer with a good status is none for the client.
enum NoGood {
    Unfit(Unfit),
    /// It came to nothing by what was asked, and this was used.
    Answerless(Error, Vec<Report>),
}

/// What the call log says of an error: the provider's words, and whose it was taken for.
fn decided(words: &str, whose: Blame) -> String {
    let whose = match whose {
        Blame::Client => "the client's request",
        Blame::Credential => "the operator's credential or account",
        Blame::Model => "the model's name as it is set up",
        Blame::Limit => "the provider's rate limit",
        Blame::Channel => return words.to_owned(),
    };
    // The words may be cut, the rest not.
    let mut words = words.to_owned();
    words.truncate(words.floor_char_boundary(400));
    format!("{words} [taken for: {whose}]")
}

/// Books what the provider says was used.
fn report(bill: &mut Bill, used: Vec<Report>) {
    for used in used {
        bill.report(used);
    }
}

/// An error of the client's behind a good status. It is told as the provider said it, and what was used is to be paid: by its
/// numbers, or else as far as it shows from here, unless it says itself that the request was refused with a status.
fn inside(
    state: &State,
    bill: &mut Bill,
    answer: Answer,
    body: Bytes,
    used: Vec<Report>,
    (wire, back): (Endpoint, Option<Box<Back>>),
) -> (Forwarded, Took) {
    let status = miss::status_inside(&body);
    if status.is_some() && used.is_empty() {
        bill.waive();
    }
    let straight = back.is_none();
    if wire == Endpoint::Responses && straight && answer.is_stream() {
        // Its end is an event of the dialect's, as the client expects it.
        let accepted = Accepted::Stream {
            answer,
            first_event: None,
        };
        let way = Way::straight(wire);
        return (Forwarded::Answered { accepted, way }, Took::Unknown);
    }
    if wire == Endpoint::Responses && straight && status.is_none() {
        let told = Told {
            error: true,
            usage: used.into_iter().find(|used| used.usage().is_some()),
            ..Told::default()
        };
        let accepted = Accepted::Whole { answer, body, told };
        let way = Way::straight(wire);
        return (Forwarded::Answered { accepted, way }, Took::Unknown);
    }
    report(bill, used);
    let said = Said::inside(&answer, body, state.clock.now());
    let forwarded = Forwarded::Rejected {
        status: said.status.unwrap_or(StatusCode::BAD_REQUEST),
        headers: said.headers,
        body: said.body,
        foreign: !straight,
    };
    (forwarded, Took::Unknown)
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
) -> Result<Accepted, NoGood> {
    let (accepted, back) = match (accepted, back) {
        (Accepted::Whole { answer, body, told }, Some(back)) => ((answer, body, told), back),
        (accepted, _) => return Ok(accepted),
    };
    let (answer, body, told) = accepted;
    match back.whole(&body) {
        Ok(body) => Ok(Accepted::Whole { answer, body, told }),
        Err(NoAnswer::Failed(mut error)) => {
            error.message = scrubbed(error.message, upstream.secrets());
            let used = told.usage.into_iter().collect();
            Err(NoGood::Answerless(error, used))
        }
        Err(unreadable @ NoAnswer::Foreign(_)) => Err(NoGood::Unfit(Unfit::Unusable(Unreadable {
            status: AttemptStatus::BrokenAnswer,
            words: scrubbed(unreadable.to_string(), upstream.secrets()),
        }))),
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
