//! A streamed answer of Bedrock: binary frames with checksums, each with a piece of the model's own stream in it, given on as the
//! server-sent events that the model's maker sends. A frame that says that the stream has failed becomes the dialect's error.
//! References: Amazon Bedrock API reference, "InvokeModelWithResponseStream"; Amazon Transcribe developer guide, "Event stream
//! encoding" (the frames).

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::http::header::{self, HeaderValue};
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use serde::Deserialize;
use serde_json::Value;

use super::chat_end::ChatEnd;
use super::is_framed;
use crate::domain::Endpoint;
use crate::gateway::provider::answer::{Answer, Body, BrokeOff, Pieces};
use crate::gateway::provider::said;
use crate::gateway::words::words;

/// The most that is held of a frame, in bytes; the services of AWS send none beyond 16 MiB.
const MOST_HELD: usize = 17 << 20;

/// An answer with its frames as events; one that is not framed as it is.
pub(super) fn decoded(mut answer: Answer, endpoint: Endpoint) -> Answer {
    if !is_framed(&answer) {
        return answer;
    }
    answer.body = match answer.body {
        Body::Network(pieces) => Body::Network(Box::pin(Events::new(pieces, endpoint))),
        // Nothing of it was read ahead.
        body @ (Body::Begun(..) | Body::Made(_) | Body::Ended) => body,
    };
    answer.length = None;
    let events = HeaderValue::from_static("text/event-stream; charset=utf-8");
    for (name, value) in &mut answer.headers {
        if *name == header::CONTENT_TYPE {
            value.clone_from(&events);
        }
    }
    answer
}

/// The frames of a body as events.
struct Events {
    pieces: Pieces,
    decoder: Decoder,
    over: bool,
}

impl Events {
    fn new(pieces: Pieces, endpoint: Endpoint) -> Self {
        Self {
            pieces,
            decoder: Decoder::new(endpoint),
            over: false,
        }
    }
}

impl Stream for Events {
    type Item = Result<Bytes, BrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.over {
            let next = std::task::ready!(self.pieces.as_mut().poll_next(context));
            let events = match next {
                Some(Ok(bytes)) => self.decoder.take(&bytes),
                Some(Err(error)) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.over = true;
                    self.decoder.end()
                }
            };
            match events {
                Ok(events) if events.is_empty() => {}
                Ok(events) => return Poll::Ready(Some(Ok(events.into()))),
                Err(broken) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(BrokeOff(broken.to_string()))));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// What came is no stream of frames.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the provider's frames cannot be read: {0}")]
struct Broken(String);

/// Frames to events.
struct Decoder {
    frames: MessageFrameDecoder,
    /// What is not yet a frame, but for its first bytes, which `frames` may have taken.
    held: BytesMut,
    /// A frame has begun that is not whole.
    begun: bool,
    /// The dialect of the model.
    endpoint: Endpoint,
    /// What a stream of OpenAI's dialect ends with.
    end: ChatEnd,
    /// The stream has failed: nothing comes after that.
    failed: bool,
}

/// A piece of the model's stream, in a frame.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: std::borrow::Cow<'a, str>,
}

impl Decoder {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            frames: MessageFrameDecoder::new(),
            held: BytesMut::new(),
            begun: false,
            endpoint,
            end: ChatEnd::default(),
            failed: false,
        }
    }

    /// Takes bytes as they come; gives the events of the frames that are whole.
    fn take(&mut self, bytes: &[u8]) -> Result<String, Broken> {
        self.held.extend_from_slice(bytes);
        self.begun |= !bytes.is_empty();
        let mut events = String::new();
        loop {
            let frame = self.frames.decode_frame(&mut self.held);
            match frame.map_err(|error| Broken(error.to_string()))? {
                DecodedFrame::Incomplete if self.held.len() > MOST_HELD => {
                    return Err(Broken("one is too long".to_owned()));
                }
                DecodedFrame::Incomplete => return Ok(events),
                DecodedFrame::Complete(message) => {
                    self.begun = !self.held.is_empty();
                    let header = |name: &str| {
                        let mut headers = message.headers().iter();
                        let found = headers.find(|header| header.name().as_str() == name)?;
                        found.value().as_string().ok().map(|text| text.as_str())
                    };
                    let kind = match header(":message-type") {
                        Some("exception") => header(":exception-type"),
                        Some("error") => header(":error-code"),
                        Some(_) | None => {
                            // A kind of event that is not known yet says nothing to a client.
                            if header(":event-type") == Some("chunk") {
                                self.chunk(message.payload(), &mut events)?;
                            }
                            continue;
                        }
                    };
                    let said = header(":error-message").map(str::to_owned);
                    let said = said.unwrap_or_else(|| words(message.payload()));
                    self.fail(kind.unwrap_or_default(), &said, &mut events);
                }
            }
        }
    }

    /// The bytes have ended; gives what the dialect ends with.
    fn end(&mut self) -> Result<String, Broken> {
        if self.begun {
            return Err(Broken("the last one is cut short".to_owned()));
        }
        if self.failed || self.endpoint == Endpoint::Messages {
            return Ok(String::new());
        }
        Ok(self.end.events())
    }

    fn chunk(&mut self, payload: &[u8], events: &mut String) -> Result<(), Broken> {
        if self.failed {
            return Ok(());
        }
        let broken = |what: &str| Broken(format!("{what} in a frame"));
        let chunk: Chunk<'_> = serde_json::from_slice(payload).map_err(|_| broken("no chunk"))?;
        let bytes = BASE64_STANDARD
            .decode(chunk.bytes.as_ref())
            .map_err(|_| broken("no base64"))?;
        let data = std::str::from_utf8(&bytes).map_err(|_| broken("no text"))?;
        if self.endpoint == Endpoint::Messages {
            named(data, events);
        } else {
            self.end.note(data);
            unnamed(data, events);
        }
        Ok(())
    }

    /// The stream has failed, and how.
    fn fail(&mut self, kind: &str, said: &str, events: &mut String) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        let error = said::error(self.endpoint, status(kind), Some(kind), said);
        if self.endpoint == Endpoint::Messages {
            named(&error.to_string(), events);
        } else {
            unnamed(&error.to_string(), events);
        }
    }
}

/// The status that goes with an exception.
fn status(kind: &str) -> u16 {
    match kind {
        "validationException" => 400,
        "modelTimeoutException" => 408,
        "modelStreamErrorException" => 424,
        "throttlingException" => 429,
        "serviceUnavailableException" => 503,
        _ => 500,
    }
}

/// An event of Anthropic's: it is named by its type.
fn named(data: &str, events: &mut String) {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: Value,
    }
    let event: Option<Event> = serde_json::from_str(data).ok();
    if let Some(Value::String(kind)) = event.map(|event| event.kind)
        && !kind.contains(['\r', '\n'])
    {
        events.push_str("event: ");
        events.push_str(&kind);
        events.push('\n');
    }
    unnamed(data, events);
}

fn unnamed(data: &str, events: &mut String) {
    for line in data.lines() {
        events.push_str("data: ");
        events.push_str(line);
        events.push('\n');
    }
    events.push('\n');
}

#[cfg(test)]
mod tests;
