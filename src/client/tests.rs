//! The client against real sockets: which connection is used again, what is skipped, where a body ends.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method};

use super::pool::kept;
use super::*;

const SOON: Duration = Duration::from_secs(5);

/// What a server does with one connection.
type Script = Box<dyn Fn(&mut TcpStream) + Send>;

/// A server whose connections, in order, follow these scripts. It tells of each connection that is closed by the client.
struct Server {
    port: u16,
    closed: Receiver<usize>,
}

impl Server {
    fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, closed) = channel();
        std::thread::Builder::new()
            .spawn(move || {
                for (number, script) in scripts.into_iter().enumerate() {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.set_nodelay(true).unwrap();
                    let tell = tell.clone();
                    std::thread::Builder::new()
                        .spawn(move || {
                            script(&mut stream);
                            while matches!(stream.read(&mut [0; 64]), Ok(read) if read > 0) {}
                            let _ = tell.send(number);
                        })
                        .unwrap();
                }
            })
            .unwrap();
        Self { port, closed }
    }

    fn line(&self) -> Rc<Line> {
        let uri = format!("http://127.0.0.1:{}/", self.port);
        Rc::new(Line::to(&uri.parse().unwrap(), None).unwrap())
    }

    /// Waits until the client has closed this connection.
    fn is_closed(&self, number: usize) {
        assert_eq!(self.closed.recv_timeout(SOON).unwrap(), number);
    }
}

/// Reads a request with a body of three bytes, or none.
fn heard(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        read.push(byte[0]);
    }
    let head = String::from_utf8(read).unwrap();
    if head.contains("content-length: 3\r\n") {
        stream.read_exact(&mut [0; 3]).ok()?;
    }
    Some(head)
}

/// Answers request after request with these pieces.
fn says(pieces: &'static [&'static str]) -> Script {
    Box::new(move |stream| {
        while heard(stream).is_some() {
            for piece in pieces {
                if stream.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
        }
    })
}

/// Answers each request with these pieces and ends the connection.
fn says_and_ends(pieces: &'static [&'static str]) -> Script {
    Box::new(move |stream| {
        heard(stream);
        for piece in pieces {
            let _ = stream.write_all(piece.as_bytes());
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
    })
}

fn request(payload: Payload) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("host", "a.example".parse().unwrap());
    Request {
        method: Method::POST,
        uri: "/v1".parse().unwrap(),
        headers,
        payload,
    }
}

async fn call(server: &Server) -> Result<Answer, SendError> {
    let payload = Payload::Whole(bytes::Bytes::from_static(b"abc"));
    tokio::time::timeout(SOON, send(&server.line(), SOON, request(payload)))
        .await
        .unwrap()
}

/// The whole of an answer.
async fn read(answer: Answer) -> Result<String, BrokeOff> {
    let mut body = answer.body.map_err(|error| BrokeOff(error.to_string()))?;
    let mut whole = Vec::new();
    while let Some(piece) = tokio::time::timeout(SOON, body.next()).await.unwrap() {
        whole.extend_from_slice(&piece?);
    }
    Ok(String::from_utf8(whole).unwrap())
}

