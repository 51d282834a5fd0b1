//! The provider that needs no provider: it answers with the words of the last prompt, in every dialect, and embeds texts as
//! unit vectors that depend on nothing but their words.
//!
//! A token is a word here, in the prompt and in the answer alike: what it reports as usage can be counted by eye. It stops
//! at the output limit (`finish_reason` `length`), and where a tool must be called, it calls it with the words as argument.

mod embed;
mod gemini;
mod judge;
mod media;
mod messages;
mod prompt;
mod responses;

use std::collections::VecDeque;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Body, Outgoing};
use crate::domain::Endpoint;
use prompt::Echo;

/// Answers a call.
pub(super) fn answer(outgoing: &Outgoing<'_>) -> Answer {
    let body: Map<String, Value> = serde_json::from_slice(outgoing.body).unwrap_or_default();
    let echo = Echo::of(outgoing, &body);
    match (outgoing.endpoint, echo.stream) {
        (Endpoint::Embeddings, _) => whole(&embed::answer(&body)),
        (Endpoint::EmbedContent, _) if outgoing.batch => whole(&gemini::embeddings(&body)),
        (Endpoint::EmbedContent, _) => whole(&json!({"embedding": gemini::embedding(&body)})),
        (Endpoint::Moderations, _) => whole(&judge::moderation(outgoing.model, &body)),
        (Endpoint::Rerank, _) => whole(&judge::rerank(&body)),
        (Endpoint::Images | Endpoint::ImageEdits, _) => whole(&media::images(&body, &echo)),
        (Endpoint::Speech, _) => media::speech(&body),
        (Endpoint::Transcriptions | Endpoint::Translations, _) => whole(&media::heard()),
        (Endpoint::Responses, false) => whole(&responses::answer(&echo)),
        (Endpoint::Responses, true) => streamed(responses::events(&echo)),
        (Endpoint::Messages, false) => whole(&messages::answer(&echo)),
        (Endpoint::Messages, true) => streamed(messages::events(&echo)),
        (Endpoint::GenerateContent, false) => whole(&gemini::answer(&echo)),
        (Endpoint::GenerateContent, true) => streamed(gemini::chunks(&echo)),
        (Endpoint::Completions, false) => whole(&completion(&echo)),
        (Endpoint::Completions, true) => streamed(frames(&echo, completion_chunk)),
        (Endpoint::Chat | Endpoint::CountTokens | Endpoint::Realtime, false) => whole(&chat(&echo)),
        (Endpoint::Chat | Endpoint::CountTokens | Endpoint::Realtime, true) => {
            streamed(frames(&echo, chat_chunk))
        }
    }
}

fn whole(body: &Value) -> Answer {
    let bytes = Bytes::from(body.to_string());
    made(
        "application/json",
        u64::try_from(bytes.len()).ok(),
        VecDeque::from([bytes]),
    )
}

fn streamed(frames: VecDeque<Bytes>) -> Answer {
    made("text/event-stream; charset=utf-8", None, frames)
}

fn made(kind: &'static str, length: Option<u64>, pieces: VecDeque<Bytes>) -> Answer {
    Answer {
        status: StatusCode::OK,
        headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        length,
        body: Body::Made(pieces),
    }
}

fn usage(echo: &Echo) -> Value {
    let completion = echo.words.len() * echo.choices;
    json!({"prompt_tokens": echo.prompt_tokens, "completion_tokens": completion, "total_tokens": echo.prompt_tokens + completion})
}

fn chat(echo: &Echo) -> Value {
    let message = match &echo.tool {
        Some(name) => json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [
            {"id": format!("call_{}", echo.id), "type": "function", "function": {"name": name, "arguments": echo.arguments()}}
        ]}),
        None => json!({"role": "assistant", "content": echo.text(), "refusal": null}),
    };
    let choice = |index| json!({"index": index, "message": message, "logprobs": null, "finish_reason": echo.finish_reason()});
    json!({"id": format!("chatcmpl-{}", echo.id), "object": "chat.completion", "created": echo.created, "model": echo.model,
           "choices": (0..echo.choices).map(choice).collect::<Vec<_>>(), "usage": usage(echo)})
}

