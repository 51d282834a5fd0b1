//! The path of a call, top to bottom. Each step makes the next one's value, so that none can be left out or swapped.
//!
//! Everything that must be given back gives itself back when dropped: a client that goes away drops the whole path, and with
//! it the provider's connection, the reservation and the permit, and the call is settled as cancelled.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::accept::Accepted;
use super::admission::{Admission, Plan, Refusal};
use super::array::Array;
use super::arrival::{self, Arrival};
use super::bill::Bill;
use super::content_type::{self, Known};
use super::dialect::{self, Told};
use super::errors::{self, Shape};
use super::forward::{self, Forwarded, Way};
use super::headers::Own;
use super::meter::{Meter, Wanted};
use super::passing::Passing;
use super::provider::{self, Answer};
use super::watch::{Death, Flow, Watched};
use super::words;
use crate::domain::{CallStatus, Code, Endpoint, Error, Result};
use crate::state::State;

/// Takes a call from its arrival to its answer.
pub(crate) async fn call(
    endpoint: Endpoint,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let arrival = Arrival::note(&state, endpoint, &request);
    let shape = Shape::of(&request);
    let path = async {
        // Is it a key that works, used from where it may be?
        let authenticated = arrival.authenticate(&state, arrival::presented_key(&request))?;
        // What does it ask for?
        let asked = authenticated
            .read(
                &state,
                declared_length(&request),
                request.headers().get(header::CONTENT_TYPE),
                payload,
            )
            .await?;
        // May it?
        let authorized = asked.authorize()?;
        // Who could serve it? Asked before anything is taken or set aside: the bound depends on the dearest candidate.
        let routed = authorized.route(&state)?;
        // Not too fast, not too many at once?
        let admitted = routed.admit(&state)?;
        // Does the most that it can cost fit? That is set aside now.
        let reserved = admitted.reserve(&state).await?;
        // From here on it is in the journal, and will be settled whatever happens.
        let admission = reserved.open(&state)?;
        let sent = Sent::forward(admission, &state, request.headers()).await;
        let metered = sent.meter(&state, shape).await;
        Ok(metered.settle(shape).await)
    };
    path.await
        .unwrap_or_else(|refusal: Box<Refusal>| refused(&state, shape, &refusal))
}

fn declared_length(request: &HttpRequest) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The answer to a call that was turned away.
pub(super) fn refused(state: &State, shape: Shape, refusal: &Refusal) -> HttpResponse {
    refusal.record(state);
    let Refusal {
        error,
        arrival,
        caller,
        ..
    } = refusal;
    errors::log_cause(error, arrival.id);
    let overhead_us = state.clock.tick().micros_since(arrival.started);
    let mut answer = shape.answer(error);
    Own {
        id: arrival.id,
        overhead_us,
        caller: caller.as_ref(),
        limits: caller.as_ref().map(|caller| state.rate_limits(caller)),
        lowered_output: None,
    }
    .write(answer.headers_mut());
    answer
}

/// A call that was sent, and what came of it.
struct Sent {
    plan: Plan,
    bill: Bill,
    overhead_us: u64,
    forwarded: Forwarded,
    death: Death,
}

impl Sent {
    /// Sends the call to the candidates of its route, in order, until one takes it.
    async fn forward(admission: Admission, state: &State, headers: &HeaderMap) -> Self {
        let Admission { mut plan, mut bill } = admission;
        let overhead_us = state.clock.tick().micros_since(plan.arrival.started);
        bill.draft(|draft| draft.overhead_us = overhead_us);
        let passed_on = arrival::passed_on(headers, state.instance());
        let mut death: Death = Box::pin(plan.caller.death());
        let forwarded = tokio::select! {
            // A key that has died meanwhile is not forwarded at all.
            biased;
            error = &mut death => Forwarded::Died(error),
            forwarded = async {
                match plan.gather().await {
                    Ok(()) => forward::forward(state, &plan, &passed_on, &mut bill).await,
                    Err(error) => Forwarded::Failed(error),
                }
            } => forwarded,
        };
        Self {
            plan,
            bill,
            overhead_us,
            forwarded,
            death,
        }
    }

