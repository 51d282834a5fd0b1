//! `GET /v1/realtime`: a session over a WebSocket, in which the provider answers what is said and written to it.
//!
//! The session begins as a call does, step by step, and has a place among the concurrent calls as long as it lasts. What it is
//! charged for are its responses: each is a call of its own, admitted, set aside, opened and settled, of which the session's id
//! (`client_request_id`, if the client gave none) tells that they belong together.
//!
//! ```text
//! open (this file) -> connect  one candidate after the other, before the client gets its answer
//!                  -> link     events in both directions -> session  what has to be set aside and settled -> seat
//! ```

mod answer;
mod connect;
mod events;
mod link;
mod seat;
mod session;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use serde::Deserialize;

use super::admission::Refusal;
use super::arrival::{self, Arrival};
use super::errors::Shape;
use super::headers::Own;
use super::pipeline;
use super::request::{Request, Scan};
use super::watch::Death;
use crate::domain::{Code, Endpoint, Error, Result};
use crate::state::State;
use connect::Missed;
use link::Client;
use seat::Guest;
use session::Session;

/// The largest message of a client: OpenAI takes 15 MiB of audio at once.
const MOST_MESSAGE: usize = 16 << 20;
/// What the interface of the preview is called.
const PREVIEW: &str = "realtime=v1";

/// Takes a session from its request on.
#[expect(
    clippy::disallowed_methods,
    reason = "the session ends with its connection, which the server waits for at stop"
)]
pub(super) async fn open(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let arrival = Arrival::note(&state, Endpoint::Realtime, &request);
    let headers = passed_on(&request, state.instance());
    let preview = headers.iter().any(|(_, value)| *value == PREVIEW);
    let path = async {
        // Is it a key that works, used from where it may be?
        let authenticated = arrival.authenticate(&state, arrival::presented_key(&request))?;
        // Is it a WebSocket, and for which model?
        let (mut answer, client) = match upgrade(&request, payload) {
            Ok(socket) => socket,
            Err(error) => return Err(authenticated.refuse(error)),
        };
        let asked = authenticated.ask(model(&request))?;
        // May it? Who could serve it? Not too many at once?
        let routed = asked.authorize()?.route(&state)?;
        let sitting = routed.admit_session(&state)?;
        let mut death: Death = Box::pin(sitting.caller().death());
        let connected = tokio::select! {
            biased;
            error = &mut death => Err(Missed { error, attempts: Vec::new() }),
            connected = connect::connect(&state, &sitting, &headers) => connected,
        };
        let connected = match connected {
            Ok(connected) => connected,
            Err(missed) => return Err(sitting.refuse(missed.error, missed.attempts)),
        };
        let model = sitting.model().to_owned();
        let (arrival, caller, place) = sitting.into_parts();
        Own {
            id: arrival.id,
            overhead_us: state.clock.tick().micros_since(arrival.started),
            caller: Some(&caller),
            limits: Some(state.rate_limits(&caller)),
            lowered_output: None,
        }
        .write(answer.headers_mut());
        let guest = Guest {
            arrival,
            caller,
            model,
            candidate: connected.candidate,
            attempts: connected.attempts,
        };
        let stopped = state.stopped();
        let session = Session::new(state.clone(), guest, place, preview);
        actix_web::rt::spawn(link::carry(session, connected.link, client, death, stopped));
        Ok(answer)
    };
    path.await
        .unwrap_or_else(|refusal: Box<Refusal>| pipeline::refused(&state, Shape::OpenAi, &refusal))
}

/// The answer that makes a WebSocket of the connection, and what comes and goes over it.
fn upgrade(request: &HttpRequest, payload: Payload) -> Result<(HttpResponse, Client)> {
    let upgraded = actix_ws::handle_with_protocols(request, payload, &["realtime"]);
    let (answer, speaks, heard) = upgraded.map_err(|error| {
        let words = format!(
            "GET /v1/realtime is a WebSocket: {error}. Connect to it with a client for WebSockets."
        );
        Error::new(Code::InvalidRequest, words)
    })?;
    let heard = heard
        .max_frame_size(MOST_MESSAGE)
        .aggregate_continuations()
        .max_continuation_size(MOST_MESSAGE);
    Ok((answer, Client { speaks, heard }))
}

/// Which model is asked for: `?model=`.
fn model(request: &HttpRequest) -> Result<Request> {
    #[derive(Deserialize)]
    struct Asked {
        model: Option<String>,
    }
    let asked = Query::<Asked>::from_query(request.query_string()).ok();
    let model = asked.and_then(|asked| asked.into_inner().model);
    let model = model.filter(|model| (1..=256).contains(&model.len()));
    let model = model.ok_or_else(|| {
        let words = "The model is missing. Name one in the address: /v1/realtime?model=…; GET /v1/models lists them.";
        Error::new(Code::InvalidRequest, words).param("model")
    })?;
    Ok(Request {
        body: Bytes::new(),
        scan: Scan {
            model,
            stream: true,
            choices: 1,
            ..Scan::default()
        },
    })
}

/// Headers of the client that go on to the provider; browsers name the interface of the preview in a subprotocol.
fn passed_on(request: &HttpRequest, own: &str) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = arrival::passed_on(request.headers(), own);
    if arrival::subprotocol(request, "openai-beta.") == Some("realtime-v1") {
        let name = HeaderName::from_static("openai-beta");
        headers.push((name, HeaderValue::from_static(PREVIEW)));
    }
    headers
}