async fn said(server: &Server) -> Result<String, String> {
    match call(server).await {
        Ok(answer) => read(answer).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[actix_web::test]
async fn a_connection_is_used_again_when_its_answer_was_read_to_its_end() {
    for answers in [
        &[OK][..],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
        &[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1;x=y\r\nh\r\n1\r\n",
            "i\r\n0\r\nx: y\r\n\r\n",
        ],
        &["HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", OK],
        &[
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        ],
    ] {
        let server = Server::start(vec![says(answers)]);
        let before = kept();
        for _ in 0..5 {
            assert_eq!(said(&server).await, Ok("hi".to_owned()), "{answers:?}");
            assert_eq!(kept(), before + 1, "{answers:?}");
        }
    }
}

#[actix_web::test]
async fn an_answer_without_a_body_gives_its_connection_back_too() {
    for answer in [
        &["HTTP/1.1 204 No Content\r\n\r\n"][..],
        &["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
    ] {
        let server = Server::start(vec![says(answer)]);
        let before = kept();
        for _ in 0..2 {
            assert_eq!(said(&server).await, Ok(String::new()));
            assert_eq!(kept(), before + 1);
        }
    }
}

#[actix_web::test]
async fn anything_else_closes_it_and_the_next_caller_gets_a_new_one() {
    for first in [
        // More than was framed: another answer, or the beginning of one.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhix",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nbad",
        // An age without keep-alive, a wish, a doubt.
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ] {
        let first: &'static [&'static str] = Box::leak(Box::new([first]));
        let server = Server::start(vec![says(first), says(&[OK])]);
        let before = kept();
        assert_eq!(said(&server).await, Ok("hi".to_owned()), "{first:?}");
        assert_eq!(kept(), before, "{first:?}");
        server.is_closed(0);
        assert_eq!(said(&server).await, Ok("hi".to_owned()), "{first:?}");
    }
}

#[actix_web::test]
async fn what_is_no_answer_is_an_error_and_closes_it() {
    for (first, words) in [
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            "another protocol",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
            "could not be read",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nhi",
            "could not be read",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n", "could not be read"),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: rot13\r\ncontent-length: 2\r\n\r\nhi",
            "content coding rot13",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi",
            "gzip coding",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhi",
            "",
        ),
    ] {
        let first: &'static [&'static str] = Box::leak(Box::new([first]));
        let server = Server::start(vec![says(first), says(&[OK])]);
        let before = kept();
        let error = said(&server).await.unwrap_err();
        assert!(error.contains(words), "{first:?}: {error}");
        assert_eq!(kept(), before);
        server.is_closed(0);
        assert_eq!(said(&server).await, Ok("hi".to_owned()));
    }
}

#[actix_web::test]
async fn interim_answers_are_bounded_however_they_come() {
    let one = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
    let trickled: Vec<&'static str> = vec![one; 17];
    let packed: &'static str = Box::leak(format!("{}{OK}", one.repeat(17)).into_boxed_str());
    for pieces in [trickled, vec![packed]] {
        let server = Server::start(vec![says(pieces.leak()), says(&[OK])]);
        let error = said(&server).await.unwrap_err();
        assert!(error.contains("16 interim answers"), "{error}");
        server.is_closed(0);
        assert_eq!(said(&server).await, Ok("hi".to_owned()));
    }
    let most: &'static str = Box::leak(format!("{}{OK}", one.repeat(16)).into_boxed_str());
    let server = Server::start(vec![says(vec![most].leak())]);
    assert_eq!(said(&server).await, Ok("hi".to_owned()));
}

#[actix_web::test]
async fn bytes_or_an_end_that_come_while_it_is_idle_discard_it() {
    for late in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad",
        "\r\n",
        "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (go, wait) = channel::<()>();
        let (done, gone) = channel();
        let script: Script = Box::new(move |stream| {
            heard(stream);
            stream.write_all(OK.as_bytes()).unwrap();
            wait.recv().unwrap();
            if late.is_empty() {
                stream.shutdown(std::net::Shutdown::Both).unwrap();
            } else {
                stream.write_all(late.as_bytes()).unwrap();
            }
            done.send(()).unwrap();
        });
        let server = Server::start(vec![script, says(&[OK])]);
        let before = kept();
        assert_eq!(said(&server).await, Ok("hi".to_owned()));
        assert_eq!(kept(), before + 1);
        go.send(()).unwrap();
        // The reactor has had no turn since: only the kernel knows.
        gone.recv().unwrap();
        assert_eq!(said(&server).await, Ok("hi".to_owned()), "{late:?}");
        server.is_closed(0);
    }
}

#[actix_web::test]
async fn a_dropped_call_or_body_closes_its_connection() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let server = Server::start(vec![says(vec![half].leak()), says(&[]), says(&[OK])]);
    let before = kept();
    let mut answer = call(&server).await.unwrap();
    let mut body = answer.body.unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "half");
    drop(body);
    server.is_closed(0);
    answer = {
        let payload = Payload::Whole(bytes::Bytes::from_static(b"abc"));
        let line = server.line();
        let waiting = send(&line, SOON, request(payload));
        assert!(
            tokio::time::timeout(Duration::from_millis(100), waiting)
                .await
                .is_err()
        );
        server.is_closed(1);
        call(&server).await.unwrap()
    };
    assert_eq!(kept(), before);
    assert_eq!(read(answer).await.unwrap(), "hi");
}

