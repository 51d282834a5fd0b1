//! Codings though identity was asked for: CDNs and proxies before providers do not ask. They are decoded, as they come and within
//! bounds, for refusals too; what cannot be decoded is an error. RFC 9110 §8.4.

use std::io::Read;

use serde_json::json;

use super::super::harness::{Arrived, Gate, Mark, Piece, RawProvider, eventually};
use super::answers::{self, body, chunked, error, head, send, sized, then_close};
use super::coding::{Coding, bomb};
use super::{Case, Outcome, Wire, is_right, judge};

/// A right answer in this coding.
fn coded(arrived: &Arrived, name: &str, coding: Coding) -> Vec<Piece> {
    labelled(arrived, name, &coding.all(body(arrived)))
}

fn labelled(arrived: &Arrived, name: &str, body: &[u8]) -> Vec<Piece> {
    let header = format!("content-encoding: {name}\r\n");
    if arrived.stream {
        let head = head(arrived, &(header + "transfer-encoding: chunked\r\n"));
        send([head.as_bytes(), &chunked(body)].concat())
    } else {
        send(sized(arrived, &header, body))
    }
}

/// A refusal in this coding.
fn refused(arrived: &Arrived, name: &str, coding: Coding) -> Vec<Piece> {
    let body = coding.all(error(arrived.mark));
    let head = format!(
        "HTTP/1.1 400 No\r\ncontent-type: application/json\r\ncontent-encoding: {name}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    send([head.as_bytes(), &body].concat())
}

#[test]
fn codings_that_nobody_asked_for_are_decoded() {
    Wire::patient().try_all(&[
        Case::right("identity", |a| coded(a, "identity", Coding::Identity)).reused(),
        Case::right("gzip", |a| coded(a, "gzip", Coding::Gzip)).reused(),
        Case::right("GZIP", |a| coded(a, "GZIP", Coding::Gzip)),
        Case::right("x-gzip", |a| coded(a, "x-gzip", Coding::Gzip)),
        Case::right("deflate, as the standard says", |a| {
            coded(a, "deflate", Coding::Zlib)
        }),
        Case::right("deflate, as some do", |a| {
            coded(a, "deflate", Coding::Deflate)
        }),
        Case::right("br", |a| coded(a, "br", Coding::Brotli)).reused(),
        Case::right("zstd", |a| coded(a, "zstd", Coding::Zstd)).reused(),
        Case::right("gzip and br", |a| {
            labelled(
                a,
                "gzip, br",
                &Coding::Brotli.all(Coding::Gzip.all(body(a))),
            )
        }),
        Case::right("zstd and gzip, in two headers", |a| {
            let body = Coding::Gzip.all(Coding::Zstd.all(body(a)));
            let headers = "content-encoding: zstd\r\ncontent-encoding: gzip\r\n";
            send(sized(a, headers, &body))
        }),
        Case::right("gzip to the connection's end", |a| {
            let head = head(a, "content-encoding: gzip\r\n");
            then_close([head.as_bytes(), &Coding::Gzip.all(body(a))].concat())
        })
        .not_reused(),
        Case::right("gzip, byte by byte", |a| {
            let headers = "content-encoding: gzip\r\n";
            vec![Piece::Slowly(sized(a, headers, &Coding::Gzip.all(body(a))))]
        }),
        Case::right("gzip of two members", |a| {
            let body = body(a);
            let (first, second) = body.as_bytes().split_at(20);
            let members = [Coding::Gzip.all(first), Coding::Gzip.all(second)].concat();
            labelled(a, "gzip", &members)
        }),
        Case::right("gzip behind 103", |a| {
            let mut pieces = send("HTTP/1.1 103 Early Hints\r\ncontent-encoding: br\r\n\r\n");
            pieces.extend(coded(a, "gzip", Coding::Gzip));
            pieces
        }),
    ]);
}

#[test]
fn refusals_in_codings_are_decoded() {
    let refused_ = Outcome::Refused(400);
    Wire::patient().try_all(&[
        Case::new("400 in gzip", refused_, |a| {
            refused(a, "gzip", Coding::Gzip)
        })
        .reused(),
        Case::new("400 in zlib", refused_, |a| {
            refused(a, "deflate", Coding::Zlib)
        }),
        Case::new("400 in deflate", refused_, |a| {
            refused(a, "deflate", Coding::Deflate)
        }),
        Case::new("400 in br", refused_, |a| refused(a, "br", Coding::Brotli)),
        Case::new("400 in zstd", refused_, |a| {
            refused(a, "zstd", Coding::Zstd)
        }),
    ]);
}

#[test]
fn codings_that_cannot_be_decoded_are_errors() {
    Wire::patient().try_all(&[
        Case::fails("an unknown coding", |a| {
            labelled(a, "rot13", body(a).as_bytes())
        }),
        Case::fails("an unknown coding of gzip", |a| {
            coded(a, "gzip, rot13", Coding::Gzip)
        }),
        Case::fails("gzip cut off", |a| {
            let body = Coding::Gzip.all(body(a));
            labelled(a, "gzip", &body[..body.len() / 2])
        }),
        Case::fails("zstd cut off", |a| {
            let body = Coding::Zstd.all(body(a));
            labelled(a, "zstd", &body[..body.len() / 2])
        }),
        Case::fails("br cut off", |a| {
            let body = Coding::Brotli.all(body(a));
            labelled(a, "br", &body[..body.len() / 2])
        }),
        // All of the JSON has come, and yet nothing says so.
        Case::either("gzip without its check sum", |a| {
            let body = Coding::Gzip.all(body(a));
            labelled(a, "gzip", &body[..body.len() - 8])
        }),
        Case::either("gzip with a wrong check sum", |a| {
            let mut body = Coding::Gzip.all(body(a));
            let at = body.len() - 8;
            body[at] ^= 1;
            labelled(a, "gzip", &body)
        }),
        Case::fails("gzip of nothing", |a| labelled(a, "gzip", b"")),
        Case::either("gzip that is none", |a| {
            labelled(a, "gzip", body(a).as_bytes())
        }),
        Case::fails("garbage in gzip", |a| {
            labelled(a, "gzip", &[0x1f, 0x8b, 8, 0xff, 1, 2, 3, 4, 5, 6, 7])
        }),
        Case::either("gzip with garbage behind", |a| {
            let body = [Coding::Gzip.all(body(a)), b"GARBAGE".to_vec()].concat();
            labelled(a, "gzip", &body)
        }),
        Case::either("twenty codings", |a| {
            let names = vec!["gzip"; 20].join(", ");
            let body = (0..20).fold(body(a).into_bytes(), |body, _| Coding::Gzip.all(body));
            labelled(a, &names, &body)
        }),
    ]);
}

#[test]
fn a_coded_stream_is_passed_on_event_by_event() {
    let wire = Wire::patient();
    for (name, coding) in [
        ("identity", Coding::Identity),
        ("gzip", Coding::Gzip),
        ("deflate", Coding::Zlib),
        ("deflate", Coding::Deflate),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
    ] {
        let gate = Gate::default();
        let held = gate.clone();
        let provider = RawProvider::start(move |arrived| {
            let events = answers::events(arrived.mark);
            let frames: Vec<_> = events.iter().map(|e| format!("data: {e}\n\n")).collect();
            let bytes: Vec<_> = frames.iter().map(String::as_bytes).collect();
            let headers = format!("content-encoding: {name}\r\ntransfer-encoding: chunked\r\n");
            let mut pieces = send(head(arrived, &headers));
            for (number, bytes) in coding.flushed(&bytes).iter().enumerate() {
                pieces.push(Piece::Send(
                    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
                ));
                if number == 0 {
                    pieces.push(Piece::Wait(held.clone()));
                }
            }
            pieces.push(Piece::send("0\r\n\r\n"));
            pieces
        });
        let model = wire.model(&[&provider], true);
        let mark = Mark::new();
        let body = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": format!("say {mark}")}]});
        let mut response = wire.callers[0].client.open("/v1/chat/completions", &body);
        let (mut read, mut piece) = (Vec::new(), [0; 4096]);
        // The second event is not sent before the first has come.
        while judge::events(&String::from_utf8_lossy(&read)).is_empty() {
            let length = response.read(&mut piece).unwrap();
            assert!(length > 0, "{name}: the stream ended");
            read.extend(&piece[..length]);
        }
        gate.open();
        response.read_to_end(&mut read).unwrap();
        let said = String::from_utf8(read).unwrap();
        let words: String = judge::events(&said)
            .iter()
            .filter_map(|event| serde_json::from_str::<serde_json::Value>(event).ok())
            .filter_map(|event| {
                let delta = &event["choices"][0]["delta"]["content"];
                delta.as_str().map(str::to_owned)
            })
            .collect();
        assert_eq!(words, answers::words(mark), "{name} {coding:?}: {said}");
    }
}

/// The most memory that this process has had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<usize>().unwrap() * 1024
}

