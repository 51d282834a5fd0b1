//! A provider on raw sockets: it reads each request to its framed end, finds the caller's mark in its body, and answers with
//! bytes as the script has them, right or wrong, with barriers in between that are events and not times.
//!
//! It counts connections and the requests on each, so that a test can say which may be used again.

use std::collections::HashSet;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::upstream::Gate;

/// What tells one request from all others: it stands in the prompt, and a right answer to it says it, and no other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::SeqCst))
    }

    /// The prompt tokens that an answer to it reports: no other answer reports as many.
    pub(crate) fn tokens(self) -> u64 {
        10_000 + self.0
    }

    /// All marks in a text; what is cut off is none.
    pub(crate) fn all_in(text: &str) -> Vec<Self> {
        let read = |at: usize| {
            let (number, proof) = text.get(at + 3..at + 18)?.split_once('-')?;
            let mark = Self(number.parse().ok()?);
            (mark.proof() == proof).then_some(mark)
        };
        let found = text.match_indices("mk-");
        found.filter_map(|(at, _)| read(at)).collect()
    }

    fn proof(self) -> String {
        let mixed = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:08x}", mixed >> 32)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mk-{:06}-{}", self.0, self.proof())
    }
}

/// A request that has come.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) mark: Mark,
    /// Whether a stream was asked for.
    pub(crate) stream: bool,
    /// How many came before it, on its connection and in all.
    pub(crate) on_connection: usize,
    pub(crate) before: usize,
}

/// A piece of what the provider does.
pub(crate) enum Piece {
    Send(Vec<u8>),
    /// Each byte in a packet of its own.
    Slowly(Vec<u8>),
    Wait(Gate),
    Tell(Sender<()>),
    /// Waits until the request's caller has its answer.
    AfterAnswer,
    /// Says no more until the gateway hangs up.
    UntilHungUp,
    Close,
    /// Closes so that what is under way is lost.
    Reset,
    /// Closes its own half, and reads on.
    HalfClose,
}

impl Piece {
    pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }
}

/// When a request is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// When it was read to its end.
    Read,
    /// As soon as the mark has come, while the rest is still on its way.
    Marked,
}

pub(crate) struct RawProvider {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    /// Of each connection, how many requests came on it.
    connections: Mutex<Vec<usize>>,
    answers: Mutex<Answers>,
    changed: Condvar,
}

#[derive(Default)]
struct Answers {
    /// Whose caller has its answer.
    got: HashSet<Mark>,
    /// Whose script has something to do when that is so.
    waiting: HashSet<Mark>,
}

type Script = dyn Fn(&Arrived) -> Vec<Piece> + Send + Sync;

impl RawProvider {
    pub(crate) fn start(script: impl Fn(&Arrived) -> Vec<Piece> + Send + Sync + 'static) -> Self {
        Self::answering(When::Read, script)
    }

