//! Forwarding: one candidate after the other, until one answers. Only before the first byte, and only where another
//! candidate may do better: no connection, no answer in time, a provider that is out or over its limits, the operator's
//! credential refused, an error or nothing usable behind a good status. What the client got wrong is wrong everywhere and goes
//! back to it as the provider said it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;

use super::accept::{self, Accepted, Unfit};
use super::admission::Plan;
use super::bill::Bill;
use super::carry::{Back, Carry};
use super::count;
use super::meter::Unreadable;
use super::miss::{self, Blame, Miss};
use super::overrides;
use super::provider::{self, Answer, Outgoing};
use super::rewrite::{self, Changes};
use super::upload::Upload;
use super::words::{cut, scrub, words};
use crate::crypto;
use crate::domain::{Attempt, AttemptStatus, Channel, ChannelId, Endpoint, Error, Took};
use crate::state::{AllOut, Candidate, State, Upstream};

/// The most that is read of a provider's error.
const ERROR_BYTES: usize = 64 * 1024;
/// A kept connection that the provider has closed shows at once: only then the same candidate is tried again.
const HUNG_UP_WITHIN: Duration = Duration::from_millis(500);
/// The least wait before the same candidate is tried once more; the most is twice as long.
const BACK_OFF: Duration = Duration::from_millis(20);

thread_local! {
    /// Channels whose provider does not know `stream_options`, until they change.
    static NO_STREAM_OPTIONS: RefCell<HashMap<ChannelId, Weak<Channel>>> = RefCell::default();
}

/// What came of it.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once: a box would cost more than the move"
)]
pub(crate) enum Forwarded {
    /// A provider took the call and answers.
    Answered { accepted: Accepted, way: Way },
    /// A provider says that the client is wrong.
    Rejected {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
        /// It says so in another dialect than the client's.
        foreign: bool,
    },
    /// None could be had.
    Failed(Error),
    /// The key died before one could.
    Died(Error),
}

/// How an answer comes back to the client.
pub(crate) struct Way {
    /// The provider's endpoint that answers.
    pub(crate) wire: Endpoint,
    /// Into the client's dialect, where that is another one.
    pub(crate) back: Option<Box<Back>>,
    /// The usage frame was asked for by the gateway alone: the client is not to see it.
    pub(crate) hide_usage: bool,
}

impl Way {
    /// As it is.
    pub(super) fn straight(wire: Endpoint) -> Self {
        Self {
            wire,
            back: None,
            hide_usage: false,
        }
    }
}

/// What came of the candidates so far.
#[derive(Default)]
struct Tried<'a> {
    last: Option<Miss>,
    out: AllOut,
    /// The channel that was tried last, where it failed by itself: another of its credentials does no better.
    failing: Option<&'a Candidate>,
    /// The last one whose failure may pass.
    may_pass: Option<&'a Candidate>,
}

impl<'a> Tried<'a> {
    fn note(&mut self, candidate: &'a Candidate, miss: Miss) {
        self.failing = (!miss.is_the_credentials()).then_some(candidate);
        if miss.may_pass() {
            self.may_pass = Some(candidate);
        }
        // What a provider said says more than that another one could not be asked.
        if self.last.is_none() || !matches!(miss, Miss::Inexpressible(_)) {
            self.last = Some(miss);
        }
    }
}

/// Sends the call to the candidates of its route, in order. Where none is left and the last failure may pass, that candidate is
/// tried once more after a moment.
pub(crate) async fn forward(
    state: &State,
    plan: &Plan,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
) -> Forwarded {
    let mut tried = Tried::default();
    let counts = plan.arrival.endpoint == Endpoint::CountTokens;
    let mut carry = Carry::new(plan, &state.fetcher);
    for candidate in &plan.route.candidates {
        let kind = candidate.upstream.channel.kind;
        let own_name = candidate.upstream_model(&plan.request.scan.model);
        if counts && !kind.counts_tokens(plan.conversation(), own_name) {
            continue;
        }
        if tried
            .failing
            .is_some_and(|failing| failing.is_as_good_as(candidate))
        {
            continue;
        }
        let done = give_turn(
            state, plan, &mut carry, candidate, headers, bill, &mut tried,
        )
        .await;
        if let Some(forwarded) = done {
            return forwarded;
        }
    }
    if counts {
        return count::here(plan).await;
    }
    if let Some(candidate) = tried.may_pass.filter(|_| plan.can_be_sent_again()) {
        tokio::time::sleep(back_off()).await;
        let done = give_turn(
            state, plan, &mut carry, candidate, headers, bill, &mut tried,
        )
        .await;
        if let Some(forwarded) = done {
            return forwarded;
        }
    }
    let Tried { last, out, .. } = tried;
    let model = &plan.request.scan.model;
    Forwarded::Failed(last.map_or_else(|| state.channels.all_out(out, model), Miss::into_error))
}

