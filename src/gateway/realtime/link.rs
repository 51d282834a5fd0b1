//! The way of a session's events, in both directions at once, until one side ends it, the key dies, or the gateway stops.

use std::cell::RefCell;
use std::time::Duration;

use actix_http::ws::{Frame, Message, ProtocolError};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Item};
use bytes::BytesMut;
use bytestring::ByteString;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;

use super::super::watch::Death;
use super::session::{Heard, Session};
use crate::domain::{CallStatus, Code, Error};

/// How many events may wait for the provider.
const QUEUE: usize = 32;
/// The largest message of a provider.
const MOST_MESSAGE: usize = 16 << 20;
/// A client that has gone without a word is noticed.
const PING_EVERY: Duration = Duration::from_secs(30);
/// For the last words to a client.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a session ended.
enum Ended {
    /// By its key's death, or because it may not go on: the client is told why.
    Told(Error),
    /// Because it may not go on, or the gateway stops, and nothing was under way any more.
    Left(Error),
    /// The client ended it, or went away.
    ByClient,
    /// The provider ended it, with a word or without.
    ByProvider(Option<CloseReason>),
}

/// The two ends of a session at the client.
pub(super) struct Client {
    pub(super) speaks: actix_ws::Session,
    pub(super) heard: AggregatedMessageStream,
}

/// Carries events between client and provider until the session ends, and settles what is under way then.
pub(super) async fn carry<L>(
    session: Session,
    link: L,
    client: Client,
    death: Death,
    stopped: impl Future<Output = ()>,
) where
    L: Stream<Item = Result<Frame, ProtocolError>> + Sink<Message, Error = ProtocolError>,
{
    let Client { speaks, heard } = client;
    let session = RefCell::new(session);
    let (to_provider, waiting) = mpsc::channel(QUEUE);
    let ended = {
        let (sink, stream) = link.split();
        tokio::select! {
            biased;
            error = death => Ended::Told(error),
            ended = hear(&session, heard, speaks.clone(), to_provider.clone()) => ended,
            ended = say(&session, stream, speaks.clone(), to_provider) => ended,
            () = send(sink, waiting) => Ended::ByProvider(None),
            error = leave(&session, stopped) => Ended::Left(error),
            () = ping(speaks.clone()) => Ended::ByClient,
        }
    };
    // The provider's connection is closed by now.
    let session = session.into_inner();
    match ended {
        Ended::Told(error) | Ended::Left(error) => {
            let event = session.error_event(&error, None);
            let code = if error.code == Code::NoChannelAvailable {
                CloseCode::Away
            } else {
                CloseCode::Policy
            };
            session.settle(CallStatus::Error, Some(error.code), false);
            farewell(speaks, Some(event), reason(code, error.code.as_str())).await;
        }
        Ended::ByClient => session.settle(CallStatus::Cancelled, None, false),
        Ended::ByProvider(Some(reason)) if !session.is_answering() => {
            drop(session);
            farewell(speaks, None, reason).await;
        }
        Ended::ByProvider(_) => {
            let words = "The provider ended the session. Begin another one; if it keeps happening, tell the operator.";
            let error = Error::new(Code::BadGateway, words);
            let event = session.error_event(&error, None);
            session.settle(CallStatus::Error, Some(error.code), true);
            farewell(
                speaks,
                Some(event),
                reason(CloseCode::Error, error.code.as_str()),
            )
            .await;
        }
    }
}

fn reason(code: CloseCode, words: &str) -> CloseReason {
    CloseReason {
        code,
        description: Some(words.to_owned()),
    }
}

/// The last words to a client, if it still listens.
async fn farewell(mut client: actix_ws::Session, event: Option<String>, reason: CloseReason) {
    let words = async {
        if let Some(event) = event {
            client.text(event).await?;
        }
        client.close(Some(reason)).await
    };
    // What a client does not take by then is dropped with its connection.
    let _ = tokio::time::timeout(FAREWELL, words).await;
}

