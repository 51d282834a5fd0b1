//! OpenAI responses. Each event has a `type`; a stream ends with `response.completed`, `response.incomplete` or
//! `response.failed`, which carry the whole response with its usage, or with an `error` event.
//! Reference: OpenAI API reference, "Responses" and "Streaming events".

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::event::Event;
use super::number::{Count, lenient};
use super::report::Report;
use super::told::{CutOff, Seen, Written, wire_usage};
use super::walk;
use super::{chat, images, usage};
use crate::domain::{Drawn, Error, Pieces, UsagePart};

pub(super) fn read_frame(data: &[u8], written: &mut Written) -> Seen {
    let Event {
        kind,
        delta,
        failed,
    } = Event::read(data);
    match kind {
        b"response.completed" | b"response.incomplete" => Seen {
            terminal: true,
            usage: read_usage(data),
            ..Seen::default()
        },
        b"response.failed" | b"response.cancelled" => Seen {
            terminal: true,
            error: true,
            usage: read_usage(data),
            ..Seen::default()
        },
        b"response.output_item.done" => Seen {
            usage: done(data),
            error: failed,
            ..Seen::default()
        },
        b"error" => Seen {
            terminal: true,
            error: true,
            ..Seen::default()
        },
        _ if kind.ends_with(b".delta") && !delta.is_empty() => {
            written.push(delta);
            Seen {
                content: true,
                error: failed,
                ..Seen::default()
            }
        }
        _ => Seen {
            error: failed,
            ..Seen::default()
        },
    }
}

fn read_usage(data: &[u8]) -> Option<Box<Report>> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        response: Option<&'a RawValue>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    report(event.response?.get().as_bytes()).map(Box::new)
}

/// What one of the provider's own tools has done, as its item tells when it is done: all there is of it if the stream breaks off.
fn done(data: &[u8]) -> Option<Box<Report>> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        item: Option<&'a RawValue>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    let item = event.item.filter(|raw| raw.get().contains("_call\""))?;
    let items = RawValue::from_string(format!("[{}]", item.get())).ok()?;
    let (made, _) = called(Some(&items));
    (made != Pieces::default()).then(|| {
        Box::new(Report {
            made,
            ..Report::default()
        })
    })
}

/// What a response says was used: its usage, and its own tools' as `tool_usage` or, where that is left out, by their calls in
/// the output (openai-python 3.57.0, `types/responses`: a page that is opened or searched in is no search).
pub(super) fn report(response: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        #[serde(borrow)]
        service_tier: Option<&'a RawValue>,
        #[serde(borrow)]
        output: Option<&'a RawValue>,
        #[serde(borrow)]
        tools: Option<&'a RawValue>,
        #[serde(borrow)]
        tool_usage: Option<&'a RawValue>,
    }
    let response: Response<'_> = serde_json::from_slice(response).ok()?;
    let mut report = usage::report(response.usage?, response.service_tier)?;
    let calls = response.output.filter(|raw| raw.get().contains("_call\""));
    let (calls, drawn) = called(calls);
    // What the usage tells itself is not told twice.
    report.pieces = report.pieces.max(calls);
    report.drawn = drawn;
    let told: ToolUsage<'_> = lenient(response.tool_usage).unwrap_or_default();
    let searched: Option<Searched> = lenient(told.web_search);
    if let Some(searches) = searched.and_then(|told| told.num_requests.0) {
        report.pieces.web_searches = searches;
    }
    let image_gen = told
        .image_gen
        .and_then(|raw| usage::report(raw, None)?.usage());
    if let Some(drawn) = image_gen.filter(|drawn| drawn.total() > 0) {
        let drawn = images::all_image(drawn);
        report.beside = drawn;
        report.parts = vec![UsagePart {
            model: Some(image_model(response.tools)),
            usage: drawn,
        }];
    }
    Some(report)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToolUsage<'a> {
    #[serde(borrow)]
    web_search: Option<&'a RawValue>,
    #[serde(borrow)]
    image_gen: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Searched {
    num_requests: Count,
}

/// The model that drew: what the tool names, or else the usual one.
fn image_model(tools: Option<&RawValue>) -> String {
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<&'a RawValue>,
        #[serde(borrow)]
        model: Option<&'a RawValue>,
    }
    let tools: Vec<Tool<'_>> = lenient(tools).unwrap_or_default();
    let named = tools
        .iter()
        .filter(|tool| lenient::<String>(tool.kind).as_deref() == Some("image_generation"))
        .find_map(|tool| lenient(tool.model));
    named.unwrap_or_else(|| "gpt-image-1".to_owned())
}

