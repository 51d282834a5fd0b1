//! Answers and events of all kinds, and what of them each dialect can say.

use proptest::option;
use proptest::prelude::*;

use super::super::Dialect;
use super::super::answer::{Answer, Event, Finish};
use super::super::conversation::{Call, Content, Part, Thinking};
use super::super::seal::Seal;
use super::samples::{arguments, words};
use crate::domain::{Code, Error, Usage};

/// A short answer without thinking.
pub(super) fn plain_answer() -> Answer {
    Answer {
        parts: vec![Part::text("So.")],
        finish: Finish::Stop,
        usage: Some(Usage {
            prompt: 25,
            completion: 5,
            ..Usage::default()
        }),
        logprobs: Vec::new(),
    }
}

/// An answer: words, then calls.
pub(super) fn answer() -> impl Strategy<Value = Answer> {
    let counts = (0u64..50, 0u64..50, 1u64..50, 0u64..50, 0u64..50);
    let ends = prop::sample::select(vec![Finish::Stop, Finish::Length]);
    (
        option::of(words()),
        prop::collection::vec(arguments(), 0..3),
        counts,
        ends,
    )
        .prop_map(
            |(text, calls, (cached, cache_write, fresh, words, reasoning), end)| {
                let mut parts: Vec<Part> = text.map(Part::text).into_iter().collect();
                parts.extend(calls.into_iter().enumerate().map(|(at, arguments)| {
                    Content::Call(Call {
                        id: format!("call_{at}"),
                        name: "look".to_owned(),
                        arguments,
                    })
                    .into()
                }));
                if parts.is_empty() {
                    parts.push(Part::text("Well."));
                }
                let calls = parts
                    .iter()
                    .any(|part| matches!(part.content, Content::Call(_)));
                Answer {
                    parts,
                    finish: if calls { Finish::Calls } else { end },
                    usage: Some(Usage {
                        prompt: cached + cache_write + fresh,
                        cached,
                        cache_write,
                        completion: words + reasoning,
                        reasoning,
                        ..Usage::default()
                    }),
                    logprobs: Vec::new(),
                }
            },
        )
}

/// What both dialects can say of an answer.
pub(super) fn common_answer(mut answer: Answer, a: Dialect, b: Dialect) -> Answer {
    if let Some(usage) = &mut answer.usage {
        for dialect in [a, b] {
            match dialect {
                Dialect::Chat | Dialect::Responses | Dialect::Messages => {}
                // Gemini has no number of tokens written to the cache.
                Dialect::Gemini => usage.cache_write = 0,
            }
        }
    }
    answer
}

/// The events that an answer is streamed as, words and arguments cut in two.
pub(super) fn events_of(answer: &Answer) -> Vec<Event> {
    let mut events = vec![Event::Start(None)];
    let halves = |text: &str| {
        let at = (0..=text.len() / 2)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let (one, two) = text.split_at(at);
        [one.to_owned(), two.to_owned()]
            .into_iter()
            .filter(|half| !half.is_empty())
    };
    for part in &answer.parts {
        match &part.content {
            Content::Text(text) => {
                events.extend(halves(text).map(|text| Event::Text {
                    text,
                    logprobs: Vec::new(),
                }));
            }
            Content::Refusal(text) => events.extend(halves(text).map(Event::Refusal)),
            Content::Thinking(thinking) => {
                events.extend(halves(&thinking.text).map(Event::Thinking));
                events.push(Event::Sealed(thinking.seal.clone()));
            }
            Content::Call(call) => {
                events.push(Event::Call {
                    id: call.id.clone(),
                    name: call.name.clone(),
                });
                events.extend(halves(&call.arguments).map(Event::Arguments));
            }
            Content::Media(_) | Content::Result(_) => {}
        }
    }
    events.push(Event::Finish(answer.finish.clone()));
    events.extend(answer.usage.map(Event::Usage));
    events.push(Event::End);
    events
}

/// Thoughts with their seals, before words or before a call, as each provider writes them.
pub(super) fn thoughts() -> impl Strategy<Value = (String, bool, bool, bool)> {
    (words(), any::<bool>(), any::<bool>(), any::<bool>())
}

