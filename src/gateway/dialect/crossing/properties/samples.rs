//! Conversations, answers and events of all kinds, and what of them each dialect can say.

use proptest::option;
use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::super::answer::{Answer, Event, Finish};
use super::super::conversation::{
    Call, CallResult, Content, Format, Message, Part, Reasoning, Request, Role, Sampling, Thinking,
    Tool, ToolChoice,
};
use super::super::effort::{Depth, Effort};
use super::super::media::{Kind, Media, Source};
use super::super::seal::Seal;
use super::super::{Dialect, Target};
use crate::domain::{Code, Error, Usage};

/// A channel whose model takes as much as any of its dialect does.
pub(super) fn target(dialect: Dialect) -> Target<'static> {
    Target {
        model: match dialect {
            Dialect::Chat | Dialect::Responses => "gpt-5.6",
            Dialect::Messages => "claude-opus-4-6",
            Dialect::Gemini => "gemini-3-flash",
        },
        output_limit: None,
        most_output: 64_000,
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\{}\n]{0,8}[a-z]"
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"x": {"type": "string", "description": "What"}},
        "required": ["x"],
        "additionalProperties": false,
    })
}

fn arguments() -> impl Strategy<Value = String> {
    let pair = (
        "[a-z]{1,3}",
        prop_oneof![
            words().prop_map(Value::from),
            any::<u16>().prop_map(Value::from)
        ],
    );
    prop::collection::vec(pair, 0..3)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()).to_string())
}

fn media() -> impl Strategy<Value = Content> {
    let data = |media_type: &str, kind, name: Option<&str>| {
        Content::Media(Media {
            kind,
            source: Source::Data {
                media_type: media_type.to_owned(),
                base64: "AAAA".to_owned(),
            },
            name: name.map(str::to_owned),
            detail: None,
        })
    };
    let at = Content::Media(Media {
        kind: Kind::Image,
        source: Source::of_url("https://a.example/b.png".to_owned()),
        name: None,
        detail: None,
    });
    prop::sample::select(vec![
        data("image/png", Kind::Image, None),
        data("application/pdf", Kind::Document, Some("a.pdf")),
        data("audio/wav", Kind::Recording, None),
        at,
    ])
}

fn said() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![3 => words().prop_map(Content::Text), 1 => media()];
    prop::collection::vec(part.prop_map(Part::from), 1..4)
}

/// A question, and what was called to answer it, with the results; calls by this number have ids of their own.
fn round(number: usize) -> impl Strategy<Value = Vec<Message>> {
    let calls = prop::collection::vec((arguments(), words()), 0..3);
    (said(), words(), calls).prop_map(move |(said, answer, calls)| {
        let mut turns = vec![
            Message::new(Role::User, said),
            Message::new(Role::Assistant, vec![Part::text(answer)]),
        ];
        if calls.is_empty() {
            return turns;
        }
        let (mut made, mut results) = (Vec::new(), Vec::new());
        for (at, (arguments, result)) in calls.into_iter().enumerate() {
            let id = format!("call_{number}_{at}");
            let parts = vec![Part::text(result)];
            results.push(
                Content::Result(CallResult {
                    id: id.clone(),
                    parts,
                    failed: false,
                })
                .into(),
            );
            made.push(
                Content::Call(Call {
                    id,
                    name: "look".to_owned(),
                    arguments,
                })
                .into(),
            );
        }
        if let Some(turn) = turns.last_mut() {
            turn.parts.append(&mut made);
        }
        turns.push(Message::new(Role::User, results));
        turns
    })
}

fn number(values: &'static [f64]) -> impl Strategy<Value = Option<Number>> {
    option::of(prop::sample::select(values).prop_map(|value| Number::from_f64(value).unwrap()))
}

fn sampling() -> impl Strategy<Value = Sampling> {
    (
        number(&[0.25, 0.5]),
        number(&[0.5, 0.96]),
        option::of((1u64..50).prop_map(Number::from)),
        number(&[0.5]),
        number(&[-0.5]),
        option::of((0u64..50).prop_map(Number::from)),
    )
        .prop_map(
            |(temperature, top_p, top_k, frequency_penalty, presence_penalty, seed)| Sampling {
                temperature,
                top_p,
                top_k,
                frequency_penalty,
                presence_penalty,
                seed,
            },
        )
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>, Option<bool>)> {
    let tool = |name: &str, strict| Tool {
        name: name.to_owned(),
        description: Some("Looks.".to_owned()),
        schema: Some(schema()),
        strict,
        cache: None,
    };
    let choice = prop::sample::select(vec![
        None,
        Some(ToolChoice::Auto),
        Some(ToolChoice::Never),
        Some(ToolChoice::Required),
        Some(ToolChoice::Among {
            names: vec!["look".to_owned()],
            required: true,
        }),
    ]);
    (
        any::<bool>(),
        choice,
        option::of(any::<bool>()),
        any::<bool>(),
    )
        .prop_map(move |(any, choice, parallel, strict)| match any {
            true => {
                let strict = strict.then_some(true);
                (
                    vec![tool("look", strict), tool("find", strict)],
                    choice,
                    parallel,
                )
            }
            false => (Vec::new(), None, None),
        })
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![
        Format::Text,
        Format::Json,
        Format::Schema {
            name: Some("answer".to_owned()),
            description: None,
            schema: schema(),
            strict: Some(true),
        },
    ])
}

