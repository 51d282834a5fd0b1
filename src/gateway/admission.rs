//! The steps before a call is forwarded, each a type made from the last one's value: authenticate, read, authorize, route,
//! rate-limit, reserve, open. A step that fails gives a [`Refusal`], which knows all that was known by then.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::arrival::Arrival;
use super::bill::Bill;
use super::hops;
use super::request::Request;
use super::upload::{self, Upload};
use super::{estimate, rewrite};
use crate::domain::{
    Attempt, Code, Day, Endpoint, Error, Model, Multiplier, Opened, Pieces, Result, without_keys,
};
use crate::state::{Ask, Caller, Fallback, Permit, RateLimitHeaders, Reservation, Route, State};

/// A call that was turned away before it was opened.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) arrival: Arrival,
    /// Whose call it was; `None`: nobody's that is known.
    pub(crate) caller: Option<Caller>,
    model: String,
    stream: bool,
    /// What was tried before.
    attempts: Vec<Attempt>,
}

impl Refusal {
    /// Writes it down, if it was somebody's.
    pub(crate) fn record(&self, state: &State) {
        let Some(caller) = &self.caller else { return };
        let priced = state
            .models
            .find(&self.model)
            .is_some_and(|model| model.price.is_some());
        let opened = opened(
            &self.arrival,
            caller,
            &self.model,
            self.stream,
            priced,
            state.today(),
        );
        state.ledger.refuse(
            opened,
            self.arrival.started,
            &self.error,
            self.attempts.clone(),
        );
    }
}

/// What is written down of a call's beginning.
pub(super) fn opened(
    arrival: &Arrival,
    caller: &Caller,
    model: &str,
    stream: bool,
    priced: bool,
    day: Day,
) -> Opened {
    Opened {
        id: arrival.id,
        started_at: arrival.started_at,
        day,
        key_id: caller.key().id,
        account_id: caller.key().account_id,
        budget_id: caller.key().budget_id,
        endpoint: arrival.endpoint,
        model: without_keys(model),
        stream,
        client_ip: Some(arrival.client_ip),
        user_agent: arrival.user_agent.clone(),
        client_request_id: arrival.client_request_id.clone(),
        reserved: None,
        priced,
    }
}

type Step<T> = Result<T, Box<Refusal>>;

impl Arrival {
    /// Who is it? A key that works, used from where it may be.
    pub(crate) fn authenticate(
        self,
        state: &State,
        presented: Option<&str>,
    ) -> Step<Authenticated> {
        match state.keys.authenticate(presented, self.client_ip) {
            Ok(caller) => {
                let authenticated = Authenticated {
                    arrival: self,
                    caller,
                };
                if authenticated.arrival.is_loop {
                    return Err(authenticated.refuse(hops::looped()));
                }
                Ok(authenticated)
            }
            Err(error) => Err(Box::new(Refusal {
                error,
                arrival: self,
                caller: None,
                model: String::new(),
                stream: false,
                attempts: Vec::new(),
            })),
        }
    }
}

/// It is known who calls.
pub(crate) struct Authenticated {
    arrival: Arrival,
    pub(crate) caller: Caller,
}

impl Authenticated {
    /// What is wanted? The body, up to the limit, and what matters of it.
    pub(crate) async fn read(
        self,
        state: &State,
        declared: Option<u64>,
        content_type: Option<&HeaderValue>,
        payload: Payload,
    ) -> Step<Asked> {
        let arrival = &self.arrival;
        let settings = &state.settings;
        let reading = async {
            if arrival.endpoint.takes_files() {
                let limits = upload::Limits {
                    bytes: settings.upload_limit,
                    idle: settings.timeouts.idle,
                    dir: settings.data_dir.clone(),
                };
                let upload =
                    Upload::read(arrival.endpoint, content_type, declared, payload, limits).await;
                return upload.map(|(request, upload)| (request, Some(upload)));
            }
            let body = read_body(payload, declared, settings.body_limit).await?;
            let request = Request::read_at(arrival.endpoint, arrival.in_path.as_ref(), body)?;
            Ok((request, None))
        };
        let read = tokio::select! {
            // Most bodies are there at once. For one that comes slowly the key may not live long enough.
            biased;
            read = reading => read,
            error = async { self.caller.death().await } => Err(error),
        };
        self.asked(read)
    }

    /// It is known what is asked for, or why not.
    pub(crate) fn ask(self, read: Result<Request>) -> Step<Asked> {
        self.asked(read.map(|request| (request, None)))
    }

