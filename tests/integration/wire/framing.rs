//! Where an answer ends: what frames it is followed to the byte, what contradicts itself is an error, and what is left over
//! belongs to nobody. RFC 9112 §6 and §7.

use super::super::harness::{Arrived, Piece};
use super::answers::{body, chunked, good, head, kind, send, sized, then_close};
use super::{Case, Outcome, Wire};

/// A right answer whose body is framed by hand.
fn framed(arrived: &Arrived, headers: &str, body: impl AsRef<[u8]>) -> Vec<Piece> {
    send([head(arrived, headers).as_bytes(), body.as_ref()].concat())
}

const CHUNKED: &str = "transfer-encoding: chunked\r\n";

/// The body in chunks of so many bytes, each size written by `size`, with this behind the last one's size.
fn chunks(body: &str, length: usize, size: fn(usize) -> String, end: &str) -> String {
    let chunks = body.as_bytes().chunks(length).map(|chunk| {
        let text = String::from_utf8_lossy(chunk);
        format!("{}\r\n{text}\r\n", size(chunk.len()))
    });
    chunks.collect::<String>() + end
}

#[test]
fn framings_are_followed() {
    let wire = Wire::patient();
    wire.try_all(&[
        Case::right("plain", |a| send(good(a))).reused(),
        Case::right("byte by byte", |a| vec![Piece::Slowly(good(a))]).reused(),
        Case::right("a length", |a| send(sized(a, "", body(a).as_bytes()))).reused(),
        Case::right("one chunk", |a| {
            framed(a, CHUNKED, chunked(body(a).as_bytes()))
        })
        .reused(),
        Case::right("many tiny chunks", |a| {
            let body = chunks(&body(a), 1, |n| n.to_string(), "0\r\n\r\n");
            framed(a, CHUNKED, body)
        })
        .reused(),
        Case::right("chunk extensions", |a| {
            let size = |n| format!("{n:x};name=value;quoted=\"a;b\"");
            framed(a, CHUNKED, chunks(&body(a), 9, size, "0;last\r\n\r\n"))
        })
        .reused(),
        Case::right("sizes in upper case with zeros before", |a| {
            let size = |n| format!("000{n:X}");
            framed(
                a,
                "Transfer-Encoding: Chunked\r\n",
                chunks(&body(a), 43, size, "000\r\n\r\n"),
            )
        })
        .reused(),
        Case::right("trailers", |a| {
            let end = "0\r\nx-trailer: one\r\nserver-timing: a;dur=1\r\n\r\n";
            framed(a, CHUNKED, chunks(&body(a), 50, |n| format!("{n:x}"), end))
        })
        .reused(),
        Case::right("chunks cut between packets", |a| {
            let framed = chunks(&body(a), 20, |n| format!("{n:x}"), "0\r\n\r\n");
            let cut = framed.as_bytes().chunks(7).map(Piece::send);
            send(head(a, CHUNKED)).into_iter().chain(cut).collect()
        })
        .reused(),
        Case::right("no reason", |a| {
            let answer = String::from_utf8(good(a)).unwrap();
            send(answer.replacen("200 OK", "200", 1))
        })
        .reused(),
    ]);
}

#[test]
fn the_end_of_the_connection_is_an_end() {
    Wire::patient().try_all(&[
        Case::right("neither length nor chunks", |a| {
            then_close(head(a, "") + &body(a))
        })
        .not_reused(),
        Case::right("the same, half closed", |a| {
            vec![Piece::send(head(a, "") + &body(a)), Piece::HalfClose]
        })
        .not_reused(),
        Case::right("HTTP/1.0", |a| {
            let head = format!("HTTP/1.0 200 OK\r\ncontent-type: {}\r\n\r\n", kind(a));
            then_close(head + &body(a))
        })
        .not_reused(),
        Case::right("HTTP/1.0 with a length", |a| {
            let answer = String::from_utf8(sized(a, "", body(a).as_bytes())).unwrap();
            then_close(answer.replacen("HTTP/1.1", "HTTP/1.0", 1))
        })
        .not_reused(),
        Case::right("HTTP/1.0 kept", |a| {
            let answer = sized(a, "connection: keep-alive\r\n", body(a).as_bytes());
            let answer = String::from_utf8(answer).unwrap();
            send(answer.replacen("HTTP/1.1", "HTTP/1.0", 1))
        }),
        Case::right("connection: close, and more behind the length", |a| {
            let body = body(a);
            let head = format!("connection: close\r\ncontent-length: {}\r\n", body.len());
            let again = String::from_utf8(good(a)).unwrap();
            framed(a, &head, body + &again)
        })
        .not_reused(),
        Case::right("connection: close, and not closed", |a| {
            send(sized(a, "Connection: Close\r\n", body(a).as_bytes()))
        })
        .not_reused(),
    ]);
}

