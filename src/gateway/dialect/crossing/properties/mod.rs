//! What holds for every pair of dialects, whatever is said: a conversation that both can express comes back as it was, so
//! does an answer, and so does a seal; bytes may be cut anywhere; and no order of events makes a stream that its dialect's
//! readers would stumble over.

mod answers;
mod echo;
mod samples;
mod well_formed;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::answer::{Answer, Event};
use super::codec::{self, Reader, Writer};
use super::conversation::{Content, Format, Message, Part, Request, Thinking};
use super::seal::Seal;
use super::{Dialect, Head};
use crate::gateway::sse::{self, Frame, Frames};

pub(super) use well_formed::well_formed;

/// Every dialect with every other.
fn pairs() -> impl Strategy<Value = (Dialect, Dialect)> {
    let all = Dialect::ALL;
    let pairs: Vec<(Dialect, Dialect)> = all
        .iter()
        .flat_map(|a| all.iter().map(move |b| (*a, *b)))
        .collect();
    prop::sample::select(pairs)
}

fn head() -> Head {
    Head {
        id: "0198".to_owned(),
        model: "m".to_owned(),
        created: 1,
        request: Arc::new(Request {
            include_usage: true,
            stream: true,
            ..Request::default()
        }),
        // What a channel tells later is never less.
        prompt_tokens: 0,
    }
}

/// A request as it comes out when it is written in a dialect and read again.
fn through(dialect: Dialect, request: &Request) -> Request {
    let body = codec::write_request(dialect, request, &samples::target(dialect)).unwrap();
    let mut read = codec::read_request(dialect, body.as_bytes()).unwrap();
    // What has no place in a body, or takes the target's: it is the caller's to set.
    read.model.clone_from(&request.model);
    read.stream = request.stream;
    read.include_usage = request.include_usage;
    read.messages = one_turn_a_side(read.messages);
    for turn in &mut read.messages {
        // Gemini 3 is told of each call that it has not signed.
        turn.parts
            .retain(|part| !matches!(part.content, Content::Thinking(_)));
    }
    for tool in &mut read.tools {
        // Not said and not so are the same, but to OpenAI responses, which is told.
        tool.strict = tool.strict.filter(|strict| *strict);
    }
    if let (
        Format::Schema {
            name: given,
            strict: asked,
            ..
        },
        Format::Schema { name, strict, .. },
    ) = (&request.format, &mut read.format)
    {
        if given.is_none() {
            // OpenAI demands one.
            *name = None;
        }
        if dialect == Dialect::Gemini {
            // It holds to every schema and does not say so.
            *strict = *asked;
        }
    }
    read
}

/// Some dialects make one turn of two of the same side.
fn one_turn_a_side(messages: Vec<Message>) -> Vec<Message> {
    let mut turns = Vec::<Message>::new();
    for message in messages {
        match turns.last_mut() {
            Some(turn) if turn.role == message.role => turn.parts.extend(message.parts),
            Some(_) | None => turns.push(message),
        }
    }
    turns
}

/// The last turn of a request, its words in one piece: a client may keep a stream's pieces as they came.
fn last_turn(client: Dialect, body: &str) -> Vec<Part> {
    let mut read = codec::read_request(client, body.as_bytes()).unwrap();
    let mut parts = Vec::<Part>::new();
    for part in read.messages.pop().unwrap().parts {
        match (parts.last_mut().map(|part| &mut part.content), part.content) {
            (Some(Content::Text(words)), Content::Text(more)) => words.push_str(&more),
            (_, content) => parts.push(content.into()),
        }
    }
    parts
}

/// An answer as it comes out when it is written in a dialect and read again.
fn answer_through(dialect: Dialect, answer: &Answer) -> Answer {
    codec::read_answer(
        dialect,
        codec::write_answer(dialect, answer, &head()).as_bytes(),
    )
    .unwrap()
}

/// The events of a stream that comes in pieces of these lengths.
fn read_in_pieces(dialect: Dialect, mut stream: &[u8], lengths: &[usize]) -> Vec<Event> {
    let (mut frames, mut reader, mut events) =
        (Frames::default(), Reader::new(dialect), Vec::new());
    let mut lengths = lengths.iter().cycle();
    while !stream.is_empty() {
        let (chunk, rest) = stream.split_at((*lengths.next().unwrap()).clamp(1, stream.len()));
        stream = rest;
        let whole = frames.push(Bytes::copy_from_slice(chunk)).unwrap();
        for frame in sse::split(&whole) {
            if let Some(data) = Frame::read(frame).data {
                events.extend(reader.read(&data).unwrap());
            }
        }
    }
    events.extend(reader.end());
    events
}

