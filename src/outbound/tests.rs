//! The fetcher against real sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;

/// Answers one request with these pieces, as they are, and gives back what it was sent. The connection stays open until the
/// client ends it.
struct Server {
    port: u16,
    thread: JoinHandle<String>,
}

impl Server {
    fn start(pieces: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::Builder::new().spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut got = vec![0; 4096];
            let length = stream.read(&mut got).unwrap();
            for piece in pieces {
                // The client may have had enough.
                let _ = stream.write_all(&piece);
            }
            while matches!(stream.read(&mut [0; 64]), Ok(read) if read > 0) {}
            String::from_utf8_lossy(&got[..length]).into_owned()
        });
        Self {
            port,
            thread: thread.unwrap(),
        }
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/hook?token=x", self.port)
    }

    fn request(self) -> String {
        self.thread.join().unwrap()
    }
}

fn answer(text: &str) -> Vec<Vec<u8>> {
    vec![text.as_bytes().to_vec()]
}

fn fetch(allowed: &[&str], url: &str, caps: Caps) -> Result<Fetched, FetchError> {
    let fetcher = Fetcher::new(allowed.iter().map(|net| net.parse().unwrap()).collect());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, fetcher.fetch(url, Outgoing::Get, caps))
}

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const CAPS: Caps = Caps {
    time: Duration::from_secs(20),
    body: 100,
};
const SOON: Caps = Caps {
    time: Duration::from_millis(200),
    body: 100,
};

#[test]
fn an_allowed_name_is_reached_under_its_own_name() {
    let server = Server::start(answer(
        "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\nhi",
    ));
    let fetched = fetch(&LOOPBACK, &server.url("localhost"), CAPS).unwrap();
    assert_eq!((fetched.status, &fetched.body[..]), (200, &b"hi"[..]));
    assert_eq!(fetched.content_type.as_deref(), Some("image/png"));
    assert!(fetched.whole);
    let port = server.port;
    let request = server.request().to_lowercase();
    assert!(
        request.starts_with("get /hook?token=x http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("host: localhost:{port}\r\n")),
        "{request}"
    );
    assert!(request.contains("connection: close"), "{request}");
}

#[test]
fn whatever_comes_down_to_loopback_is_not_connected_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let error = fetch(&[], &format!("http://{host}:{port}/"), CAPS).unwrap_err();
        assert!(
            matches!(
                error,
                FetchError::Forbidden { .. } | FetchError::Unresolved { .. }
            ),
            "{host}: {error}"
        );
    }
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let aim = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    aim.set_nonblocking(true).unwrap();
    let server = Server::start(answer(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        aim.local_addr().unwrap()
    )));
    let fetched = fetch(&LOOPBACK, &server.url("127.0.0.1"), CAPS).unwrap();
    assert_eq!(fetched.status, 307);
    server.request();
    assert_eq!(
        aim.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_body_is_read_up_to_its_cap() {
    let server = Server::start(vec![
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec(),
        vec![b'x'; 1_000_000],
    ]);
    let fetched = fetch(&LOOPBACK, &server.url("127.0.0.1"), CAPS).unwrap();
    assert_eq!((fetched.body.len(), fetched.whole), (100, false));
    server.request();
}

#[test]
fn an_answer_that_does_not_come_is_given_up_in_time() {
    let silent = Server::start(Vec::new());
    let error = fetch(&LOOPBACK, &silent.url("127.0.0.1"), SOON).unwrap_err();
    assert!(matches!(error, FetchError::TimedOut(_)), "{error}");
    silent.request();
    let stuck = Server::start(answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"));
    let fetched = fetch(&LOOPBACK, &stuck.url("127.0.0.1"), SOON).unwrap();
    assert_eq!((&fetched.body[..], fetched.whole), (&b"half"[..], false));
    stuck.request();
}

#[test]
fn a_literal_is_judged_before_anything_is_sent() {
    let fetcher = Fetcher::default();
    assert!(matches!(
        fetcher.check("http://169.254.169.254/latest/meta-data"),
        Err(FetchError::Forbidden { .. })
    ));
    assert!(matches!(
        fetcher.check("https://u:p@example.com/"),
        Err(FetchError::Malformed(_))
    ));
    assert!(fetcher.check("https://example.com/hook").is_ok());
}
