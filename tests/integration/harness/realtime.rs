//! Both ends of a realtime session: a scripted provider on a real WebSocket, and a client.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{Request as Handshake, Response};
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::{Message, WebSocket};

use super::gateway::TestGateway;
use super::stands_still;

/// What the provider does at an event, step by step.
pub(crate) enum Act {
    /// Sends an event.
    Say(Value),
    /// Ends the connection without a word.
    Cut,
}

/// A session's address and headers.
pub(crate) type Begun = (String, Vec<(String, String)>);

/// A provider that begins each session with these settings and acts on each event as the script wants it.
pub(crate) struct RealtimeUpstream {
    port: u16,
    /// The address and the headers of each session.
    sessions: Arc<Mutex<Vec<Begun>>>,
    events: Arc<Mutex<Vec<Value>>>,
    ended: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl RealtimeUpstream {
    pub(crate) fn start(
        settings: Value,
        script: impl Fn(&Value) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            port: listener.local_addr().unwrap().port(),
            sessions: Arc::default(),
            events: Arc::default(),
            ended: Arc::default(),
            sent: Arc::default(),
        };
        let (sessions, events) = (Arc::clone(&upstream.sessions), Arc::clone(&upstream.events));
        let (ended, sent) = (Arc::clone(&upstream.ended), Arc::clone(&upstream.sent));
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (script, sessions) = (Arc::clone(&script), Arc::clone(&sessions));
                let (events, ended, settings) =
                    (Arc::clone(&events), Arc::clone(&ended), settings.clone());
                let sent = Arc::clone(&sent);
                std::thread::spawn(move || {
                    serve(stream, &settings, &*script, (&sessions, &events, &sent));
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        upstream
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// A channel to it; its record.
    pub(crate) fn channel(&self, gateway: &TestGateway, settings: &Value) -> Value {
        let mut channel = json!({"name": format!("realtime {}", self.port), "kind": "openai", "base_url": self.base_url(),
            "credential": "sk-upstream-credential", "models": ["rt"]});
        for (name, value) in settings.as_object().unwrap() {
            channel[name] = value.clone();
        }
        gateway.admin().post("/api/channels", &channel).expect(201)
    }

    pub(crate) fn sessions(&self) -> Vec<Begun> {
        self.sessions.lock().unwrap().clone()
    }

    /// The events that came, all sessions together.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until nobody takes what it has to send.
    pub(crate) fn stands_still(&self) {
        stands_still(&self.sent);
    }

    /// How many sessions have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the library's own type of a refused handshake"
)]
fn serve(
    stream: TcpStream,
    settings: &Value,
    script: &dyn Fn(&Value) -> Vec<Act>,
    (sessions, events, sent): (&Mutex<Vec<Begun>>, &Mutex<Vec<Value>>, &AtomicUsize),
) {
    let note = |request: &Handshake, response: Response| {
        let headers = request.headers().iter();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
        let address = request.uri().to_string();
        sessions.lock().unwrap().push((address, headers.collect()));
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, note) else {
        return;
    };
    let created = json!({"type": "session.created", "session": settings});
    if socket.send(Message::text(created.to_string())).is_err() {
        return;
    }
    while let Ok(message) = socket.read() {
        let Message::Text(text) = message else {
            continue;
        };
        let event: Value = serde_json::from_str(&text).unwrap();
        events.lock().unwrap().push(event.clone());
        for act in script(&event) {
            match act {
                Act::Say(event) => {
                    if socket.send(Message::text(event.to_string())).is_err() {
                        return;
                    }
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                Act::Cut => return,
            }
        }
    }
}

/// A client's end of a session.
pub(crate) struct Talk(WebSocket<TcpStream>);

impl Talk {
    /// Begins a session at this address of the gateway; gives the headers of its answer, too.
    pub(crate) fn begin(
        gateway: &TestGateway,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (Self, Vec<(String, String)>) {
        let url = gateway.url(path).replacen("http", "ws", 1);
        let stream = TcpStream::connect(gateway.url("").trim_start_matches("http://")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::try_from(*value).unwrap(),
            );
        }
        let (socket, answer) = tungstenite::client(request, stream).unwrap();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (Self(socket), headers.collect())
    }

    /// Begins a session of the model `rt` with this key.
    pub(crate) fn with_key(gateway: &TestGateway, key: &Value) -> Self {
        let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        Self::begin(gateway, "/v1/realtime?model=rt", &headers).0
    }

    pub(crate) fn send(&mut self, event: &Value) {
        self.send_text(&event.to_string());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text.to_owned())).unwrap();
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(reason) => panic!("closed: {reason:?}"),
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Passes over events up to one of this type.
    pub(crate) fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The rest of the session: its events, and the code with which the gateway ended it.
    pub(crate) fn rest(mut self) -> (Vec<Value>, u16) {
        let mut events = Vec::new();
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => events.push(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(reason)) => {
                    return (events, reason.map_or(1005, |reason| reason.code.into()));
                }
                Ok(_) => {}
                Err(error) => panic!("{error} after {events:?}"),
            }
        }
    }

    /// Ends the session as a client does.
    pub(crate) fn close(mut self) {
        self.0.close(None).unwrap();
        while self.0.read().is_ok() {}
    }
}
