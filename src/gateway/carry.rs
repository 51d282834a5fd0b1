//! Carrying a call to a provider of another dialect and its answer back: the request is read once, written for each candidate
//! that needs it, and what comes back is read as the provider says it and written as the client understands it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::admission::Plan;
use super::dialect::crossing::answer::{Event, Finish};
use super::dialect::crossing::codec::{self, Reader, Writer};
use super::dialect::crossing::conversation::Request;
use super::dialect::crossing::{Dialect, Head, Target, Unreadable, seal};
use super::estimate;
use super::sse::{self, Frame};
use crate::domain::{Code, Endpoint, Error, Result, Usage};
use crate::outbound::{Caps, Fetcher, Outgoing};
use crate::state::ASSUMED_MAX_OUTPUT;

/// What may be fetched for one address of a request.
const FETCHED: Caps = Caps {
    time: Duration::from_secs(10),
    body: 20 * 1024 * 1024,
};
/// So many addresses are fetched for one request.
const MOST_FETCHED: usize = 20;

/// A request that may have to be carried.
pub(super) struct Carry<'a> {
    plan: &'a Plan,
    fetcher: &'a Fetcher,
    /// As the client sent it.
    said: Option<Arc<Request>>,
    /// With the bytes of what was fetched.
    supplied: Option<Request>,
}

impl<'a> Carry<'a> {
    /// Reads nothing yet: most calls are never carried.
    pub(super) fn new(plan: &'a Plan, fetcher: &'a Fetcher) -> Self {
        Self {
            plan,
            fetcher,
            said: None,
            supplied: None,
        }
    }

    /// The body for a provider's endpoint, and the way back; `None`: its dialect is the client's, and the bytes pass.
    ///
    /// # Errors
    /// When the request is not of its dialect, or cannot be said in the provider's.
    pub(super) async fn over(
        &mut self,
        wire: Endpoint,
        model: &str,
        most_output: Option<u64>,
    ) -> Result<Option<(Bytes, Back)>> {
        let endpoint = self.plan.arrival.endpoint;
        let (Some(client), Some(provider)) = (endpoint.dialect(), wire.dialect()) else {
            return Ok(None);
        };
        // A conversation that went on with another provider has proofs in it which this one would refuse.
        if client == provider && !seal::is_foreign_in(&self.plan.request.body) {
            return Ok(None);
        }
        let said = self.said(client)?;
        self.fetch(&said, provider).await?;
        let target = Target {
            model,
            output_limit: self.plan.lowered_output,
            most_output: most_output.unwrap_or(ASSUMED_MAX_OUTPUT),
        };
        let request = self.supplied.as_ref().unwrap_or(&said);
        let body = codec::write_request(provider, request, &target)?;
        let back = Back {
            client,
            provider,
            head: self.head(said),
        };
        Ok(Some((Bytes::from(body), back)))
    }

    fn said(&mut self, client: Dialect) -> Result<Arc<Request>> {
        if let Some(said) = &self.said {
            return Ok(Arc::clone(said));
        }
        let request = &self.plan.request;
        let mut said = codec::read_request(client, &request.body)?;
        // Gemini's dialect has these in the path.
        said.model.clone_from(&request.scan.model);
        said.stream = request.scan.stream;
        Ok(Arc::clone(self.said.insert(Arc::new(said))))
    }

    fn head(&self, request: Arc<Request>) -> Head {
        let arrival = &self.plan.arrival;
        Head {
            id: arrival.id.to_string().replace('-', ""),
            model: self.plan.request.scan.model.clone(),
            created: u64::try_from(arrival.started_at.as_millis() / 1_000).unwrap_or(0),
            request,
            prompt_tokens: estimate::prompt_guess(self.plan.prompt_bound),
        }
    }