    /// Reads what the answer says of its usage: now if it is whole, else while it goes by.
    async fn meter(self, state: &State, shape: Shape) -> Metered {
        let Self {
            plan,
            mut bill,
            overhead_us,
            forwarded,
            death,
        } = self;
        let mut own = HeaderMap::new();
        let Plan {
            arrival,
            caller,
            limits,
            lowered_output,
            ..
        } = &plan;
        Own {
            id: arrival.id,
            overhead_us,
            caller: Some(caller),
            limits: Some(*limits),
            lowered_output: *lowered_output,
        }
        .write(&mut own);
        match forwarded {
            Forwarded::Answered {
                accepted: Accepted::Stream { answer, .. },
                way,
            } => match opened_on_disk(&mut bill).await {
                Ok(()) => stream(&plan, state, bill, answer, way, death, own),
                Err(error) => failed(&plan, bill, &error, shape, own),
            },
            Forwarded::Answered {
                accepted: Accepted::Bytes(answer),
                ..
            } => match opened_on_disk(&mut bill).await {
                Ok(()) => bytes(state, bill, answer, death, own),
                Err(error) => failed(&plan, bill, &error, shape, own),
            },
            Forwarded::Answered {
                accepted: Accepted::Whole { answer, body, told },
                ..
            } => whole(&plan, state, bill, (answer, body, told), own),
            Forwarded::Rejected {
                status,
                headers,
                body,
                foreign,
            } => Metered::Whole {
                bill,
                status: CallStatus::Error,
                error: Some(rejection(status)),
                answer: told_not_to_retry(if foreign || is_unreadable(&headers, &body) {
                    rejected(status, &body, shape, own)
                } else {
                    build(status, headers, own, Known::of_error(&body)).body(body)
                }),
            },
            Forwarded::Answerless(error) => answerless(&plan, bill, &error, shape, own),
            Forwarded::Failed(error) => failed(&plan, bill, &error, shape, own),
            Forwarded::Died(error) => died(bill, &error, shape, own),
        }
    }
}

/// A call whose answer is being, or has been, metered.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once: a box would cost more than the move"
)]
enum Metered {
    /// The answer is whole: it goes out when the call's settling is on disk.
    Whole {
        bill: Bill,
        status: CallStatus,
        error: Option<Code>,
        answer: HttpResponse,
    },
    /// There is nothing to wait for: the answer goes by and is settled with its last frame, or it is settled already.
    Going(HttpResponse),
}

impl Metered {
    /// Settles a whole answer's call, and gives the answer.
    async fn settle(self, shape: Shape) -> HttpResponse {
        let (mut bill, status, error, answer) = match self {
            Self::Going(answer) => return answer,
            Self::Whole {
                bill,
                status,
                error,
                answer,
            } => (bill, status, error, answer),
        };
        bill.draft(|draft| draft.http_status = Some(answer.status().as_u16()));
        match bill.settle(status, error).await {
            Ok(()) => answer,
            // What cannot be written down is not given out.
            Err(error) => shape.answer(&error),
        }
    }
}

/// Adds the gateway's own headers to an answer of its own.
fn add(answer: &mut HttpResponse, own: HeaderMap) {
    for (name, value) in own {
        answer.headers_mut().insert(name, value);
    }
}

/// A provider's answer with the gateway's own headers.
fn build(
    status: StatusCode,
    mut headers: Vec<(HeaderName, HeaderValue)>,
    own: HeaderMap,
    known: Known,
) -> actix_web::HttpResponseBuilder {
    known.replace(&mut headers);
    let mut answer = HttpResponse::build(status);
    for header in headers.into_iter().chain(own) {
        answer.insert_header(header);
    }
    answer
}

/// The code of what a provider rejects as the client's.
fn rejection(status: StatusCode) -> Code {
    match status.as_u16() {
        404 => Code::ModelNotFound,
        413 => Code::RequestTooLarge,
        _ => Code::InvalidRequest,
    }
}

/// The official SDKs try again at a 5xx; what the client got wrong stays wrong.
fn told_not_to_retry(mut answer: HttpResponse) -> HttpResponse {
    if answer.status().is_server_error() {
        let name = HeaderName::from_static("x-should-retry");
        let headers = answer.headers_mut();
        headers.insert(name, HeaderValue::from_static("false"));
    }
    answer
}

/// A call that the provider has worked on and that came to nothing by what was asked: it is paid, and the client is told why.
fn answerless(plan: &Plan, bill: Bill, error: &Error, shape: Shape, own: HeaderMap) -> Metered {
    errors::log_cause(error, plan.arrival.id);
    let mut answer = shape.answer(error);
    add(&mut answer, own);
    Metered::Whole {
        bill,
        status: CallStatus::Error,
        error: Some(error.code),
        answer,
    }
}

/// A provider's error in a dialect that is not the client's, in words of the client's.
fn rejected(status: StatusCode, body: &[u8], shape: Shape, own: HeaderMap) -> HttpResponse {
    let mut said = words::words(body);
    if said.is_empty() {
        said = format!(
            "The provider refused the request with status {} and did not say why. Look at what you sent, or try another model.",
            status.as_u16()
        );
    }
    let mut answer = shape.answer(&Error::new(rejection(status), said));
    *answer.status_mut() = status;
    add(&mut answer, own);
    answer
}

