//! The provider of a session: one candidate after the other, until one takes it; only before the client has its answer.

use actix_web::http::header::{HeaderName, HeaderValue};

use super::super::admission::Sitting;
use super::super::miss::{self, Asked, Caller, Miss};
use super::super::provider::realtime::{self, Link, NoSession};
use crate::domain::{Attempt, AttemptStatus, CallId, Endpoint, Error, Took};
use crate::state::{AllOut, Candidate, State};

/// A session with a provider.
pub(super) struct Connected {
    pub(super) link: Link,
    pub(super) candidate: Candidate,
    pub(super) attempts: Vec<Attempt>,
}

/// None could be had.
pub(super) struct Missed {
    pub(super) error: Error,
    pub(super) attempts: Vec<Attempt>,
}

/// Begins a session with the candidates of its route, in order.
pub(super) async fn connect(
    state: &State,
    sitting: &Sitting,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Connected, Missed> {
    let (mut last, mut out, mut attempts) = (None, AllOut::default(), Vec::new());
    let model = sitting.model();
    // A session says nothing before it is begun.
    let key = sitting.caller().key().id;
    let caller = Caller::of(key, CallId(uuid::Uuid::nil()), b"");
    for candidate in &sitting.route.candidates {
        let upstream = &candidate.upstream;
        let own_name = candidate.upstream_model(model);
        let turn = state.channels.turn(upstream, Endpoint::Realtime, own_name);
        let turn = match turn {
            Ok(turn) => turn,
            Err(why) => {
                out.note(why);
                continue;
            }
        };
        let timeouts = upstream.timeouts(state.settings.timeouts);
        let begun = state.clock.tick();
        let tried = realtime::connect(upstream, own_name, headers, timeouts).await;
        let attempt = Attempt {
            channel_id: upstream.channel.id,
            credential: upstream.credential_number(),
            endpoint: Endpoint::Realtime,
            status: AttemptStatus::Ok,
            http_status: Some(101),
            latency_us: state.clock.tick().micros_since(begun),
            error: None,
        };
        let (miss, attempt) = match tried {
            Ok(link) => {
                turn.succeed(Some(caller.key), Took::Unknown);
                attempts.push(attempt);
                return Ok(Connected {
                    link,
                    candidate: candidate.clone(),
                    attempts,
                });
            }
            Err(NoSession::Failed(failure)) => {
                let attempt = Attempt {
                    status: failure.status,
                    http_status: None,
                    error: Some(failure.words.clone()),
                    ..attempt
                };
                (Miss::NoAnswer(failure), attempt)
            }
            Err(NoSession::Refused(status)) => {
                let words = format!("the session was refused with status {}", status.as_u16());
                let attempt = Attempt {
                    status: AttemptStatus::ProviderError,
                    http_status: Some(status.as_u16()),
                    error: Some(words.clone()),
                    ..attempt
                };
                let miss = Miss::Said {
                    status: Some(status),
                    blame: miss::blame(Some(status.as_u16()), b"", Asked::default()),
                    retry_after: None,
                    words,
                    at_once: false,
                };
                (miss, attempt)
            }
        };
        attempts.push(attempt);
        miss.tell(turn, caller);
        last = Some(miss);
    }
    let error = last.map_or_else(|| state.channels.all_out(out, model), Miss::into_error);
    Err(Missed { error, attempts })
}