    fn asked(self, read: Result<(Request, Option<Upload>)>) -> Step<Asked> {
        match read {
            Ok((request, upload)) => Ok(Asked {
                upload,
                arrival: self.arrival,
                caller: self.caller,
                request,
            }),
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// What is asked for cannot be read.
    pub(crate) fn refuse(self, error: Error) -> Box<Refusal> {
        Box::new(Refusal {
            error,
            arrival: self.arrival,
            caller: Some(self.caller),
            model: String::new(),
            stream: false,
            attempts: Vec::new(),
        })
    }
}

async fn read_body(mut payload: Payload, declared: Option<u64>, limit: usize) -> Result<Bytes> {
    let too_large = || {
        let message = format!(
            "The request body is larger than the {limit} bytes that this gateway takes. Send less, or have the limit raised."
        );
        Error::new(Code::RequestTooLarge, message)
    };
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit))
    {
        return Err(too_large());
    }
    let broken = |_| {
        Error::new(
            Code::InvalidRequest,
            "The request body broke off or could not be read. Send it again.",
        )
    };
    // Most bodies come in one piece, which is used as it is.
    let first = payload
        .next()
        .await
        .transpose()
        .map_err(broken)?
        .unwrap_or_default();
    let Some(second) = payload.next().await.transpose().map_err(broken)? else {
        return if first.len() > limit {
            Err(too_large())
        } else {
            Ok(first)
        };
    };
    let expected = declared
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    let mut body = BytesMut::with_capacity(expected.max(first.len() + second.len()));
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while let Some(piece) = payload.next().await.transpose().map_err(broken)? {
        if body.len() + piece.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    if body.len() > limit {
        Err(too_large())
    } else {
        Ok(body.freeze())
    }
}

/// It is known what is asked for.
pub(crate) struct Asked {
    arrival: Arrival,
    caller: Caller,
    request: Request,
    /// What the request is the beginning of, where that is an upload.
    upload: Option<Upload>,
}

impl Asked {
    fn refuse(self, error: Error) -> Box<Refusal> {
        let Self {
            arrival,
            caller,
            request,
            upload: _,
        } = self;
        Box::new(Refusal {
            error,
            arrival,
            caller: Some(caller),
            model: request.scan.model,
            stream: request.scan.stream,
            attempts: Vec::new(),
        })
    }

    /// May this key use that endpoint and that model?
    pub(crate) fn authorize(self) -> Step<Authorized> {
        match self
            .caller
            .key()
            .permissions
            .check_call(self.arrival.endpoint, &self.request.scan.model)
        {
            Ok(()) => Ok(Authorized(self)),
            Err(error) => Err(self.refuse(error)),
        }
    }
}

/// It is allowed.
pub(crate) struct Authorized(Asked);

impl Authorized {
    /// Who could serve it? Before anything is taken or set aside: what has to be set aside depends on the dearest candidate.
    pub(crate) fn route(self, state: &State) -> Step<Routed> {
        let endpoint = self.0.arrival.endpoint;
        let (caller, scan) = (&self.0.caller, &self.0.request.scan);
        match state.route(caller, &scan.model, endpoint, scan.stream) {
            Ok(route) => {
                let model = state.models.find(&scan.model);
                let prompt_bound = if endpoint.is_free() {
                    0
                } else {
                    prompt_bound(&self.0.request, &route).saturating_add(route.added())
                };
                Ok(Routed {
                    asked: self.0,
                    route,
                    model,
                    prompt_bound,
                })
            }
            Err(error) => Err(self.0.refuse(error)),
        }
    }
}

/// The cheap bound of its prompt, with whichever of its models counts most.
fn prompt_bound(request: &Request, route: &Route) -> u64 {
    let fallbacks = route.fallbacks();
    let with = |(fallback, _): &(Arc<Fallback>, Multiplier)| {
        let mut request = request.clone();
        request.scan.model.clone_from(&fallback.name);
        estimate::prompt_bound(&request)
    };
    let own = estimate::prompt_bound(request);
    fallbacks.iter().map(with).fold(own, u64::max)
}

/// It is known who could serve it.
pub(crate) struct Routed {
    asked: Asked,
    route: Route,
    model: Option<Arc<Model>>,
    prompt_bound: u64,
}

impl Routed {
    /// Not too fast, not too many at once?
    pub(crate) fn admit(self, state: &State) -> Step<Admitted> {
        match state.admit(
            &self.asked.caller,
            estimate::prompt_guess(self.prompt_bound),
        ) {
            Ok(permit) => Ok(Admitted {
                routed: self,
                permit,
            }),
            Err(error) => Err(self.asked.refuse(error)),
        }
    }

