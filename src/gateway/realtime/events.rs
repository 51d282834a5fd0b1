//! The events of a session, as far as the gateway looks at them. All others pass as they are.
//! Reference: OpenAI API reference, "Realtime: client events" and "server events". Fields are read under the names of the
//! preview, too, which providers still speak.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::{CallId, Error};

/// An event of the client.
#[derive(Deserialize)]
pub(super) struct Asked<'a> {
    /// What it is.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    /// What the client calls it.
    pub(super) event_id: Option<String>,
}

/// An event of the provider.
#[derive(Deserialize)]
pub(super) struct Told<'a> {
    /// What it is.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    /// Of which response it is a part.
    response_id: Option<Value>,
    /// A piece of a response.
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    /// A response.
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    /// The session's settings.
    pub(super) session: Option<Value>,
    /// What went wrong.
    error: Option<Value>,
}

impl Told<'_> {
    /// The response that it is a part of, and the piece, as it stands between its quotes.
    pub(super) fn piece(&self) -> Option<(&str, &[u8])> {
        let text = self.delta?.get().strip_prefix('"')?.strip_suffix('"')?;
        Some((self.response_id.as_ref()?.as_str()?, text.as_bytes()))
    }

    /// What the client's event is called that an error is about.
    pub(super) fn about(&self) -> Option<&str> {
        self.error.as_ref()?.get("event_id")?.as_str()
    }

    /// The response that it is about.
    pub(super) fn response(&self) -> Option<Response<'_>> {
        serde_json::from_str(self.response?.get()).ok()
    }

    /// The response that it is about, as it stands there.
    pub(super) fn response_text(&self) -> &str {
        self.response.map_or("", RawValue::get)
    }
}

/// A response, at its beginning or its end.
#[derive(Deserialize)]
pub(super) struct Response<'a> {
    pub(super) id: String,
    pub(super) status: Option<String>,
    #[serde(alias = "max_response_output_tokens")]
    max_output_tokens: Option<Value>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

impl Response<'_> {
    /// Its output limit.
    pub(super) fn limit(&self) -> Option<u64> {
        self.max_output_tokens.as_ref().and_then(Value::as_u64)
    }
}

/// The names of the output limit, of now and of the preview.
const LIMITS: [&str; 2] = ["max_output_tokens", "max_response_output_tokens"];

/// The output limit in the settings of a session or a response; `inf` is none.
pub(super) fn limit(settings: &Map<String, Value>) -> Option<u64> {
    LIMITS
        .into_iter()
        .find_map(|name| settings.get(name)?.as_u64())
}

/// Whether it says anything of an output limit.
pub(super) fn names_limit(settings: &Map<String, Value>) -> bool {
    LIMITS.into_iter().any(|name| settings.contains_key(name))
}

/// Writes the output limit, under the name that is there or under that of the interface.
pub(super) fn set_limit(settings: &mut Map<String, Value>, preview: bool, limit: u64) {
    let [now, before] = LIMITS;
    let name = if settings.contains_key(before) || (preview && !settings.contains_key(now)) {
        before
    } else {
        now
    };
    settings.insert(name.to_owned(), limit.into());
}

/// Takes the transcription of what the client says out of a session's settings; whether there was any.
pub(super) fn take_transcription(session: &mut Map<String, Value>) -> bool {
    let is_there = |value: Value| !value.is_null();
    let before = session.remove("input_audio_transcription");
    let now = session
        .get_mut("audio")
        .and_then(|audio| audio.get_mut("input")?.as_object_mut())
        .and_then(|input| input.remove("transcription"));
    before.is_some_and(is_there) | now.is_some_and(is_there)
}

/// How audio is coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Coding {
    /// 16 bits at 24 kHz.
    Pcm,
    /// G.711, 8 bits at 8 kHz; or whatever is not known.
    #[default]
    Narrow,
}

