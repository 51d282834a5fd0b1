//! What stands around JSON and events: byte order marks, line ends, comments, and events that say nothing. None of it is an
//! error, and none of it is lost on a client that reads as the WHATWG says.

use super::super::harness::{Arrived, Piece};
use super::answers::{body, events, good, head, send, sized, then_close};
use super::{Case, Outcome, Wire};

const BOM: &str = "\u{feff}";

/// For a stream, its events as `write` has them; for JSON, a plain answer.
fn stream(arrived: &Arrived, write: impl FnOnce(Vec<String>) -> String) -> Vec<Piece> {
    if arrived.stream {
        let body = write(events(arrived.mark));
        send(sized(arrived, "", body.as_bytes()))
    } else {
        send(good(arrived))
    }
}

fn each(events: &[String], write: impl Fn(&str) -> String) -> String {
    events.iter().map(|event| write(event)).collect()
}

#[test]
fn what_stands_around_json_is_no_error() {
    Wire::patient().try_all(&[
        Case::right("a byte order mark", |a| {
            send(sized(a, "", (BOM.to_owned() + &body(a)).as_bytes()))
        })
        .reused(),
        Case::right("a byte order mark, byte by byte", |a| {
            let answer = sized(a, "", (BOM.to_owned() + &body(a)).as_bytes());
            vec![Piece::Slowly(answer)]
        }),
        Case::right("line ends before and behind", |a| {
            send(sized(a, "", format!("\r\n\n\n{}\n\n", body(a)).as_bytes()))
        }),
        // Some keep a connection alive in this way while a model thinks.
        Case::right("spaces before", |a| {
            let before = if a.stream { "\n" } else { " " };
            send(sized(a, "", (before.repeat(5000) + &body(a)).as_bytes()))
        }),
        Case::right("a byte order mark and spaces", |a| {
            send(sized(a, "", format!("{BOM}\n{}", body(a)).as_bytes()))
        }),
        Case::right("a character set", |a| {
            let answer = String::from_utf8(good(a)).unwrap();
            send(
                answer
                    .replacen("application/json", "application/json; charset=utf-8", 1)
                    .replacen("text/event-stream", "Text/Event-Stream;charset=UTF-8", 1),
            )
        }),
    ]);
}

#[test]
fn events_may_be_written_in_every_way_that_the_standard_knows() {
    Wire::patient().try_all(&[
        Case::right("carriage returns alone", |a| {
            stream(a, |all| each(&all, |event| format!("data: {event}\r\r")))
        }),
        Case::right("carriage returns, byte by byte", |a| {
            if !a.stream {
                return send(good(a));
            }
            let body = each(&events(a.mark), |event| format!("data: {event}\r\r"));
            vec![Piece::Slowly(sized(a, "", body.as_bytes()))]
        }),
        Case::right("both", |a| {
            stream(a, |all| {
                each(&all, |event| format!("data: {event}\r\n\r\n"))
            })
        }),
        Case::right("both, split over packets", |a| {
            let body = each(&events(a.mark), |event| format!("data: {event}\r\n\r\n"));
            if !a.stream {
                return send(good(a));
            }
            let head = head(a, &format!("content-length: {}\r\n", body.len()));
            let cut = body.split_inclusive('\r').map(Piece::send);
            send(head).into_iter().chain(cut).collect()
        }),
        Case::right("all mixed", |a| {
            stream(a, |all| {
                const ENDS: [&str; 5] = ["\n\n", "\r\r", "\r\n\r\n", "\n\r\n", "\r\n\n"];
                let written = all.iter().zip(ENDS.iter().cycle());
                written
                    .map(|(event, end)| format!("data: {event}{end}"))
                    .collect()
            })
        }),
        Case::right("a byte order mark", |a| {
            stream(a, |all| {
                BOM.to_owned() + &each(&all, |e| format!("data: {e}\n\n"))
            })
        }),
        Case::right("events of nothing between", |a| {
            stream(a, |all| {
                each(&all, |e| format!("data:\n\ndata: \n\ndata: {e}\n\n"))
            })
        }),
        Case::right("data without a colon between", |a| {
            stream(a, |all| each(&all, |e| format!("data\n\ndata: {e}\n\n")))
        }),
        Case::right("no space behind the colon", |a| {
            stream(a, |all| each(&all, |e| format!("data:{e}\n\n")))
        }),
        Case::right("comments between", |a| {
            stream(a, |all| {
                each(&all, |e| format!(": wait\n\n:\n: again\ndata: {e}\n\n"))
            })
        }),
        Case::right("other fields", |a| {
            stream(a, |all| {
                each(&all, |e| {
                    format!("id: 7\nretry: 1000\nevent: message\nx: y\nnothing\ndata: {e}\n\n")
                })
            })
        }),
        Case::right("blank lines between", |a| {
            stream(a, |all| each(&all, |e| format!("\n\n\ndata: {e}\n\n\n\n")))
        }),
        Case::right("no blank line at the end", |a| {
            stream(a, |all| {
                each(&all, |e| format!("data: {e}\n\n"))
                    .trim_end()
                    .to_owned()
            })
        }),
        Case::right("one line end at the end", |a| {
            stream(a, |all| {
                each(&all, |e| format!("data: {e}\n\n"))
                    .trim_end()
                    .to_owned()
                    + "\n"
            })
        }),
        Case::right("data over two lines", |a| {
            stream(a, |all| {
                each(&all, |e| {
                    format!(
                        "data: {}\n\n",
                        e.replacen("\"choices\"", "\ndata: \"choices\"", 1)
                    )
                })
            })
        }),
        Case::right("a comment of 100 KB", |a| {
            stream(a, |all| {
                format!(":{}\n\n", "x".repeat(100_000)) + &each(&all, |e| format!("data: {e}\n\n"))
            })
        }),
        Case::right("behind [DONE] something more", |a| {
            stream(a, |all| {
                each(&all, |e| format!("data: {e}\n\n")) + ": bye\n\n"
            })
        }),
    ]);
}

#[test]
fn streams_that_say_nothing_are_errors() {
    Wire::patient().try_all(&[
        Case::fails("comments only", |a| {
            let body = if a.stream { ": wait\n\n" } else { "" };
            send(sized(a, "", body.as_bytes()))
        }),
        Case::fails("a byte order mark only", |a| {
            send(sized(a, "", BOM.as_bytes()))
        }),
        Case::fails("events of nothing only", |a| {
            send(sized(a, "", b"data:\n\ndata\n\ndata: \n\n"))
        }),
        Case::fails("a page", |a| {
            then_close(head(a, "") + "<html><body>Bad gateway</body></html>")
        }),
        Case::fails("null", |a| send(sized(a, "", b"null"))).stream(Outcome::Error),
        Case::either("two documents", |a| {
            let again = if a.stream { "" } else { &body(a) };
            send(sized(a, "", (body(a) + again).as_bytes()))
        }),
        Case::either("not UTF-8", |a| {
            let body = body(a);
            let (before, behind) = body.split_once("upstream-model").unwrap();
            send(sized(
                a,
                "",
                &[before.as_bytes(), b"\xff\xfe", behind.as_bytes()].concat(),
            ))
        }),
        Case::fails("UTF-16", |a| {
            let body = body(a);
            let wide = body.encode_utf16().flat_map(u16::to_le_bytes);
            let bytes: Vec<_> = [0xff, 0xfe].into_iter().chain(wide).collect();
            send(sized(a, "", &bytes))
        }),
    ]);
}