/// What a channel of this dialect answers: a thought, maybe words, and calls, the first maybe with a seal of its own.
pub(super) fn sealed_by(
    channel: Dialect,
    (words, speaks, calls, sealed): (String, bool, bool, bool),
) -> Vec<Part> {
    let data = match channel {
        Dialect::Chat => r#"[{"type":"reasoning.text","text":"t","signature":"s","index":0}]"#,
        Dialect::Responses | Dialect::Messages | Dialect::Gemini => "c2VhbA==",
    };
    let seal = Seal {
        // Only a response's item has a name that goes back with it.
        id: (channel == Dialect::Responses).then(|| "rs_1".to_owned()),
        ..Seal::new(channel, data)
    };
    let thought = |text: &str| {
        Content::Thinking(Thinking {
            text: text.to_owned(),
            seal: seal.clone(),
        })
        .into()
    };
    let call = |id: &str| {
        Content::Call(Call {
            id: id.to_owned(),
            name: "look".to_owned(),
            arguments: "{}".to_owned(),
        })
        .into()
    };
    let mut parts = vec![thought(&words)];
    if speaks || !calls {
        parts.push(Part::text("So."));
    }
    if calls {
        if sealed && channel == Dialect::Gemini && speaks {
            parts.push(thought(""));
        }
        parts.extend([call("call_1"), call("call_2")]);
    }
    parts
}

/// Events in no order at all.
pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    let seal =
        (prop::sample::select(Dialect::ALL.to_vec()), any::<bool>()).prop_map(|(by, redacted)| {
            Seal {
                redacted,
                ..Seal::new(by, "c2VhbA==")
            }
        });
    let usage = (0u64..9, 0u64..9).prop_map(|(prompt, completion)| Usage {
        prompt,
        completion,
        ..Usage::default()
    });
    let finish = prop::sample::select(vec![
        Finish::Stop,
        Finish::StopSequence(Some("END".to_owned())),
        Finish::StopSequence(None),
        Finish::Length,
        Finish::Calls,
        Finish::Filtered,
    ]);
    let event = prop_oneof![
        1 => option::of(usage.clone()).prop_map(Told::Start),
        4 => words().prop_map(Told::Thinking),
        3 => seal.prop_map(Told::Sealed),
        4 => words().prop_map(Told::Text),
        2 => words().prop_map(Told::Refusal),
        4 => "[a-z]{2}".prop_map(Told::Call),
        4 => prop::sample::select(vec!["", "{", "}", "{}", "\"a\":1"]).prop_map(Told::Arguments),
        1 => usage.prop_map(Told::Usage),
        1 => finish.prop_map(Told::Finish),
    ];
    let last = prop::sample::select(vec![Told::End, Told::Failed]);
    let late = prop::collection::vec(
        prop::sample::select(vec![Told::End, Told::Failed, Told::Text("late".to_owned())]),
        0..3,
    );
    (prop::collection::vec(event, 0..24), last, late).prop_map(|(told, last, late)| {
        told.into_iter()
            .chain([last])
            .chain(late)
            .map(Told::event)
            .collect()
    })
}

/// An event that can be cloned: an error cannot.
#[derive(Clone, Debug)]
enum Told {
    Start(Option<Usage>),
    Thinking(String),
    Sealed(Seal),
    Text(String),
    Refusal(String),
    Call(String),
    Arguments(&'static str),
    Usage(Usage),
    Finish(Finish),
    End,
    Failed,
}

impl Told {
    fn event(self) -> Event {
        match self {
            Self::Start(usage) => Event::Start(usage),
            Self::Thinking(words) => Event::Thinking(words),
            Self::Sealed(seal) => Event::Sealed(seal),
            Self::Text(text) => Event::Text {
                text,
                logprobs: Vec::new(),
            },
            Self::Refusal(words) => Event::Refusal(words),
            Self::Call(id) => Event::Call {
                id,
                name: "look".to_owned(),
            },
            Self::Arguments(more) => Event::Arguments(more.to_owned()),
            Self::Usage(usage) => Event::Usage(usage),
            Self::Finish(finish) => Event::Finish(finish),
            Self::End => Event::End,
            Self::Failed => Event::Failed(Error::new(Code::BadGateway, "It broke.")),
        }
    }
}