#[actix_web::test]
async fn a_body_that_was_read_but_for_its_end_does_not_cost_the_connection() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let server = Server::start(vec![says(vec![chunked].leak())]);
    let before = kept();
    for _ in 0..3 {
        let mut body = call(&server).await.unwrap().body.unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), "hi");
        drop(body);
        assert_eq!(kept(), before + 1);
    }
    // With more of it to come it does.
    let more =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n2\r\nho\r\n0\r\n\r\n";
    let server = Server::start(vec![says(vec![more].leak())]);
    let mut body = call(&server).await.unwrap().body.unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "hi");
    drop(body);
    server.is_closed(0);
}

#[actix_web::test]
async fn a_body_without_a_length_ends_with_the_connection() {
    for (pieces, whole) in [
        (&["HTTP/1.1 200 OK\r\n\r\n", "h", "i"][..], "hi"),
        (&["HTTP/1.1 200 OK\r\n\r\n"], ""),
        (&["HTTP/1.0 200 OK\r\n\r\nhi"], "hi"),
        (
            &["HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nhi"],
            "hi",
        ),
    ] {
        let server = Server::start(vec![says_and_ends(pieces)]);
        let before = kept();
        assert_eq!(said(&server).await, Ok(whole.to_owned()), "{pieces:?}");
        assert_eq!(kept(), before);
    }
    // One that is cut within its framing is no whole one.
    for cut in [
        &["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi"][..],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"],
    ] {
        let server = Server::start(vec![says_and_ends(cut)]);
        assert!(said(&server).await.is_err(), "{cut:?}");
    }
}

#[actix_web::test]
async fn a_reset_is_not_taken_for_an_end() {
    let (go, wait) = channel::<()>();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::Builder::new().spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        heard(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhi").unwrap();
        wait.recv().unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    });
    let server = Server {
        port,
        closed: channel().1,
    };
    let mut body = call(&server).await.unwrap().body.unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "hi");
    go.send(()).unwrap();
    thread.unwrap().join().unwrap();
    assert!(body.next().await.unwrap().is_err());
    assert!(body.next().await.is_none());
}

#[actix_web::test]
async fn an_answer_that_comes_before_the_request_is_sent_whole_ends_the_connection() {
    let script: Script = Box::new(|stream| {
        let mut byte = [0];
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert_eq!(stream.read(&mut byte).unwrap(), 1);
            read.push(byte[0]);
        }
        stream
            .write_all(b"HTTP/1.1 413 x\r\ncontent-length: 3\r\n\r\nbig")
            .unwrap();
    });
    let server = Server::start(vec![script]);
    let before = kept();
    let first = stream::iter([Ok(bytes::Bytes::from_static(b"abc"))]);
    let never = Payload::Pieces(Some(100), Box::pin(first.chain(stream::pending())));
    let answer = send(&server.line(), SOON, request(never)).await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(read(answer).await.unwrap(), "big");
    assert_eq!(kept(), before);
    server.is_closed(0);
}

#[actix_web::test]
async fn a_hang_up_is_told_from_a_cut_and_from_no_connection() {
    let server = Server::start(vec![says_and_ends(&[])]);
    assert_eq!(call(&server).await.err().unwrap(), SendError::HungUp);
    let server = Server::start(vec![says_and_ends(&["HTTP/1.1 20"])]);
    let error = call(&server).await.err().unwrap();
    assert!(matches!(error, SendError::Unreadable(_)), "{error}");
    let server = Server::start(vec![says_and_ends(&["HTTP/1.1 103 x\r\n\r\n"])]);
    let error = call(&server).await.err().unwrap();
    assert!(matches!(error, SendError::Unreadable(_)), "{error}");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let nobody = Server {
        port,
        closed: channel().1,
    };
    let error = call(&nobody).await.err().unwrap();
    assert!(matches!(error, SendError::Unconnected(_)), "{error}");
}

#[actix_web::test]
async fn a_request_is_one_write_and_small_ones_are_one_packet() {
    let (tell, told) = channel();
    let script: Script = Box::new(move |stream| {
        let mut read = [0; 4096];
        let length = stream.read(&mut read).unwrap();
        tell.send(String::from_utf8_lossy(&read[..length]).into_owned())
            .unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let server = Server::start(vec![script]);
    said(&server).await.unwrap();
    assert_eq!(
        told.recv().unwrap(),
        "POST /v1 HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\nabc"
    );
}