/// What the provider's own tools did, by their calls in the output.
fn called(output: Option<&RawValue>) -> (Pieces, Drawn) {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<&'a RawValue>,
        #[serde(borrow)]
        action: Option<&'a RawValue>,
        #[serde(borrow)]
        container_id: Option<&'a RawValue>,
        #[serde(borrow)]
        size: Option<&'a RawValue>,
        #[serde(borrow)]
        quality: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Action<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<&'a RawValue>,
    }
    let items: Vec<Item<'_>> = lenient(output).unwrap_or_default();
    let (mut pieces, mut drawn) = (Pieces::default(), Drawn::default());
    let mut containers: Vec<&str> = Vec::new();
    for item in &items {
        match lenient::<String>(item.kind).as_deref() {
            Some("web_search_call") => {
                let action: Option<Action<'_>> = lenient(item.action);
                let kind = action.and_then(|action| lenient::<String>(action.kind));
                if !matches!(kind.as_deref(), Some("open_page" | "find_in_page" | "find")) {
                    pieces.web_searches += 1;
                }
            }
            Some("file_search_call") => pieces.file_searches += 1,
            Some("code_interpreter_call") => {
                let container = item.container_id.map_or("", RawValue::get);
                if !containers.contains(&container) {
                    containers.push(container);
                    pieces.code_sessions += 1;
                }
            }
            Some("image_generation_call") => {
                pieces.images += 1;
                drawn = images::drawn(item.size, item.quality);
            }
            _ => {}
        }
    }
    (pieces, drawn)
}

pub(super) fn read_written(answer: &[u8], written: &mut Written) {
    // Words stand inside `output`; the members outside repeat the request.
    walk::members(answer, |depth, key, value| {
        if depth > 2
            && matches!(key, b"text" | b"refusal" | b"arguments" | b"name")
            && let Some(text) = value.text()
        {
            written.push(text);
        }
    });
}

/// Ends the message that is being written, if it is the only item, and then the response, which is incomplete.
pub(super) fn cut_off(cut: &CutOff<'_>) -> String {
    let mut response = match CutOff::object(cut.first).remove("response") {
        Some(Json::Object(response)) => response,
        Some(_) | None => Map::new(),
    };
    let dropped = CutOff::object(cut.dropped);
    let mut events = Vec::new();
    if let Some((place, text)) = only_message(&dropped, cut.written) {
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        let item = json!({"type": "message", "id": place, "status": "incomplete", "role": "assistant", "content": [part]});
        events.push(json!({"type": "response.output_text.done", "item_id": place, "output_index": 0, "content_index": 0, "text": text}));
        events.push(json!({"type": "response.content_part.done", "item_id": place, "output_index": 0, "content_index": 0, "part": part}));
        events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        response.insert("output".to_owned(), json!([item]));
    }
    response.insert("status".to_owned(), json!("incomplete"));
    response.insert(
        "incomplete_details".to_owned(),
        json!({"reason": "max_output_tokens"}),
    );
    response.insert("usage".to_owned(), wire_usage(cut.usage, "input", "output"));
    events.push(json!({"type": "response.incomplete", "response": response}));
    let next = dropped
        .get("sequence_number")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    let mut frames = String::new();
    for (number, mut event) in (next..).zip(events) {
        if let Some(fields) = event.as_object_mut() {
            fields.insert("sequence_number".to_owned(), number.into());
        }
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
        frames.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    frames
}

/// The id and the text of the message that is being written, where nothing else was.
fn only_message<'a>(
    dropped: &'a Map<String, Json>,
    written: &Written,
) -> Option<(&'a str, String)> {
    let is = |name: &str, value: Json| dropped.get(name) == Some(&value);
    if !is("type", json!("response.output_text.delta"))
        || !is("output_index", json!(0))
        || !is("content_index", json!(0))
    {
        return None;
    }
    let (text, beyond) = written.text();
    let delta = dropped.get("delta")?.as_str()?;
    let kept = text.strip_suffix(delta).filter(|_| beyond == 0)?;
    Some((dropped.get("item_id")?.as_str()?, kept.to_owned()))
}

pub(super) fn error_frame(error: &Error) -> String {
    let event = json!({
        "type": "error",
        "code": error.code.as_str(),
        "message": error.message,
        "param": error.param,
        "sequence_number": 0,
        "error": chat::body(error),
    });
    format!("event: error\ndata: {event}\n\n")
}
