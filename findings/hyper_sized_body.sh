#!/usr/bin/env bash
# hyper 1.12.0, HTTP/1.1 client: a request body that says its exact size is not asked for more once that many bytes are
# written. A stream that finds something wrong at its very end (a form without its last boundary, a digest that differs) and
# says so with an error behind the last byte is never heard: the request counts as sent, and its answer comes back as if all
# were well. The same stream without a size is asked to its end, and the request fails with its error. A body that is checked
# while it goes by must therefore hold its last piece back until it knows that it is the last.
# Source: run as below; hyper 1.12.0, http-body 1.1.0, hyper-util 0.1 and tokio 1 from crates.io. Needs cargo.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat > "$dir/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
bytes = "1"
futures-util = { version = "0.3", default-features = false }
http-body = "=1.1.0"
hyper = { version = "=1.12.0", features = ["client", "http1"] }
hyper-util = { version = "0.1", default-features = false, features = ["tokio"] }
tokio = { version = "1", features = ["net", "rt", "macros", "io-util"] }
TOML
cat > "$dir/src/main.rs" <<'RUST'
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Ten bytes, then an error.
struct Checked {
    asked: usize,
    size: Option<u64>,
}

impl Body for Checked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.asked += 1;
        Poll::Ready(Some(match self.asked {
            1 => Ok(Frame::data(Bytes::from_static(b"0123456789"))),
            _ => Err(io::Error::other("wrong at the very end")),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

async fn ask(size: Option<u64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"0123456789") {
            if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let _ = stream.read_buf(&mut seen).await;
    };
    let client = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let request = Request::post("/").header("host", "a").body(Checked { asked: 0, size });
        let answer = async {
            match sender.send_request(request.unwrap()).await {
                Ok(answer) => format!("status {}", answer.status().as_u16()),
                Err(error) => format!("error, the body's: {}", error.is_user()),
            }
        };
        let mut answer = std::pin::pin!(answer);
        let mut connection = std::pin::pin!(connection);
        loop {
            tokio::select! {
                biased;
                said = &mut answer => return said,
                _ = &mut connection => return answer.await,
            }
        }
    };
    let mut client = std::pin::pin!(client);
    tokio::select! {
        said = &mut client => said,
        () = server => client.await,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("with its size: {}", ask(Some(10)).await);
    println!("without it: {}", ask(None).await);
}
RUST
seen=$(cd "$dir" && cargo run --quiet 2>&1 | grep -v '^warning')
wanted='with its size: status 200
without it: error, the body'"'"'s: true'
printf '%s\n' "hyper 1.12.0" "$seen"
[ "$seen" = "$wanted" ] || { echo "this has changed; it was:"; printf '%s\n' "$wanted"; exit 1; }