/// From the client to the provider.
async fn hear(
    session: &RefCell<Session>,
    mut heard: AggregatedMessageStream,
    mut client: actix_ws::Session,
    to_provider: mpsc::Sender<Message>,
) -> Ended {
    while let Some(Ok(message)) = heard.recv().await {
        let text = match message {
            AggregatedMessage::Text(text) => text,
            AggregatedMessage::Binary(_) => ByteString::new(),
            AggregatedMessage::Ping(bytes) => {
                if client.pong(&bytes).await.is_err() {
                    return Ended::ByClient;
                }
                continue;
            }
            AggregatedMessage::Pong(_) => continue,
            AggregatedMessage::Close(_) => {
                let _ = client.close(None).await;
                return Ended::ByClient;
            }
        };
        let heard = session.borrow_mut().hear(text);
        let (pass, answer) = match heard {
            Heard::Pass(text) => (Some(text), None),
            Heard::PassWith(text, answer) => (Some(text), Some(answer)),
            Heard::Refused(answer) => (None, Some(answer)),
            Heard::Ignored => (None, None),
        };
        if let Some(text) = pass
            && to_provider.send(Message::Text(text)).await.is_err()
        {
            return Ended::ByProvider(None);
        }
        if let Some(answer) = answer
            && client.text(answer).await.is_err()
        {
            return Ended::ByClient;
        }
    }
    Ended::ByClient
}

/// From the provider to the client.
async fn say(
    session: &RefCell<Session>,
    mut stream: impl Stream<Item = Result<Frame, ProtocolError>> + Unpin,
    mut client: actix_ws::Session,
    to_provider: mpsc::Sender<Message>,
) -> Ended {
    let mut pieces = Pieces::default();
    while let Some(Ok(frame)) = stream.next().await {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Continuation(piece) => match pieces.take(piece) {
                Ok(None) => continue,
                Ok(Some(text)) => text,
                Err(TooLong) => return Ended::ByProvider(None),
            },
            Frame::Ping(bytes) => {
                if to_provider.send(Message::Pong(bytes)).await.is_err() {
                    return Ended::ByProvider(None);
                }
                continue;
            }
            Frame::Binary(_) | Frame::Pong(_) => continue,
            Frame::Close(reason) => return Ended::ByProvider(reason),
        };
        let Ok(text) = ByteString::try_from(text) else {
            return Ended::ByProvider(None);
        };
        let said = session.borrow_mut().say(text);
        let said = match said {
            Ok(said) => said,
            Err(error) => return Ended::Told(error),
        };
        if let Some(opened) = said.opened
            && let Err(error) = opened.await
        {
            return Ended::Told(error);
        }
        if client.text(said.text).await.is_err() {
            return Ended::ByClient;
        }
    }
    Ended::ByProvider(None)
}

/// Sends what is meant for the provider, one after the other.
async fn send(
    mut sink: impl Sink<Message, Error = ProtocolError> + Unpin,
    mut waiting: mpsc::Receiver<Message>,
) {
    while let Some(message) = waiting.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

/// Resolves when the session is to end and nothing is under way.
async fn leave(session: &RefCell<Session>, stopped: impl Future<Output = ()>) -> Error {
    let changed = session.borrow().changed();
    let mut stopped = std::pin::pin!(stopped);
    let mut stopping = false;
    loop {
        if let Some(why) = session.borrow_mut().left() {
            return why;
        }
        tokio::select! {
            () = &mut stopped, if !stopping => {
                stopping = true;
                let words = "The gateway stops. Connect again in a moment.";
                session.borrow_mut().leave(Error::new(Code::NoChannelAvailable, words));
            }
            () = changed.notified() => {}
        }
    }
}

/// Pings the client; ends when there is none.
async fn ping(mut client: actix_ws::Session) {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        if client.ping(b"").await.is_err() {
            return;
        }
    }
}

/// A message that comes in pieces.
#[derive(Default)]
struct Pieces {
    read: BytesMut,
    is_text: bool,
}

struct TooLong;

impl Pieces {
    /// Takes a piece; gives the text that it ends.
    fn take(&mut self, piece: Item) -> Result<Option<bytes::Bytes>, TooLong> {
        let (bytes, last) = match piece {
            Item::FirstText(bytes) => {
                self.is_text = true;
                (bytes, false)
            }
            Item::FirstBinary(bytes) => {
                self.is_text = false;
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        self.read.extend_from_slice(&bytes);
        if self.read.len() > MOST_MESSAGE {
            return Err(TooLong);
        }
        let whole = last.then(|| self.read.split().freeze());
        Ok(whole.filter(|_| self.is_text))
    }
}
