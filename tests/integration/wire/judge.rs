//! What a client makes of an answer, read as the standards say and with no code of the gateway's.

use serde_json::Value;

use super::super::harness::{Mark, Reply};
use super::answers;

/// What came of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Came {
    /// The whole of the right answer.
    Right,
    /// The provider's refusal with this status, in its words to this caller.
    Refused(u16),
    /// An error, or a stream that ends in one or is cut off.
    Error,
}

/// Reads an answer to `mark`. It may be the right one, whole, or an error; and in no case may it say another's mark.
pub(super) fn judge(what: &str, mark: Mark, streamed: bool, reply: &Reply) -> Came {
    let said = &reply.body;
    for other in Mark::all_in(said) {
        assert_eq!(other, mark, "{what}: ANOTHER CALLER'S ANSWER: {said}");
    }
    if reply.status != 200 {
        let error = serde_json::from_str::<Value>(said)
            .unwrap_or_else(|e| panic!("{what}: {} and no JSON ({e}): {said}", reply.status));
        assert!(
            error["error"]["message"].is_string(),
            "{what}: {}: {said}",
            reply.status
        );
        return if Mark::all_in(said).is_empty() {
            Came::Error
        } else {
            Came::Refused(reply.status)
        };
    }
    let (words, whole) = if streamed {
        stream(said)
    } else {
        let answer = serde_json::from_str::<Value>(without_bom(said).trim_ascii())
            .unwrap_or_else(|e| panic!("{what}: 200 and no JSON ({e}): {said}"));
        let words = &answer["choices"][0]["message"]["content"];
        (words.as_str().unwrap_or_default().to_owned(), true)
    };
    if !whole {
        assert!(
            answers::words(mark).starts_with(&words),
            "{what}: other words: {said}"
        );
        return Came::Error;
    }
    assert_eq!(words, answers::words(mark), "{what}: {said}");
    Came::Right
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The data of each event, as the WHATWG reads a stream: any of three line ends, `data` lines joined, what is empty ignored.
pub(super) fn events(text: &str) -> Vec<String> {
    let text = without_bom(text).replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), String::new());
    for line in text.split('\n') {
        if line.is_empty() {
            let event = std::mem::take(&mut data);
            if !event.trim().is_empty() {
                events.push(event.trim_end_matches('\n').to_owned());
            }
        } else if line == "data" {
            data.push('\n');
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
            data.push('\n');
        }
    }
    // Clients of these interfaces take a last event without its blank line, too.
    if !data.trim().is_empty() {
        events.push(data.trim_end_matches('\n').to_owned());
    }
    events
}

/// The words of a stream, and whether it ended as it should, without an error.
fn stream(text: &str) -> (String, bool) {
    let (mut words, mut done, mut error) = (String::new(), false, false);
    for event in events(text) {
        if event.trim() == "[DONE]" {
            done = true;
            continue;
        }
        let Ok(event) = serde_json::from_str::<Value>(&event) else {
            // Cut off in the middle.
            error = true;
            continue;
        };
        error |= !event["error"].is_null();
        if let Some(delta) = event["choices"][0]["delta"]["content"].as_str() {
            words.push_str(delta);
        }
    }
    (words, done && !error)
}