    pub(crate) fn answering(
        when: When,
        script: impl Fn(&Arrived) -> Vec<Piece> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let (script, shared) = (Arc::new(script), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (script, seen) = (Arc::clone(&script), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, when, &*script, &seen));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// How many connections a request has come on.
    pub(crate) fn connections(&self) -> usize {
        let connections = self.seen.connections.lock().unwrap();
        connections.iter().filter(|requests| **requests > 0).count()
    }

    /// The most requests that came on one connection.
    pub(crate) fn most_on_one(&self) -> usize {
        let connections = self.seen.connections.lock().unwrap();
        connections.iter().copied().max().unwrap_or(0)
    }

    /// Tells that the caller has its answer, and waits for what the script has to do then.
    pub(crate) fn answered(&self, mark: Mark) {
        let mut answers = self.seen.answers.lock().unwrap();
        answers.got.insert(mark);
        self.seen.changed.notify_all();
        let late = |answers: &mut Answers| answers.waiting.contains(&mark);
        let (answers, waited) = self
            .seen
            .changed
            .wait_timeout_while(answers, Duration::from_secs(20), late)
            .unwrap();
        drop(answers);
        assert!(!waited.timed_out(), "the script of {mark} does not end");
    }
}

/// What is left to be read of a request's body.
enum Rest {
    Length(usize),
    Chunks,
    Nothing,
}

impl Rest {
    /// The next piece of the body; `None`: the connection is gone.
    fn next(&mut self, reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Length(left) => {
                let mut piece = vec![0; (*left).min(1 << 16)];
                let read = reader.read(&mut piece).ok().filter(|read| *read > 0)?;
                piece.truncate(read);
                *left -= read;
                if *left == 0 {
                    *self = Self::Nothing;
                }
                Some(piece)
            }
            Self::Chunks => {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim().split(';').next()?, 16).ok()?;
                let mut piece = vec![0; size + 2];
                reader.read_exact(&mut piece).ok()?;
                piece.truncate(size);
                if size == 0 {
                    *self = Self::Nothing;
                }
                Some(piece)
            }
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// How the body of the next request is framed; `None`: there is none.
fn read_head(reader: &mut BufReader<TcpStream>) -> Option<Rest> {
    let mut rest = Rest::Nothing;
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let lower = line.trim_end().to_ascii_lowercase();
        match lower.split_once(':') {
            Some(("content-length", length)) => match length.trim().parse().ok()? {
                0 => {}
                length => rest = Rest::Length(length),
            },
            Some(("transfer-encoding", _)) => rest = Rest::Chunks,
            Some(_) => {}
            None => return Some(rest),
        }
    }
}

fn serve(stream: TcpStream, when: When, script: &Script, seen: &Seen) {
    // Each piece is a packet.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let number = {
        let mut connections = seen.connections.lock().unwrap();
        connections.push(0);
        connections.len() - 1
    };
    while let Some(mut rest) = read_head(&mut reader) {
        let (mut body, mut text) = (Vec::new(), String::new());
        while !rest.has_ended() {
            let Some(piece) = rest.next(&mut reader) else {
                return;
            };
            body.extend(piece);
            if when == When::Marked {
                text = String::from_utf8_lossy(&body).into_owned();
                if !Mark::all_in(&text).is_empty() {
                    break;
                }
            }
        }
        if when == When::Read {
            text = String::from_utf8_lossy(&body).into_owned();
        }
        let Some(mark) = Mark::all_in(&text).first().copied() else {
            // The gateway itself asks whether somebody is there.
            let nothing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            if (&stream).write_all(nothing).is_err() {
                return;
            }
            continue;
        };
        let on_connection = {
            let mut connections = seen.connections.lock().unwrap();
            connections[number] += 1;
            connections[number] - 1
        };
        let arrived = Arrived {
            mark,
            stream: text
                .replace(char::is_whitespace, "")
                .contains("\"stream\":true"),
            on_connection,
            before: seen.requests.fetch_add(1, Ordering::SeqCst),
        };
        let pieces = script(&arrived);
        let late = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::AfterAnswer));
        if late {
            seen.answers.lock().unwrap().waiting.insert(mark);
        }
        let goes_on = play(pieces, &stream, mark, seen);
        if late {
            seen.answers.lock().unwrap().waiting.remove(&mark);
            seen.changed.notify_all();
        }
        if !goes_on {
            return;
        }
        while !rest.has_ended() {
            if rest.next(&mut reader).is_none() {
                return;
            }
        }
    }
}

/// Whether the connection is still there behind it.
fn play(pieces: Vec<Piece>, mut stream: &TcpStream, mark: Mark, seen: &Seen) -> bool {
    for piece in pieces {
        let sent = match piece {
            Piece::Send(bytes) => stream.write_all(&bytes),
            Piece::Slowly(bytes) => bytes.chunks(1).try_for_each(|byte| stream.write_all(byte)),
            Piece::Wait(gate) => {
                gate.wait();
                Ok(())
            }
            Piece::Tell(reached) => {
                let _ = reached.send(());
                Ok(())
            }
            Piece::AfterAnswer => {
                let answers = seen.answers.lock().unwrap();
                let not_yet = |answers: &mut Answers| !answers.got.contains(&mark);
                let limit = Duration::from_secs(30);
                let waited = seen.changed.wait_timeout_while(answers, limit, not_yet);
                drop(waited);
                Ok(())
            }
            Piece::UntilHungUp => {
                stream
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                let mut gone = [0; 1024];
                while stream.read(&mut gone).is_ok_and(|read| read > 0) {}
                return false;
            }
            Piece::Close => {
                let _ = stream.shutdown(Shutdown::Both);
                return false;
            }
            Piece::Reset => {
                reset(stream);
                return false;
            }
            Piece::HalfClose => stream.shutdown(Shutdown::Write),
        };
        if sent.is_err() {
            return false;
        }
    }
    true
}

/// Ends a connection with RST, as the system does when the last hold of it is dropped after this.
fn reset(stream: &TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let stream = stream.try_clone().unwrap();
    stream.set_nonblocking(true).unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        stream.set_zero_linger().unwrap();
    });
}