fn streamed(dialect: Dialect, events: &[Event]) -> String {
    let (mut writer, mut out) = (Writer::new(dialect, head()), String::new());
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

/// The whole answer that events tell; thinking that is not sealed is by nobody.
fn told(events: &[Event]) -> Vec<Part> {
    let (mut parts, mut open) = (Vec::<Part>::new(), false);
    for event in events {
        let more = match (event, parts.last_mut().map(|part| &mut part.content)) {
            (Event::Thinking(words), Some(Content::Thinking(thinking))) if open => {
                thinking.text.push_str(words);
                None
            }
            (Event::Sealed(seal), Some(Content::Thinking(thinking))) if open => {
                thinking.seal = seal.clone();
                open = false;
                None
            }
            (Event::Text { text, .. }, Some(Content::Text(words))) => {
                words.push_str(text);
                None
            }
            (Event::Refusal(text), Some(Content::Refusal(words))) => {
                words.push_str(text);
                None
            }
            (Event::Arguments(more), Some(Content::Call(call))) => {
                call.arguments.push_str(more);
                None
            }
            (Event::Thinking(words), _) => {
                open = true;
                let seal = Seal::new(Dialect::Chat, "");
                Some(Content::Thinking(Thinking {
                    text: words.clone(),
                    seal,
                }))
            }
            (Event::Sealed(seal), _) => {
                let seal = seal.clone();
                Some(Content::Thinking(Thinking {
                    text: String::new(),
                    seal,
                }))
            }
            (Event::Text { text, .. }, _) => Some(Content::Text(text.clone())),
            (Event::Refusal(text), _) => Some(Content::Refusal(text.clone())),
            (Event::Call { id, name }, _) => Some(Content::Call(super::conversation::Call {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
            })),
            (
                Event::Arguments(_)
                | Event::Start(_)
                | Event::Usage(_)
                | Event::Finish(_)
                | Event::End
                | Event::Failed(_),
                _,
            ) => None,
        };
        if let Some(content) = more {
            open = matches!(event, Event::Thinking(_));
            parts.push(content.into());
        }
    }
    parts
}

proptest! {
    #[test]
    fn a_conversation_that_both_can_express_comes_back((a, b) in pairs(), request in samples::request()) {
        let mut request = samples::common(request, a, b);
        request.messages = one_turn_a_side(request.messages);
        let at_a = through(a, &request);
        prop_assert_eq!(&at_a, &request, "written in {:?}", a);
        let at_b = through(b, &at_a);
        prop_assert_eq!(&at_b, &request, "and in {:?}", b);
        prop_assert_eq!(&through(a, &at_b), &request, "and in {:?} again", a);
    }

    #[test]
    fn an_answer_that_both_can_express_comes_back((a, b) in pairs(), answer in answers::answer()) {
        let answer = answers::common_answer(answer, a, b);
        let at_b = answer_through(b, &answer_through(a, &answer));
        prop_assert_eq!(&at_b, &answer, "written in {:?}, then in {:?}", a, b);
        prop_assert_eq!(&answer_through(a, &at_b), &answer, "and in {:?} again", a);
    }

    #[test]
    fn what_a_client_sends_back_of_an_answer_is_what_the_channel_said(
        (channel, client) in pairs(),
        thoughts in answers::thoughts(),
    ) {
        prop_assume!(channel != client);
        let parts = answers::sealed_by(channel, thoughts);
        let answer = Answer { parts: parts.clone(), ..answers::plain_answer() };
        let body = echo::whole(client, &codec::write_answer(client, &answer, &head()));
        prop_assert_eq!(&last_turn(client, &body), &parts, "whole, through {:?}", client);

        let stream = streamed(client, &answers::events_of(&answer));
        let body = echo::streamed(client, &stream);
        prop_assert_eq!(&last_turn(client, &body), &parts, "streamed, through {:?}", client);
    }

    #[test]
    fn a_streamed_answer_says_what_the_whole_one_says((a, b) in pairs(), answer in answers::answer()) {
        let answer = answers::common_answer(answer, a, b);
        let stream = streamed(a, &answers::events_of(&answer));
        well_formed(a, &stream);
        let events = read_in_pieces(a, stream.as_bytes(), &[stream.len()]);
        let again = streamed(b, &events);
        well_formed(b, &again);
        let events = read_in_pieces(b, again.as_bytes(), &[again.len()]);
        prop_assert_eq!(told(&events), answer.parts, "through {:?} and {:?}", a, b);
        let (mut finish, mut usage, mut ends) = (None, None, 0);
        for event in events {
            match event {
                Event::Finish(told) => finish = Some(told),
                Event::Start(told) => usage = told,
                Event::Usage(told) => usage = Some(told),
                Event::End => ends += 1,
                Event::Thinking(_) | Event::Sealed(_) | Event::Text { .. } | Event::Refusal(_)
                | Event::Call { .. } | Event::Arguments(_) | Event::Failed(_) => {}
            }
        }
        prop_assert_eq!((finish, usage, ends), (Some(answer.finish), answer.usage, 1), "{:?} and {:?}", a, b);
    }

    #[test]
    fn bytes_may_be_cut_anywhere(
        (dialect, _) in pairs(),
        answer in answers::answer(),
        lengths in prop::collection::vec(1usize..40, 1..6),
    ) {
        let stream = streamed(dialect, &answers::events_of(&answer));
        let whole = read_in_pieces(dialect, stream.as_bytes(), &[stream.len()]);
        let cut = read_in_pieces(dialect, stream.as_bytes(), &lengths);
        prop_assert_eq!(format!("{cut:?}"), format!("{whole:?}"));
    }

    #[test]
    fn no_order_of_events_makes_a_broken_stream((dialect, _) in pairs(), events in answers::events()) {
        let stream = streamed(dialect, &events);
        well_formed(dialect, &stream);
    }
}
