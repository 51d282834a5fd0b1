//! Items of `output` as they are written, and the names they are given.

use std::collections::BTreeSet;

use serde_json::{Number, Value, json};

use super::members::with;
use crate::gateway::dialect::crossing::answer::TokenLogprob;

/// The kind of item that holds an image which a model made.
pub(super) const IMAGE_MADE: &str = "image_generation_call";

/// What a call without arguments is written with: clients parse it.
pub(super) const NO_ARGUMENTS: &str = "{}";

/// The finished items of a response. An item's place is its `output_index`, and its name ends with it: the official SDKs
/// refuse a response in which an item changes its name, or two calls have the same.
#[derive(Debug)]
pub(super) struct Items {
    response: String,
    done: Vec<Value>,
    calls: BTreeSet<String>,
}

impl Items {
    /// None yet; `response` is the id of the call, without a prefix.
    pub(super) fn new(response: &str) -> Self {
        Self {
            response: response.to_owned(),
            done: Vec::new(),
            calls: BTreeSet::new(),
        }
    }

    /// The place of the next item.
    pub(super) fn next(&self) -> usize {
        self.done.len()
    }

    /// The name of the next item, with the prefix of its kind.
    pub(super) fn name(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.response, self.next())
    }

    /// What the result of the next item, a call, refers to: `id`, unless the model left it out or gave it before.
    pub(super) fn call_id(&mut self, id: &str) -> String {
        let mut id = id.to_owned();
        if id.is_empty() || self.calls.contains(&id) {
            id = self.name("call");
        }
        self.calls.insert(id.clone());
        id
    }

    /// Adds the next item.
    pub(super) fn push(&mut self, item: Value) {
        self.done.push(item);
    }

    /// All of them.
    pub(super) fn into_output(self) -> Vec<Value> {
        self.done
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.done)
    }
}

/// How far an item is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// More will come.
    Begun,
    /// All is there.
    Whole,
    /// The answer ended in it.
    CutOff,
}

impl Progress {
    fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "in_progress",
            Self::Whole => "completed",
            Self::CutOff => "incomplete",
        }
    }
}

/// A message with these parts.
pub(super) fn message(name: &str, progress: Progress, content: &[Value]) -> Value {
    json!({
        "id": name,
        "type": "message",
        "status": progress.as_str(),
        "role": "assistant",
        "content": content,
    })
}

/// Words as a part of a message.
pub(super) fn text_part(text: &str, logprobs: &[TokenLogprob]) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": self::logprobs(logprobs)})
}

/// Words that decline as a part of a message.
pub(super) fn refusal_part(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

/// Thoughts as a part of their item.
pub(super) fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// The summary of a thought: one part, or none without words.
pub(super) fn summary(text: &str) -> Vec<Value> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![summary_part(text)]
}

/// A thought; `seal` is empty where nothing proves it.
pub(super) fn reasoning(name: &str, text: &str, seal: &str) -> Value {
    let item = json!({"id": name, "type": "reasoning", "summary": summary(text)});
    with(
        item,
        "encrypted_content",
        (!seal.is_empty()).then(|| json!(seal)),
    )
}

/// A call of a tool.
pub(super) fn call(
    name: &str,
    progress: Progress,
    call_id: &str,
    tool: &str,
    arguments: &str,
) -> Value {
    json!({
        "id": name,
        "type": "function_call",
        "status": progress.as_str(),
        "call_id": call_id,
        "name": tool,
        "arguments": arguments,
    })
}

/// An image that the model made.
pub(super) fn image(name: &str, base64: &str) -> Value {
    json!({"id": name, "type": IMAGE_MADE, "status": "completed", "result": base64})
}

/// The probabilities of tokens.
pub(super) fn logprobs(logprobs: &[TokenLogprob]) -> Value {
    let likely = |(token, logprob): &(String, Number)| json!({"token": token, "bytes": token.as_bytes(), "logprob": logprob});
    let one = |told: &TokenLogprob| {
        json!({
            "token": told.token,
            "bytes": told.token.as_bytes(),
            "logprob": told.logprob,
            "top_logprobs": told.top.iter().map(likely).collect::<Vec<_>>(),
        })
    };
    logprobs.iter().map(one).collect()
}