    /// Not too many at once? A session has a place among the concurrent calls; its responses are admitted one by one.
    pub(crate) fn admit_session(self, state: &State) -> Step<Sitting> {
        match state.admit_session(&self.asked.caller) {
            Ok(place) => Ok(Sitting {
                asked: self.asked,
                route: self.route,
                place,
            }),
            Err(error) => Err(self.asked.refuse(error)),
        }
    }
}

/// A session that may begin.
pub(crate) struct Sitting {
    asked: Asked,
    /// The candidates, in order.
    pub(crate) route: Route,
    place: Permit,
}

impl Sitting {
    /// The model's public name.
    pub(crate) fn model(&self) -> &str {
        &self.asked.request.scan.model
    }

    /// Whose it is.
    pub(crate) fn caller(&self) -> &Caller {
        &self.asked.caller
    }

    /// It came to nothing.
    pub(crate) fn refuse(self, error: Error, attempts: Vec<Attempt>) -> Box<Refusal> {
        let mut refusal = self.asked.refuse(error);
        refusal.attempts = attempts;
        refusal
    }

    /// What of it is kept as long as it lasts.
    pub(crate) fn into_parts(self) -> (Arrival, Caller, Permit) {
        (self.asked.arrival, self.asked.caller, self.place)
    }
}

/// Its rate is within the limits.
pub(crate) struct Admitted {
    routed: Routed,
    permit: Permit,
}

impl Admitted {
    /// Does its upper bound fit the quotas of key and account? It is set aside. Where the cheap bound does not fit, the tight
    /// one decides what the output is lowered to, or that the call is refused.
    pub(crate) async fn reserve(self, state: &State) -> Step<Reserved> {
        let (mut ask, day) = (self.routed.ask(state), state.today());
        let caller = &self.routed.asked.caller;
        let mut reservation = state.reserve(caller, &ask, day);
        let squeezed = match &reservation {
            Ok(reservation) => reservation.is_squeezed(),
            // No tokenizer is asked for a call that would not fit with no prompt at all.
            Err(_) => {
                let without_prompt = Ask {
                    prompt_tokens: 0,
                    ..ask.clone()
                };
                state.could_fit(caller, &without_prompt, day)
            }
        };
        if squeezed && let Some(tight) = self.routed.tight_bound().await {
            ask.prompt_tokens = tight;
            // Given back before it is set aside anew.
            drop(reservation);
            reservation = state.reserve(caller, &ask, day);
        }
        match reservation {
            Ok(reservation) => Ok(Reserved {
                admitted: self,
                reservation,
                day,
            }),
            Err(error) => Err(self.routed.asked.refuse(error)),
        }
    }
}

impl Routed {
    fn ask(&self, state: &State) -> Ask {
        let (scan, endpoint) = (&self.asked.request.scan, self.asked.arrival.endpoint);
        let fallbacks = self.route.fallbacks();
        let others = fallbacks.iter().map(|(fallback, _)| &fallback.model);
        // What bounds the output of media is no limit that was sent: that of the models may be lower.
        let own_limits = std::iter::once(&self.model)
            .chain(others.clone())
            .map(|model| {
                let limit = model.as_ref().and_then(|model| model.max_output_tokens);
                limit.map_or(u64::MAX, u64::from)
            });
        let most_written = if scan.pieces == Pieces::default() {
            u64::MAX
        } else {
            own_limits.max().unwrap_or(u64::MAX)
        };
        let mut models = std::iter::once(&self.model).chain(others);
        // Where the pieces are what is billed, by whichever model, its provider reports no tokens.
        let by_piece = scan.pieces != Pieces::default()
            && models.all(|model| {
                let price = model.as_ref().and_then(|model| model.price);
                price.is_some_and(|price| price.is_by_piece())
            });
        Ask {
            prompt_tokens: self.prompt_bound,
            hidden_tokens: if endpoint.is_free() {
                0
            } else {
                let fallbacks = fallbacks.iter().map(|(fallback, _)| &fallback.name);
                let models = std::iter::once(&scan.model).chain(fallbacks);
                let hidden = models.map(|model| state.hidden_tokens(model));
                hidden.max().unwrap_or(0)
            },
            generates: endpoint.generates(),
            least_output: rewrite::least_limit(endpoint),
            client_limit: if by_piece {
                Some(0)
            } else {
                scan.output_limit.map(|limit| limit.min(most_written))
            },
            choices: scan.choices,
            pieces: scan.pieces,
            tier: scan.tier,
            model: self.model.clone(),
            multiplier: self.route.dearest(),
            fallbacks,
        }
    }