#[test]
fn a_bomb_is_an_error_and_takes_no_memory() {
    let wire = Wire::patient();
    let zeros = 1 << 30;
    let bomb = bomb(zeros);
    for status in [200, 400] {
        let bomb = bomb.clone();
        let provider = RawProvider::start(move |arrived| {
            let head = format!(
                "HTTP/1.1 {status} So\r\ncontent-type: {}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                answers::kind(arrived),
                bomb.len()
            );
            send([head.as_bytes(), &bomb].concat())
        });
        let model = wire.model(&[&provider], true);
        let safe = wire.model(&[&provider, &wire.good], true);
        let before = peak();
        for streamed in [false, true] {
            let body = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {}", Mark::new())}]});
            let reply = wire.callers[0].client.chat(&body);
            assert!(reply.status >= 400, "{status}: {}", reply.status);
            assert!(reply.body.len() < 1 << 20, "{status}: {}", reply.body.len());
            if status == 200 {
                is_right("behind a bomb", &wire.callers[0].client, &safe, streamed);
            }
        }
        // What else runs in this process takes some, too; all the zeros would be seen.
        let grown = peak().saturating_sub(before);
        assert!(grown < zeros / 2, "{status}: {grown} bytes more");
    }
    eventually("the end of the calls", || {
        (wire.gateway.metric("real200_open_calls") == 0.0).then_some(())
    });
}
