//! A scripted provider on a real socket: slow, cut, refusing or malformed, as the test wants it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::stands_still;

/// A request that the upstream got.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// What the upstream does with a request, step by step.
#[derive(Clone, Default)]
pub(crate) struct Script(Vec<Step>);

#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    Wait(Gate),
    /// Tells the test that all before it has been taken.
    Tell(Sender<()>),
    /// Ends the connection here, whatever was promised.
    Cut,
    /// Says no more, until the gateway hangs up.
    Hold,
}

/// Holds a script back until the test opens it.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

impl Script {
    /// A whole answer.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::default()
            .head(status, "application/json", Some(body.to_string().len()))
            .send(&body.to_string())
    }

    /// A chat completion that says `words` and reports this usage.
    pub(crate) fn chat(words: &str, prompt: u64, completion: u64) -> Self {
        Self::json(
            200,
            &json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "upstream-model",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
            }),
        )
    }

    /// A failure that whatever stands before the provider reports: no words of its own.
    pub(crate) fn failing() -> Self {
        Self::default().head(500, "text/html", Some(4)).send("boom")
    }

    /// A rate limit that says when to come back.
    pub(crate) fn limited(seconds: u32) -> Self {
        let body = json!({"error": {"message": "slow down"}}).to_string();
        Self::default().send(&format!(
            "HTTP/1.1 429 Scripted\r\ncontent-type: application/json\r\nretry-after: {seconds}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// The head of a streamed answer.
    pub(crate) fn stream() -> Self {
        Self::default().head(200, "text/event-stream", None)
    }

    /// One word of a streamed chat.
    pub(crate) fn word(self, word: &str) -> Self {
        self.frame(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-model",
            "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": null}], "usage": null,
        }))
    }

    /// The end of the words of a streamed chat.
    pub(crate) fn stop(self) -> Self {
        self.frame(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-model",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": null,
        }))
    }

    /// The usage frame of a streamed chat.
    pub(crate) fn usage(self, prompt: u64, completion: u64) -> Self {
        self.frame(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-model", "choices": [],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
        }))
    }

    pub(crate) fn frame(self, data: &Value) -> Self {
        self.chunk(&format!("data: {data}\n\n"))
    }

    /// The clean end of a streamed answer.
    pub(crate) fn done(self) -> Self {
        self.chunk("data: [DONE]\n\n").end()
    }

    /// The end of the body, without the dialect's own end.
    pub(crate) fn end(self) -> Self {
        self.send("0\r\n\r\n")
    }

    pub(crate) fn chunk(self, text: &str) -> Self {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()))
    }

    fn head(self, status: u16, content_type: &str, length: Option<usize>) -> Self {
        let framing = length.map_or_else(
            || "transfer-encoding: chunked".to_owned(),
            |length| format!("content-length: {length}"),
        );
        self.send(&format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n"
        ))
    }

    /// The head of an answer of so many bytes of this kind.
    pub(crate) fn bytes_of(kind: &str, length: usize) -> Self {
        Self::default().head(200, kind, Some(length))
    }

    /// The head of a streamed answer of this kind.
    pub(crate) fn stream_of(kind: &str) -> Self {
        Self::default().head(200, kind, None)
    }

    /// A piece of a streamed answer that is no text.
    pub(crate) fn byte_chunk(self, bytes: &[u8]) -> Self {
        self.send(&format!("{:x}\r\n", bytes.len()))
            .send_bytes(bytes)
            .send("\r\n")
    }

    pub(crate) fn send(self, text: &str) -> Self {
        self.send_bytes(text.as_bytes())
    }

    pub(crate) fn send_bytes(mut self, bytes: &[u8]) -> Self {
        self.0.push(Step::Send(bytes.to_vec()));
        self
    }

    pub(crate) fn wait(mut self, gate: &Gate) -> Self {
        self.0.push(Step::Wait(gate.clone()));
        self
    }

    pub(crate) fn cut(mut self) -> Self {
        self.0.push(Step::Cut);
        self
    }

    pub(crate) fn tell(mut self, reached: &Sender<()>) -> Self {
        self.0.push(Step::Tell(reached.clone()));
        self
    }

    pub(crate) fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    pub(crate) fn hold(mut self) -> Self {
        self.0.push(Step::Hold);
        self
    }
}