fn completion(echo: &Echo) -> Value {
    let finish = if echo.cut { "length" } else { "stop" };
    let choice = |index| json!({"text": echo.text(), "index": index, "logprobs": null, "finish_reason": finish});
    json!({"id": format!("cmpl-{}", echo.id), "object": "text_completion", "created": echo.created, "model": echo.model,
           "choices": (0..echo.choices).map(choice).collect::<Vec<_>>(), "usage": usage(echo)})
}

/// A piece of a streamed answer.
#[derive(Clone, Copy)]
enum Delta<'a> {
    Start,
    Word(usize, &'a str),
    End,
}

/// All frames of a stream: each word of each answer by itself, then the usage if asked for, then the end.
fn frames(echo: &Echo, chunk: fn(&Echo, usize, Delta<'_>) -> Option<Value>) -> VecDeque<Bytes> {
    let mut frames = VecDeque::new();
    let words: Vec<Delta<'_>> = match echo.tool {
        Some(_) => vec![Delta::Word(0, "")],
        None => echo
            .words
            .iter()
            .enumerate()
            .map(|(place, word)| Delta::Word(place, word))
            .collect(),
    };
    for index in 0..echo.choices {
        for delta in std::iter::once(Delta::Start)
            .chain(words.iter().copied())
            .chain(std::iter::once(Delta::End))
        {
            frames.extend(chunk(echo, index, delta).map(|value| frame(&value)));
        }
    }
    if echo.include_usage {
        let mut last = chat_frame(echo, json!([]));
        if let Some(fields) = last.as_object_mut() {
            fields.insert("usage".to_owned(), usage(echo));
        }
        frames.push_back(frame(&last));
    }
    frames.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

fn frame(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

fn chat_frame(echo: &Echo, choices: Value) -> Value {
    json!({"id": format!("chatcmpl-{}", echo.id), "object": "chat.completion.chunk", "created": echo.created, "model": echo.model, "choices": choices})
}

fn chat_chunk(echo: &Echo, index: usize, delta: Delta<'_>) -> Option<Value> {
    let (delta, finish) = match (delta, &echo.tool) {
        (Delta::Start, None) => (json!({"role": "assistant", "content": ""}), None),
        (Delta::Start, Some(name)) => {
            let call = json!({"index": 0, "id": format!("call_{}", echo.id), "type": "function", "function": {"name": name, "arguments": ""}});
            (
                json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                None,
            )
        }
        (Delta::Word(..), Some(_)) => (
            json!({"tool_calls": [{"index": 0, "function": {"arguments": echo.arguments()}}]}),
            None,
        ),
        (Delta::Word(place, word), None) => (json!({ "content": spaced(place, word) }), None),
        (Delta::End, _) => (json!({}), Some(echo.finish_reason())),
    };
    Some(chat_frame(
        echo,
        json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]),
    ))
}

fn completion_chunk(echo: &Echo, index: usize, delta: Delta<'_>) -> Option<Value> {
    let (text, finish) = match delta {
        Delta::Start => return None,
        Delta::Word(place, word) => (spaced(place, word), None),
        Delta::End => (
            String::new(),
            Some(if echo.cut { "length" } else { "stop" }),
        ),
    };
    let choices =
        json!([{"text": text, "index": index, "logprobs": null, "finish_reason": finish}]);
    Some(
        json!({"id": format!("cmpl-{}", echo.id), "object": "text_completion", "created": echo.created, "model": echo.model, "choices": choices}),
    )
}

/// A word with the space that parts it from the one before.
fn spaced(place: usize, word: &str) -> String {
    if place == 0 {
        word.to_owned()
    } else {
        format!(" {word}")
    }
}

#[cfg(test)]
mod tests;