/// Of the settings of a session, what matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    /// The output limit of each response; `None`: the model's.
    pub(super) limit: Option<u64>,
    /// Whether the provider makes responses by itself when it hears the end of what is said.
    pub(super) answers_by_itself: bool,
    pub(super) heard: Coding,
    pub(super) spoken: Coding,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: None,
            answers_by_itself: true,
            heard: Coding::Narrow,
            spoken: Coding::Narrow,
        }
    }
}

impl Settings {
    /// As the provider tells them.
    pub(super) fn of(session: &Value) -> Self {
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| session.pointer(name));
        let coding = |names| {
            let name = first(names).and_then(Value::as_str);
            if name.is_some_and(|name| name.contains("pcm16") || name == "audio/pcm") {
                Coding::Pcm
            } else {
                Coding::Narrow
            }
        };
        let turns = first(["/audio/input/turn_detection", "/turn_detection"]);
        let by_itself = |turns: &Value| {
            !turns.is_null() && turns.get("create_response") != Some(&Value::Bool(false))
        };
        Self {
            limit: session.as_object().and_then(limit),
            answers_by_itself: turns.is_none_or(by_itself),
            heard: coding(["/audio/input/format/type", "/input_audio_format"]),
            spoken: coding(["/audio/output/format/type", "/output_audio_format"]),
        }
    }
}

/// The event that tells a client of an error; `about`: what the client called the event that it is about.
pub(super) fn error(id: CallId, error: &Error, about: Option<&str>) -> String {
    json!({
        "type": "error",
        "event_id": format!("event_{id}"),
        "error": {
            "type": error.code.kind(),
            "code": error.code.as_str(),
            "message": error.message,
            "param": error.param,
            "event_id": about,
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn settings_are_read_under_both_names() {
        let now = json!({"max_output_tokens": 100, "audio": {
            "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": {"type": "server_vad", "create_response": true}},
            "output": {"format": {"type": "audio/pcmu"}},
        }});
        let before = json!({"max_response_output_tokens": 100, "input_audio_format": "pcm16", "output_audio_format": "g711_ulaw",
            "turn_detection": {"type": "server_vad"}});
        for session in [now, before] {
            let expected = Settings {
                limit: Some(100),
                answers_by_itself: true,
                heard: Coding::Pcm,
                spoken: Coding::Narrow,
            };
            assert_eq!(Settings::of(&session), expected, "{session}");
        }
        for quiet in [
            json!({"turn_detection": null}),
            json!({"audio": {"input": {"turn_detection": {"create_response": false}}}}),
        ] {
            assert!(!Settings::of(&quiet).answers_by_itself, "{quiet}");
        }
        let unlimited = Settings::of(&json!({"max_output_tokens": "inf"}));
        assert_eq!(unlimited, Settings::default());
    }

    #[test]
    fn a_limit_is_written_where_the_interface_reads_it() {
        for (before, preview, name) in [
            (json!({}), false, LIMITS[0]),
            (json!({}), true, LIMITS[1]),
            (json!({"max_output_tokens": "inf"}), true, LIMITS[0]),
            (
                json!({"max_response_output_tokens": "inf"}),
                false,
                LIMITS[1],
            ),
        ] {
            let mut settings = object(before);
            set_limit(&mut settings, preview, 7);
            assert_eq!(Value::Object(settings), json!({name: 7}));
        }
    }

    #[test]
    fn transcription_is_taken_out_wherever_it_stands() {
        for (session, was) in [
            (json!({"input_audio_transcription": {"model": "w"}}), true),
            (json!({"input_audio_transcription": null}), false),
            (
                json!({"audio": {"input": {"transcription": {"model": "w"}}}}),
                true,
            ),
            (json!({"audio": {"output": {}}}), false),
        ] {
            let mut session = object(session);
            assert_eq!(take_transcription(&mut session), was, "{session:?}");
            assert!(!Value::Object(session).to_string().contains("transcription"));
        }
    }
}