pub(crate) struct Upstream {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    /// Connections that the gateway closed in the middle of a script.
    hung_up: Arc<Mutex<usize>>,
    /// Bytes that the system took from scripts.
    sent: Arc<AtomicUsize>,
}

impl Upstream {
    /// Answers each request as `script` says.
    pub(crate) fn start(script: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            hung_up: Arc::default(),
            sent: Arc::default(),
        };
        let script = Arc::new(script);
        let (requests, hung_up, sent) = (
            Arc::clone(&upstream.requests),
            Arc::clone(&upstream.hung_up),
            Arc::clone(&upstream.sent),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, requests, hung_up, sent) = (
                    Arc::clone(&script),
                    Arc::clone(&requests),
                    Arc::clone(&hung_up),
                    Arc::clone(&sent),
                );
                let Ok(stream) = stream else { return };
                std::thread::spawn(move || serve(stream, &*script, &requests, &hung_up, &sent));
            }
        });
        upstream
    }

    /// A port on which nobody listens.
    pub(crate) fn dead() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self {
            port,
            requests: Arc::default(),
            hung_up: Arc::default(),
            sent: Arc::default(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn hung_up(&self) -> usize {
        *self.hung_up.lock().unwrap()
    }

    /// Waits until nobody takes what the scripts have to send: all buffers on the way are full.
    pub(crate) fn stands_still(&self) {
        stands_still(&self.sent);
    }
}

fn serve(
    stream: TcpStream,
    script: &dyn Fn(&Request) -> Script,
    requests: &Mutex<Vec<Request>>,
    hung_up: &Mutex<usize>,
    sent: &AtomicUsize,
) {
    // A script's steps leave one by one: without this, each waits 40 ms for the one before to be acknowledged.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        requests.lock().unwrap().push(request.clone());
        for step in script(&request).0 {
            match step {
                Step::Send(bytes) => {
                    for piece in bytes.chunks(1 << 16) {
                        if writer.write_all(piece).is_err() {
                            *hung_up.lock().unwrap() += 1;
                            return;
                        }
                        sent.fetch_add(piece.len(), Ordering::SeqCst);
                    }
                }
                Step::Wait(gate) => {
                    gate.wait();
                    // Whether the gateway is still there shows only when something is read.
                    let mut probe = [0; 1];
                    writer.set_nonblocking(true).unwrap();
                    // Closed with something unread, it is an error, which is told once.
                    let gone = match writer.peek(&mut probe) {
                        Ok(read) => read == 0,
                        Err(error) => error.kind() != ErrorKind::WouldBlock,
                    } || writer.take_error().unwrap().is_some();
                    writer.set_nonblocking(false).unwrap();
                    if gone {
                        *hung_up.lock().unwrap() += 1;
                        return;
                    }
                }
                Step::Tell(reached) => {
                    let _ = reached.send(());
                }
                Step::Cut => {
                    let _ = writer.shutdown(Shutdown::Both);
                    return;
                }
                Step::Hold => {
                    let _ = writer.peek(&mut [0; 1]);
                    *hung_up.lock().unwrap() += 1;
                    return;
                }
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let mut request = Request {
        path,
        headers,
        text: String::new(),
    };
    if let Some(length) = request.header("content-length") {
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        request.text = String::from_utf8_lossy(&body).into_owned();
    } else if request.header("transfer-encoding").is_some() {
        request.text = read_chunks(reader)?;
    }
    Some(request)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
        reader.read_exact(&mut chunk).ok()?;
        if chunk.len() == 2 {
            return Some(String::from_utf8_lossy(&body).into_owned());
        }
        body.extend_from_slice(&chunk[..chunk.len() - 2]);
    }
}
