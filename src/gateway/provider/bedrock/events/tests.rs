//! Frames are encoded by hand here: what the library writes, it would read whatever the standard says.

use bytes::BufMut;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A frame with these headers, encoded by hand.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    for (name, value) in headers {
        coded.put_u8(u8::try_from(name.len()).unwrap());
        coded.put_slice(name.as_bytes());
        // A string.
        coded.put_u8(7);
        coded.put_u16(u16::try_from(value.len()).unwrap());
        coded.put_slice(value.as_bytes());
    }
    let mut frame = Vec::new();
    frame.put_u32(u32::try_from(16 + coded.len() + payload.len()).unwrap());
    frame.put_u32(u32::try_from(coded.len()).unwrap());
    frame.put_u32(crc32fast::hash(&frame));
    frame.put_slice(&coded);
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame
}

fn chunk(event: &Value) -> Vec<u8> {
    let bytes = BASE64_STANDARD.encode(event.to_string());
    let payload = json!({"bytes": bytes, "p": "abcdefg"}).to_string();
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload.as_bytes())
}

fn exception(kind: &str, message: &str) -> Vec<u8> {
    let payload = json!({"message": message}).to_string();
    let headers = [(":exception-type", kind), (":message-type", "exception")];
    frame(&headers, payload.as_bytes())
}

/// All events of bytes that come in these pieces.
fn events<'a>(
    endpoint: Endpoint,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<String, Broken> {
    let mut decoder = Decoder::new(endpoint);
    let mut events = String::new();
    for piece in pieces {
        events.push_str(&decoder.take(piece)?);
    }
    events.push_str(&decoder.end()?);
    Ok(events)
}

fn message() -> (Vec<u8>, String) {
    let said = [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 3}}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é\n"}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 1}}),
    ];
    let frames = said.iter().flat_map(chunk).collect();
    let event = |event: &Value| {
        let kind = event["type"].as_str().unwrap();
        format!("event: {kind}\ndata: {event}\n\n")
    };
    (frames, said.iter().map(event).collect())
}

#[test]
fn a_message_is_given_on_event_by_event() {
    let (frames, said) = message();
    assert_eq!(events(Endpoint::Messages, [&frames[..]]), Ok(said));
}

#[test]
fn a_chat_ends_with_its_usage_and_done() {
    let piece = |choices: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices});
    let words = piece(json!([{"index": 0, "delta": {"content": "Hi"}, "finish_reason": null}]));
    let mut last = piece(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]));
    last["amazon-bedrock-invocationMetrics"] =
        json!({"inputTokenCount": 7, "outputTokenCount": 2, "invocationLatency": 9});
    let frames = [chunk(&words), chunk(&last)].concat();
    let read = events(Endpoint::Chat, [&frames[..]]).unwrap();
    let lines: Vec<&str> = read.split("\n\n").collect();
    assert_eq!(lines.len(), 5, "{read}");
    assert_eq!(lines[0], format!("data: {words}"));
    let usage: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&usage["id"], &usage["choices"]), (&json!("c"), &json!([])));
    assert_eq!(
        (
            &usage["usage"]["prompt_tokens"],
            &usage["usage"]["completion_tokens"]
        ),
        (&json!(7), &json!(2))
    );
    assert_eq!(lines[3], "data: [DONE]");
    // A provider that tells it as OpenAI does has told it.
    last["usage"] = json!({"prompt_tokens": 7, "completion_tokens": 2});
    let frames = [chunk(&words), chunk(&last)].concat();
    let read = events(Endpoint::Chat, [&frames[..]]).unwrap();
    assert_eq!(read.matches("\"usage\"").count(), 1, "{read}");
    // And one that was cut off has not finished.
    let read = events(Endpoint::Chat, [&chunk(&words)[..]]).unwrap();
    assert_eq!(read, format!("data: {words}\n\n"));
}

#[test]
fn an_exception_is_an_error_of_the_dialect_and_the_end() {
    let (mut frames, _) = message();
    frames.splice(0..0, exception("throttlingException", "slow down"));
    frames.extend(exception("internalServerException", "again"));
    let read = events(Endpoint::Messages, [&frames[..]]).unwrap();
    let data = read.strip_prefix("event: error\ndata: ").unwrap();
    let error: Value = serde_json::from_str(data.trim_end()).unwrap();
    assert_eq!(
        error,
        json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down", "code": 429}})
    );
    let read = events(Endpoint::Chat, [&frames[..]]).unwrap();
    let error: Value =
        serde_json::from_str(read.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["type"]),
        (&json!(429), &json!("throttlingException"))
    );
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalError"),
        (":error-message", "boom"),
    ];
    let read = events(Endpoint::Chat, [&frame(&headers, b"")[..]]).unwrap();
    assert!(read.contains("\"boom\"") && read.contains("500"), "{read}");
}

#[test]
fn what_is_damaged_or_cut_short_is_no_stream() {
    let (frames, _) = message();
    for at in 0..frames.len() {
        let mut flipped = frames.clone();
        flipped[at] ^= 1;
        assert!(
            events(Endpoint::Messages, [&flipped[..]]).is_err(),
            "byte {at}"
        );
    }
    for end in 1..frames.len() {
        let cut = events(Endpoint::Messages, [&frames[..end]]);
        let whole = cut
            .as_ref()
            .is_ok_and(|read| read.matches("event: ").count() > 0);
        assert!(cut.is_err() || whole, "{end}: {cut:?}");
    }
    let long = [&(64u32 << 20).to_be_bytes()[..], &[0; 4]].concat();
    let mut long = [long.clone(), crc32fast::hash(&long).to_be_bytes().to_vec()].concat();
    long.resize(MOST_HELD + 13, 0);
    assert_eq!(
        events(Endpoint::Messages, [&long[..]]),
        Err(Broken("one is too long".to_owned()))
    );
    let odd = frame(&[(":message-type", "event"), (":event-type", "new")], b"{}");
    assert_eq!(events(Endpoint::Messages, [&odd[..]]), Ok(String::new()));
    let none = frame(
        &[(":message-type", "event"), (":event-type", "chunk")],
        b"{}",
    );
    assert!(events(Endpoint::Messages, [&none[..]]).is_err());
}

#[test]
fn one_cut_anywhere_makes_no_difference() {
    let (frames, said) = message();
    for at in 0..=frames.len() {
        let (before, behind) = frames.split_at(at);
        let read = events(Endpoint::Messages, [before, behind]);
        assert_eq!(read.as_deref(), Ok(said.as_str()), "cut at {at}");
    }
}

proptest! {
    #[test]
    fn no_way_of_cutting_the_bytes_makes_a_difference(sizes in prop::collection::vec(1usize..90, 1..200)) {
        let (frames, said) = message();
        let (mut rest, mut pieces) = (&frames[..], Vec::new());
        for size in sizes {
            let (piece, left) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(events(Endpoint::Messages, pieces), Ok(said));
    }
}
