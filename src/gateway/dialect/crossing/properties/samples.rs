//! Conversations of all kinds, and what of them each dialect can say.

use proptest::option;
use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::super::conversation::{
    Cache, Call, CallResult, Content, Format, Message, Part, Reasoning, Request, Role, Sampling,
    Tool, ToolChoice,
};
use super::super::effort::{Depth, Effort};
use super::super::media::{Kind, Media, Source};
use super::super::{Dialect, Target};

/// A channel whose model takes as much as any of its dialect does.
pub(super) fn target(dialect: Dialect) -> Target<'static> {
    Target {
        model: match dialect {
            Dialect::Chat => "anthropic/claude-opus-4",
            Dialect::Responses => "gpt-5.6",
            Dialect::Messages => "claude-opus-4-6",
            Dialect::Gemini => "gemini-3-flash",
        },
        output_limit: None,
        most_output: 64_000,
    }
}

pub(super) fn words() -> impl Strategy<Value = String> {
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

pub(super) fn arguments() -> impl Strategy<Value = String> {
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

fn inside(media_type: &str, kind: Kind, name: Option<&str>) -> Content {
    Content::Media(Media {
        kind,
        source: Source::Data {
            media_type: media_type.to_owned(),
            base64: "AAAA".to_owned(),
        },
        name: name.map(str::to_owned),
        detail: None,
    })
}

fn image() -> Content {
    inside("image/png", Kind::Image, None)
}

fn media() -> impl Strategy<Value = Content> {
    let at = Content::Media(Media {
        kind: Kind::Image,
        source: Source::of_url("https://a.example/b.png".to_owned()),
        name: None,
        detail: None,
    });
    prop::sample::select(vec![
        image(),
        inside("application/pdf", Kind::Document, Some("a.pdf")),
        inside("audio/wav", Kind::Recording, None),
        at,
    ])
}

fn said() -> impl Strategy<Value = Vec<Part>> {
    let text = (words(), mark()).prop_map(|(words, cache)| Part {
        cache,
        ..Part::text(words)
    });
    let part = prop_oneof![3 => text, 1 => media().prop_map(Part::from)];
    prop::collection::vec(part, 1..4)
}

fn mark() -> impl Strategy<Value = Option<Cache>> {
    prop::sample::select(vec![
        None,
        None,
        None,
        Some(Cache::Usual),
        Some(Cache::Hour),
    ])
}

/// A question, and what was called to answer it, with the results; calls by this number have ids of their own.
fn round(number: usize) -> impl Strategy<Value = Vec<Message>> {
    let result = (words(), any::<bool>(), any::<bool>());
    let calls = prop::collection::vec((arguments(), result), 0..3);
    (said(), words(), calls).prop_map(move |(said, answer, calls)| {
        let mut turns = vec![
            Message::new(Role::User, said),
            Message::new(Role::Assistant, vec![Part::text(answer)]),
        ];
        if calls.is_empty() {
            return turns;
        }
        let (mut made, mut results) = (Vec::new(), Vec::new());
        for (at, (arguments, (result, failed, shot))) in calls.into_iter().enumerate() {
            let id = format!("call_{number}_{at}");
            let mut parts = vec![Part::text(result)];
            if shot && !failed {
                parts.push(image().into());
            }
            results.push(
                Content::Result(CallResult {
                    id: id.clone(),
                    parts,
                    failed,
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
        Dialect::Chat => keep_results(request, false, false),
        Dialect::Responses => {
            keep_results(request, true, false);
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
            drop_marks(request);
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

fn drop_marks(request: &mut Request) {
    for turn in &mut request.messages {
        turn.parts.iter_mut().for_each(|part| part.cache = None);
    }
}

/// Whether results may have images, and may tell that the call failed.
fn keep_results(request: &mut Request, images: bool, failures: bool) {
    for turn in &mut request.messages {
        for part in &mut turn.parts {
            if let Content::Result(result) = &mut part.content {
                result.failed &= failures;
                if !images {
                    result.parts.truncate(1);
                }
            }
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