/// So long after a failure the same candidate is tried once more: long enough for a restart of a provider's process, or the next
/// one behind its balancer; calls that failed together do not come back together.
fn back_off() -> Duration {
    let jitter = u16::from_be_bytes(crypto::random().unwrap_or_default());
    BACK_OFF + BACK_OFF * u32::from(jitter) / u32::from(u16::MAX)
}

/// Tries one candidate, if its channel takes the call; `None`: the next one's turn.
async fn give_turn<'a>(
    state: &State,
    plan: &'a Plan,
    carry: &mut Carry<'_>,
    candidate: &'a Candidate,
    headers: &[(HeaderName, HeaderValue)],
    bill: &mut Bill,
    tried: &mut Tried<'a>,
) -> Option<Forwarded> {
    let model = candidate.upstream_model(&plan.request.scan.model);
    let turn = match state.channels.turn(&candidate.upstream, model) {
        Ok(turn) => turn,
        Err(why) => {
            tried.out.note(why);
            return None;
        }
    };
    match try_candidate(state, plan, carry, candidate, headers, bill).await {
        Ok((forwarded, took)) => {
            turn.succeed(model, took);
            Some(forwarded)
        }
        Err(miss) => {
            bill.waive();
            // A provider that does not want a file may hang up in the middle of it: that tells nothing of its health.
            if !(plan.upload.is_some() && miss.hung_up()) {
                miss.tell(turn, model);
            }
            tried.note(candidate, miss);
            None
        }
    }
}

/// What came of one candidate; with it, how long it took.
async fn try_candidate(
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
                match accepted.and_then(|accepted| carry_back(accepted, back.as_deref())) {
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
fn carry_back(accepted: Accepted, back: Option<&Back>) -> Result<Accepted, Unfit> {
    let (accepted, back) = match (accepted, back) {
        (Accepted::Whole { answer, body, told }, Some(back)) => ((answer, body, told), back),
        (accepted, _) => return Ok(accepted),
    };
    let (answer, body, told) = accepted;
    match back.whole(&body) {
        Ok(body) => Ok(Accepted::Whole { answer, body, told }),
        Err(unreadable) => Err(Unfit::Unusable(Unreadable {
            status: AttemptStatus::BrokenAnswer,
            words: unreadable.to_string(),
        })),
    }
}

/// An error as a provider said it.
struct Said {
    /// The status of its answer.
    http_status: StatusCode,
    /// What that, or the error inside it, says; `None`: a good status and an error without one.
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Said {
    /// By its status.
    async fn read(answer: Answer, upstream: &Upstream, idle: Duration) -> Self {
        let (status, retry_after) = (answer.status, retry_after(&answer));
        let (headers, body) = read_error(answer, upstream, idle).await;
        Self {
            http_status: status,
            status: Some(status),
            retry_after,
            headers,
            body,
        }
    }

    /// Inside an answer with a good status. What the client may get of it is plain JSON, streamed or not.
    fn inside(answer: &Answer, body: Bytes) -> Self {
        Self {
            http_status: answer.status,
            status: miss::status_inside(&body),
            retry_after: retry_after(answer),
            headers: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            body,
        }
    }
}

/// One try, noted as cancelled until it has ended: that is how it ended if the client goes away in the middle.
struct Try {
    started: crate::clock::Tick,
}

impl Try {
    fn begin(
        state: &State,
        upstream: &Upstream,
        wire: Endpoint,
        model: &str,
        bill: &mut Bill,
    ) -> Self {
        let channel_id = upstream.channel.id;
        bill.draft(|draft| {
            draft.channel_id = Some(channel_id);
            draft.upstream_model = Some(model.to_owned());
            draft.attempts.push(Attempt {
                channel_id,
                credential: upstream.credential_number(),
                endpoint: wire,
                status: AttemptStatus::Cancelled,
                http_status: None,
                latency_us: 0,
                error: None,
            });
        });
        Self {
            started: state.clock.tick(),
        }
    }

    fn end(
        self,
        state: &State,
        bill: &mut Bill,
        status: AttemptStatus,
        http_status: Option<StatusCode>,
        error: Option<String>,
    ) -> Duration {
        let latency_us = state.clock.tick().micros_since(self.started);
        bill.draft(|draft| {
            if let Some(attempt) = draft.attempts.last_mut() {
                attempt.status = status;
                attempt.http_status = http_status.map(|status| status.as_u16());
                attempt.latency_us = latency_us;
                attempt.error = error.map(cut);
            }
        });
        Duration::from_micros(latency_us)
    }
}

/// Reads an error's body, up to a bound, without the channel's secrets should the provider repeat it.
pub(super) async fn read_error(
    answer: Answer,
    upstream: &Upstream,
    idle: Duration,
) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
    let read = answer.body.read_up_to(ERROR_BYTES, idle).await;
    (answer.headers, scrub(read, upstream.secrets()))
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    answer
        .header("retry-after")?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
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