#[test]
fn what_is_left_over_is_nobodys() {
    Wire::patient().try_all(&[
        Case::right("a second answer behind the first", |a| {
            send([good(a), good(a)].concat())
        })
        .not_reused(),
        Case::right("ten answers behind the first", |a| send(good(a).repeat(11))).not_reused(),
        Case::right("a second answer in a packet of its own", |a| {
            vec![Piece::Send(good(a)), Piece::Send(good(a))]
        }),
        Case::right("a second answer when the caller has the first", |a| {
            vec![
                Piece::Send(good(a)),
                Piece::AfterAnswer,
                Piece::Send(good(a)),
            ]
        })
        .in_turn(),
        Case::right("garbage behind the last chunk", |a| {
            let mut body = chunked(body(a).as_bytes());
            body.extend(b"GARBAGE");
            framed(a, CHUNKED, body)
        })
        .not_reused(),
        Case::right("line ends behind the body", |a| {
            send([&good(a)[..], b"\r\n\r\n"].concat())
        }),
        Case::right("garbage when the caller has its answer", |a| {
            vec![
                Piece::Send(good(a)),
                Piece::AfterAnswer,
                Piece::send("\0\x01\x02GARBAGE"),
            ]
        })
        .in_turn(),
        Case::fails("a length shorter than the body", |a| {
            let body = body(a);
            framed(a, &format!("content-length: {}\r\n", body.len() - 40), body)
        })
        .not_reused(),
        Case::fails("the same, the rest being an answer", |a| {
            let all = String::from_utf8(good(a)).unwrap();
            framed(a, "content-length: 2\r\n", format!("{{\"{all}"))
        })
        .not_reused(),
        Case::fails("204 with a body", |a| {
            let body = body(a);
            let head = format!(
                "HTTP/1.1 204 No Content\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            send(head + &body)
        })
        .not_reused(),
        Case::new("304 with an answer behind", Outcome::Error, |a| {
            let again = String::from_utf8(good(a)).unwrap();
            send(format!("HTTP/1.1 304 Not Modified\r\n\r\n{again}"))
        })
        .not_reused(),
        Case::fails("an empty 200 with an answer behind", |a| {
            let again = String::from_utf8(good(a)).unwrap();
            framed(a, "content-length: 0\r\n", again)
        })
        .not_reused(),
    ]);
}

#[test]
fn framings_that_break_off_are_errors() {
    Wire::patient().try_all(&[
        Case::fails("a length longer than half of the body", |a| {
            let body = body(a);
            let length = format!("content-length: {}\r\n", body.len());
            then_close(head(a, &length) + &body[..body.len() / 2])
        }),
        // Its JSON is whole, and yet it may be a part of something else.
        Case::fails("a length longer than the body", |a| {
            let body = body(a);
            let length = format!("content-length: {}\r\n", body.len() + 100);
            then_close(head(a, &length) + &body)
        })
        .stream(Outcome::Either),
        Case::fails("chunks that break off", |a| {
            let framed = chunks(&body(a), 50, |n| format!("{n:x}"), "0\r\n\r\n");
            then_close(head(a, CHUNKED) + &framed[..framed.len() / 2])
        }),
        Case::fails("no last chunk", |a| {
            let framed = chunks(&body(a), 50, |n| format!("{n:x}"), "");
            then_close(head(a, CHUNKED) + &framed)
        })
        .stream(Outcome::Either),
        Case::fails("an empty 200", |a| framed(a, "content-length: 0\r\n", "")),
        Case::fails("204", |_| send("HTTP/1.1 204 No Content\r\n\r\n")),
        Case::fails("a head and no body", |a| {
            let length = format!("content-length: {}\r\n", body(a).len());
            then_close(head(a, &length))
        }),
    ]);
}

#[test]
fn framings_that_contradict_themselves_cross_nothing() {
    Wire::patient().try_all(&[
        Case::either("two equal lengths", |a| {
            let length = format!("content-length: {}\r\n", body(a).len());
            framed(a, &length.repeat(2), body(a))
        }),
        Case::either("two equal lengths in one line", |a| {
            let length = body(a).len();
            framed(
                a,
                &format!("content-length: {length}, {length}\r\n"),
                body(a),
            )
        }),
        Case::either("two lengths, the second shorter", |a| {
            let length = body(a).len();
            let lengths = format!(
                "content-length: {length}\r\ncontent-length: {}\r\n",
                length - 9
            );
            framed(a, &lengths, body(a) + &String::from_utf8(good(a)).unwrap())
        })
        .not_reused(),
        Case::either("a length and chunks", |a| {
            let chunked = chunks(&body(a), 30, |n| format!("{n:x}"), "0\r\n\r\n");
            let both = format!("{CHUNKED}content-length: {}\r\n", chunked.len() - 20);
            framed(a, &both, chunked)
        }),
        Case::fails("a length that is none", |a| {
            then_close(head(a, "content-length: many\r\n") + &body(a))
        }),
        Case::either("a length with a sign", |a| {
            let length = body(a).len();
            framed(a, &format!("content-length: +{length}\r\n"), body(a))
        }),
        Case::fails("a negative length", |a| {
            then_close(head(a, "content-length: -1\r\n") + &body(a))
        }),
        Case::fails("a size over all numbers", |a| {
            let body = format!("fffffffffffffffff1\r\n{}\r\n0\r\n\r\n", body(a));
            then_close(head(a, CHUNKED) + &body)
        }),
        Case::fails("a size that is none", |a| {
            then_close(head(a, CHUNKED) + "many\r\n" + &body(a) + "\r\n0\r\n\r\n")
        }),
        Case::either("a chunk longer than its size", |a| {
            let body = body(a);
            let framed = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len() - 5);
            then_close(head(a, CHUNKED) + &framed)
        }),
        Case::either("garbage for trailers", |a| {
            let body = chunks(&body(a), 90, |n| format!("{n:x}"), "0\r\nGARBAGE\r\n\r\n");
            framed(a, CHUNKED, body)
        }),
        Case::either("an unknown transfer encoding", |a| {
            then_close(head(a, "transfer-encoding: rot13\r\n") + &body(a))
        }),
        Case::either("transfer encoding of HTTP/1.0", |a| {
            let head = head(a, CHUNKED).replacen("HTTP/1.1", "HTTP/1.0", 1);
            then_close([head.as_bytes(), &chunked(body(a).as_bytes())].concat())
        }),
        Case::either("bare line feeds", |a| {
            let answer = String::from_utf8(sized(a, "", body(a).as_bytes())).unwrap();
            then_close(answer.replace("\r\n", "\n"))
        }),
        Case::either("a line end before the status", |a| {
            send([b"\r\n", &good(a)[..]].concat())
        }),
        Case::either("a header without a colon", |a| {
            send(sized(a, "no colon here\r\n", body(a).as_bytes()))
        }),
        Case::either("a header continued on the next line", |a| {
            send(sized(a, "x-long: one\r\n two\r\n", body(a).as_bytes()))
        }),
        Case::either("100 KB of headers", |a| {
            let long = format!("x-long: {}\r\n", "x".repeat(1000)).repeat(100);
            send(sized(a, &long, body(a).as_bytes()))
        }),
        Case::either("300 headers", |a| {
            send(sized(a, &"x-a: b\r\n".repeat(300), body(a).as_bytes()))
        }),
        Case::fails("another protocol", |_| {
            then_close("SSH-2.0-OpenSSH_9.9\r\n")
        }),
        Case::fails("HTTP/0.9", |a| then_close(body(a))),
        Case::fails("HTTP/2 unasked", |_| {
            then_close(
                b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
            )
        }),
    ]);
}