    /// Fetches what the provider does not fetch itself. The addresses are the client's: only those of the public internet.
    async fn fetch(&mut self, said: &Request, provider: Dialect) -> Result<()> {
        let request = self.supplied.as_ref().unwrap_or(said);
        let urls = request.to_fetch(provider);
        if urls.is_empty() {
            return Ok(());
        }
        if urls.len() > MOST_FETCHED {
            let words = format!(
                "The provider of this model takes no addresses, and more than {MOST_FETCHED} would have to be fetched for it. Send the files themselves."
            );
            return Err(Error::new(Code::InvalidRequest, words));
        }
        let fetches = urls.iter().map(|url| fetch(self.fetcher, url));
        let fetched = futures_util::future::try_join_all(fetches).await?;
        let supplied = self.supplied.get_or_insert_with(|| said.clone());
        for (url, (media_type, bytes)) in urls.iter().zip(fetched) {
            supplied.supply(url, &media_type, &bytes);
        }
        Ok(())
    }
}

/// The bytes at an address, and what they are.
async fn fetch(fetcher: &Fetcher, url: &str) -> Result<(String, Bytes)> {
    let refuse = |why: &str| {
        let words = format!(
            "{url:?} could not be fetched for the provider of this model, which takes no addresses: {why}. Send the file itself."
        );
        Error::new(Code::InvalidRequest, words)
    };
    let answer = fetcher
        .fetch(url, Outgoing::Get, FETCHED)
        .await
        .map_err(|error| refuse(&error.to_string()))?;
    if answer.status != 200 {
        return Err(refuse(&format!("the answer has status {}", answer.status)));
    }
    if !answer.whole {
        return Err(refuse("it is larger than 20 MiB, or took too long"));
    }
    let media_type = answer.content_type.as_deref().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() {
        return Err(refuse("the answer does not say what it is (Content-Type)"));
    }
    Ok((media_type.to_owned(), answer.body))
}

/// The way back of an answer.
pub(crate) struct Back {
    client: Dialect,
    provider: Dialect,
    head: Head,
}

impl Back {
    /// A whole answer as the client understands it.
    pub(super) fn whole(&self, body: &[u8]) -> std::result::Result<Bytes, Unreadable> {
        let answer = codec::read_answer(self.provider, body)?;
        Ok(Bytes::from(codec::write_answer(
            self.client,
            &answer,
            &self.head,
        )))
    }

    /// A streamed one.
    pub(super) fn stream(self) -> CarriedStream {
        CarriedStream {
            reader: Reader::new(self.provider),
            writer: Writer::new(self.client, self.head),
            failure: None,
        }
    }
}

/// A stream between two dialects.
pub(crate) struct CarriedStream {
    reader: Reader,
    writer: Writer,
    /// What the client was told of a failure that the provider's answer ended with.
    failure: Option<(Code, String)>,
}

impl CarriedStream {
    /// Whole frames as the client understands them.
    pub(super) fn pass(&mut self, frames: &[u8]) -> std::result::Result<Bytes, Unreadable> {
        let mut out = String::new();
        for frame in sse::split(frames) {
            let Some(data) = Frame::read(frame).data else {
                continue;
            };
            let events = match self.reader.read(&data) {
                Err(Unreadable::Failed(error)) => vec![Event::Failed(error)],
                read => read?,
            };
            self.note(&events);
            for event in events {
                self.writer.write(&event, &mut out);
            }
        }
        Ok(Bytes::from(out))
    }

    /// The provider's bytes have ended as they should.
    pub(super) fn end(&mut self) -> Bytes {
        let events = self.reader.end();
        self.note(&events);
        self.write(&events)
    }

    /// The failure that the client has been told since this was last asked.
    pub(super) fn take_failure(&mut self) -> Option<(Code, String)> {
        self.failure.take()
    }

    fn note(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Failed(error) = event {
                self.failure = Some((error.code, error.message.clone()));
            }
        }
    }

    /// The end at the output limit.
    pub(super) fn cut_off(&mut self, usage: &Usage) -> Bytes {
        let end = [
            Event::Finish(Finish::Length),
            Event::Usage(*usage),
            Event::End,
        ];
        self.write(&end)
    }

    /// The end by a failure.
    pub(super) fn fail(&mut self, error: &Error) -> Bytes {
        let mut told = Error::new(error.code, error.message.clone());
        told.param.clone_from(&error.param);
        self.write(&[Event::Failed(told)])
    }

    fn write(&mut self, events: &[Event]) -> Bytes {
        let mut out = String::new();
        for event in events {
            self.writer.write(event, &mut out);
        }
        Bytes::from(out)
    }
}