    /// The tight bound of its prompt, counted off the worker; `None`: it is no tighter.
    async fn tight_bound(&self) -> Option<u64> {
        let added = self.route.added();
        let cheap = self.prompt_bound.saturating_sub(added);
        let request = self.asked.request.clone();
        let candidates = &self.route.candidates;
        // Another model counts images, and all else, in its own way.
        if candidates
            .iter()
            .any(|candidate| candidate.fallback.is_some())
        {
            return None;
        }
        let mut encodings = candidates
            .iter()
            .map(|candidate| estimate::encoding(candidate.upstream_model(&request.scan.model)));
        let first = encodings.next().flatten();
        let encoding = first.filter(|_| encodings.all(|other| other == first));
        drop(encodings);
        let counting =
            tokio::task::spawn_blocking(move || estimate::tight_bound(&request, encoding, cheap));
        let tight = counting.await.ok().filter(|tight| *tight < cheap)?;
        Some(tight.saturating_add(added))
    }
}

/// What it may cost is set aside.
pub(crate) struct Reserved {
    admitted: Admitted,
    reservation: Reservation,
    day: Day,
}

impl Reserved {
    /// Writes the call's opening to the journal, not waiting for the disk. From here on it is settled, whatever happens.
    pub(crate) fn open(self, state: &State) -> Step<Admission> {
        let Self {
            admitted:
                Admitted {
                    routed:
                        Routed {
                            asked,
                            route,
                            model,
                            prompt_bound,
                            ..
                        },
                    permit,
                },
            reservation,
            day,
        } = self;
        let scan = &asked.request.scan;
        let priced = model.as_ref().is_some_and(|model| model.price.is_some());
        let most_output = model.as_ref().and_then(|model| model.max_output_tokens);
        let most_output = most_output.map(u64::from);
        let opened = opened(
            &asked.arrival,
            &asked.caller,
            &scan.model,
            scan.stream,
            priced,
            day,
        );
        let (limits, lowered_output) = (permit.headers(), reservation.lowered_output());
        match state
            .ledger
            .open(opened, asked.arrival.started, reservation, permit)
        {
            Ok(open) => {
                let Asked {
                    arrival,
                    caller,
                    request,
                    upload,
                } = asked;
                let bill = Bill::new(open, model, &request, &state.models);
                Ok(Admission {
                    plan: Plan {
                        arrival,
                        caller,
                        request,
                        upload,
                        route,
                        limits,
                        lowered_output,
                        most_output,
                        prompt_bound,
                    },
                    bill,
                })
            }
            Err(error) => Err(asked.refuse(error)),
        }
    }
}

/// A call that may go: opened, with its bound set aside.
pub(crate) struct Admission {
    pub(crate) plan: Plan,
    pub(crate) bill: Bill,
}

/// What is to be done.
pub(crate) struct Plan {
    pub(crate) arrival: Arrival,
    pub(crate) caller: Caller,
    pub(crate) request: Request,
    /// What the request is the beginning of, where that is an upload.
    pub(crate) upload: Option<Upload>,
    /// The candidates, in order.
    pub(crate) route: Route,
    /// How the key's rate limits stand.
    pub(crate) limits: RateLimitHeaders,
    /// The output limit that must be sent so that the call fits its reservation.
    pub(crate) lowered_output: Option<u64>,
    /// The most that the model writes, in tokens, where it is known.
    pub(crate) most_output: Option<u64>,
    /// An upper bound of the tokens in the prompt.
    pub(crate) prompt_bound: u64,
}

impl Plan {
    /// Reads an upload to its end where it may have to be sent more than once.
    pub(crate) async fn gather(&mut self) -> Result<()> {
        match &mut self.upload {
            Some(upload) if self.route.candidates.len() > 1 => upload.read_to_end().await,
            Some(_) | None => Ok(()),
        }
    }

    /// Whether its body can be sent once more.
    pub(crate) fn can_be_sent_again(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::can_be_sent_again)
    }

    /// In which dialect the client speaks, by the endpoint of its conversations.
    pub(crate) fn conversation(&self) -> Endpoint {
        match (self.arrival.endpoint, &self.arrival.in_path) {
            (Endpoint::CountTokens, Some(_)) => Endpoint::GenerateContent,
            (Endpoint::CountTokens, None) => Endpoint::Messages,
            (endpoint, _) => endpoint,
        }
    }
}