/// Whether a client could make nothing of a refusal: it is empty, or JSON that was broken off.
fn is_unreadable(headers: &[(HeaderName, HeaderValue)], body: &[u8]) -> bool {
    let says_json = provider::header(headers, "content-type").is_some_and(content_type::is_json);
    body.is_empty() || says_json && Known::of_error(body) != Known::Json
}

/// A call that came to nothing by no fault of its own: it costs nothing, and the client is told why.
fn failed(plan: &Plan, mut bill: Bill, error: &Error, shape: Shape, own: HeaderMap) -> Metered {
    bill.waive();
    answerless(plan, bill, error, shape, own)
}

/// Its key has died: the provider's connection is closed, and the client is told at once. What the provider has accepted is
/// charged as far as it is known here.
fn died(mut bill: Bill, error: &Error, shape: Shape, own: HeaderMap) -> Metered {
    let mut answer = shape.answer(error);
    bill.draft(|draft| draft.http_status = Some(answer.status().as_u16()));
    bill.settle_detached(CallStatus::Error, Some(error.code));
    add(&mut answer, own);
    Metered::Going(answer)
}

/// Waits until the call's opening is on disk: no byte of a stream goes out before.
async fn opened_on_disk(bill: &mut Bill) -> Result<()> {
    match bill.open().map(crate::state::OpenCall::durable) {
        Some(durable) => durable.await,
        None => Ok(()),
    }
}

/// A streamed answer.
fn stream(
    plan: &Plan,
    state: &State,
    mut bill: Bill,
    answer: Answer,
    way: Way,
    death: Death,
    own: HeaderMap,
) -> Metered {
    bill.draft(|draft| draft.http_status = Some(answer.status.as_u16()));
    served_at(&mut bill, &answer);
    let (status, headers) = (answer.status, answer.headers.clone());
    let scan = &plan.request.scan;
    let wanted = Wanted {
        endpoint: plan.arrival.endpoint,
        wire: way.wire,
        choices: scan.choices,
        show_usage: scan.include_usage == Some(true),
        hide_usage: way.hide_usage,
    };
    let carried = way.back.map(|back| back.stream());
    let timeouts = bill.timeouts(state.settings.timeouts);
    let meter = Meter::new(wanted, carried, answer, &state.clock, timeouts, bill);
    let mut response = build(status, headers, own, Known::Events);
    response
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header(("x-accel-buffering", "no"));
    let frames = Watched::new(Flow::Events(meter), death);
    let in_path = plan.arrival.in_path.as_ref();
    Metered::Going(if in_path.is_some_and(|in_path| !in_path.events) {
        response.insert_header(header::ContentType::json());
        response.body(Array::of(frames))
    } else {
        response.body(frames)
    })
}

/// Gemini names the tier that it served at in a header, too.
fn served_at(bill: &mut Bill, answer: &Answer) {
    if let Some(word) = answer.header("x-gemini-service-tier") {
        bill.served_at(word);
    }
}

/// An answer of bytes that nobody reads.
fn bytes(state: &State, mut bill: Bill, answer: Answer, death: Death, own: HeaderMap) -> Metered {
    bill.draft(|draft| draft.http_status = Some(answer.status.as_u16()));
    let (status, headers) = (answer.status, answer.headers.clone());
    let timeouts = bill.timeouts(state.settings.timeouts);
    let passing = Passing::new(answer, &state.clock, timeouts, bill);
    Metered::Going(
        build(status, headers, own, Known::Bytes).body(Watched::new(Flow::Bytes(passing), death)),
    )
}

/// Gives out an answer that was read whole.
fn whole(
    plan: &Plan,
    state: &State,
    mut bill: Bill,
    (answer, body, told): (Answer, Bytes, Told),
    own: HeaderMap,
) -> Metered {
    let first_token_us = state.clock.tick().micros_since(plan.arrival.started);
    bill.draft(|draft| draft.first_token_us = Some(first_token_us));
    served_at(&mut bill, &answer);
    bill.deliver(told.pieces, answer.is_json());
    let counted = told
        .usage
        .as_ref()
        .is_some_and(|report| report.says_output() && !report.is_empty());
    if let Some(report) = told.usage {
        bill.report(report);
    }
    if !counted {
        dialect::read_written(plan.arrival.endpoint, &body, bill.written());
    }
    let is_text = dialect::may_be_text(plan.arrival.endpoint) && !answer.is_json();
    let known = if is_text { Known::Text } else { Known::Json };
    Metered::Whole {
        bill,
        // One that has failed by what was asked, as its dialect says it.
        status: if told.error {
            CallStatus::Error
        } else {
            CallStatus::Ok
        },
        error: told.error.then_some(Code::InvalidRequest),
        answer: build(answer.status, answer.headers, own, known).body(body),
    }
}