/// A request that says much of what can be said.
pub(super) fn request() -> impl Strategy<Value = Request> {
    let system =
        option::of(words().prop_map(|words| Message::new(Role::System, vec![Part::text(words)])));
    let depth = option::of(
        prop::sample::select(vec![Effort::Low, Effort::Medium, Effort::High])
            .prop_map(Depth::Effort),
    );
    let conversation = (system, round(0), option::of(round(1)), said());
    let asked = (
        tools(),
        format(),
        prop::collection::vec("[A-Z]{3}", 0..3),
        sampling(),
        depth,
    );
    let rest = (
        1_024u64..32_000,
        option::of(0u64..5),
        option::of("[a-z]{5}"),
        option::of("[a-z]{5}"),
        any::<bool>(),
    );
    (conversation, asked, rest).prop_map(|((system, first, second, last), asked, rest)| {
        let ((tools, tool_choice, parallel_calls), format, stop, sampling, depth) = asked;
        let (max_output, logprobs, cache_key, user, stream) = rest;
        let mut messages: Vec<Message> = system
            .into_iter()
            .chain(first)
            .chain(second.into_iter().flatten())
            .collect();
        messages.push(Message::new(Role::User, last));
        Request {
            model: "m".to_owned(),
            messages,
            tools,
            tool_choice,
            parallel_calls,
            format,
            stop,
            sampling,
            max_output: Some(max_output),
            reasoning: Reasoning { depth, shown: None },
            logprobs,
            cache_key,
            user,
            stream,
            ..Request::default()
        }
    })
}

/// What both dialects can say of a request. What is taken out here is refused, or dropped by the table of a codec's file.
pub(super) fn common(mut request: Request, a: Dialect, b: Dialect) -> Request {
    for dialect in [a, b] {
        keep(&mut request, dialect);
    }
    request
}

fn keep(request: &mut Request, dialect: Dialect) {
    match dialect {
        Dialect::Chat => {}
        Dialect::Responses => {
            request.stop.clear();
            request.sampling.top_k = None;
            request.sampling.seed = None;
            request.sampling.frequency_penalty = None;
            request.sampling.presence_penalty = None;
            keep_media(request, |media| media.kind != Kind::Recording);
        }
        Dialect::Messages => {
            request.logprobs = None;
            request.cache_key = None;
            request.sampling.seed = None;
            request.sampling.frequency_penalty = None;
            request.sampling.presence_penalty = None;
            // Anthropic refuses them together, and beside thinking or a forced call.
            request.sampling.top_k = None;
            request.sampling.top_p = None;
            request.sampling.temperature = None;
            if request.tool_choice.is_some() {
                request.reasoning.depth = None;
            }
            // How many calls in a turn is said within the choice of tools, where they may be called.
            match (&request.tool_choice, request.parallel_calls) {
                (Some(ToolChoice::Never), Some(_)) => request.parallel_calls = None,
                (None, Some(_)) => request.tool_choice = Some(ToolChoice::Auto),
                (Some(_), _) | (None, None) => {}
            }
            if let Format::Schema { name, .. } = &mut request.format {
                *name = None;
            } else {
                request.format = Format::Text;
            }
            keep_media(request, |media| media.kind != Kind::Recording);
        }
        Dialect::Gemini => {
            request.cache_key = None;
            request.user = None;
            request.parallel_calls = None;
            request.tools.iter_mut().for_each(|tool| tool.strict = None);
            if let Format::Schema { name, .. } = &mut request.format {
                *name = None;
            }
            keep_media(request, |media| {
                media.name.is_none() && matches!(media.source, Source::Data { .. })
            });
        }
    }
}

fn keep_media(request: &mut Request, fits: impl Fn(&Media) -> bool) {
    for turn in &mut request.messages {
        for part in &mut turn.parts {
            if matches!(&part.content, Content::Media(media) if !fits(media)) {
                *part = Part::text("a file");
            }
        }
    }
}

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
