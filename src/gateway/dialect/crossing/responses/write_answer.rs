//! Writes a whole answer of OpenAI responses.
//!
//! | piece of the answer | |
//! |---|---|
//! | words that follow each other | parts of one message |
//! | an image | an item as OpenAI's own tool makes it |
//! | a recording or a document; the text at which it stopped | dropped: there is no place for them |

use serde_json::Value;

use super::items::{self, Items, Progress};
use super::response::{incomplete, response};
use crate::gateway::dialect::crossing::answer::Answer;
use crate::gateway::dialect::crossing::conversation::Content;
use crate::gateway::dialect::crossing::media::{Kind, Source};
use crate::gateway::dialect::crossing::{Dialect, Head};

/// Writes the body of an answer.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> String {
    let mut items = Items::new(&head.id);
    let (mut said, mut logprobs) = (Vec::new(), answer.logprobs.as_slice());
    let last = match incomplete(&answer.finish) {
        None => Progress::Whole,
        Some(_) => Progress::CutOff,
    };
    for (left, part) in (0..answer.parts.len()).rev().zip(&answer.parts) {
        let item = match &part.content {
            Content::Text(text) | Content::Refusal(text) if text.is_empty() => continue,
            Content::Text(text) => {
                said.push(items::text_part(text, std::mem::take(&mut logprobs)));
                continue;
            }
            Content::Refusal(text) => {
                said.push(items::refusal_part(text));
                continue;
            }
            Content::Media(media) => match (media.kind, &media.source) {
                (Kind::Image, Source::Data { base64, .. }) => {
                    flush(&mut said, Progress::Whole, &mut items);
                    items::image(&items.name("ig"), base64)
                }
                (Kind::Image | Kind::Document | Kind::Recording, _) => continue,
            },
            Content::Thinking(thinking) => {
                flush(&mut said, Progress::Whole, &mut items);
                let seal = &thinking.seal;
                let own = seal.id.clone().filter(|_| seal.by == Dialect::Responses);
                let name = own.unwrap_or_else(|| items.name("rs"));
                items::reasoning(&name, &thinking.text, &seal.token(Dialect::Responses))
            }
            Content::Call(call) => {
                flush(&mut said, Progress::Whole, &mut items);
                let id = items.call_id(&call.id);
                let name = items.name("fc");
                let progress = if left == 0 { last } else { Progress::Whole };
                let arguments = match call.arguments.as_str() {
                    "" if progress == Progress::Whole => items::NO_ARGUMENTS,
                    arguments => arguments,
                };
                items::call(&name, progress, &id, &call.name, arguments)
            }
            Content::Result(_) => continue,
        };
        items.push(item);
    }
    flush(&mut said, last, &mut items);
    let output = items.into_output();
    response(head, Some(&answer.finish), output, answer.usage.as_ref()).to_string()
}

/// Ends the message that is being written, if one is.
fn flush(said: &mut Vec<Value>, progress: Progress, items: &mut Items) {
    if !said.is_empty() {
        let content = std::mem::take(said);
        items.push(items::message(&items.name("msg"), progress, &content));
    }
}
