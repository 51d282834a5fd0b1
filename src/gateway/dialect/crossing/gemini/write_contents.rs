//! Writes `systemInstruction` and `contents`: turns of one role are one content, and the results of tools stand first in theirs,
//! right behind the calls.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::thinking::Thinks;
use super::write_parts::{self, Parts};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{
    Call, CallResult, Content, Message, Part, Role,
};
use crate::gateway::dialect::crossing::fields;

/// What Gemini 3 takes in place of the signature of a call that it did not make itself, or whose signature is lost (Gemini API,
/// "Thought signatures", FAQ).
const NOT_SIGNED: &str = "skip_thought_signature_validator";

/// The system prompts' parts, and the contents.
pub(super) fn write(messages: &[Message], thinks: Thinks) -> Result<(Vec<Value>, Vec<Value>)> {
    let (mut system, mut turns, mut names) = (Vec::new(), Vec::<Turn>::new(), HashMap::new());
    for message in messages {
        let by_model = match message.role {
            Role::System => {
                for part in &message.parts {
                    system.push(json!({"text": system_text(part)?}));
                }
                continue;
            }
            Role::User => false,
            Role::Assistant => true,
        };
        let mut turn = match turns.pop_if(|turn| turn.by_model == by_model) {
            Some(turn) => turn,
            None => Turn::by(by_model),
        };
        for part in &message.parts {
            turn.add(part, &mut names, thinks)?;
        }
        turns.push(turn);
    }
    let mut contents: Vec<Value> = turns
        .into_iter()
        .filter_map(|turn| turn.write(thinks))
        .collect();
    // There is no conversation without a turn: what nobody is asked, the model is asked.
    if contents.is_empty() && !system.is_empty() {
        contents.push(json!({"role": "user", "parts": std::mem::take(&mut system)}));
    }
    Ok((system, contents))
}

fn system_text(part: &Part) -> Result<&str> {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => Ok(text),
        Content::Media(_) | Content::Thinking(_) | Content::Call(_) | Content::Result(_) => Err(
            fields::inexpressible("messages", "system prompts but of text"),
        ),
    }
}

/// A content in the making.
struct Turn {
    by_model: bool,
    results: Vec<Value>,
    parts: Parts,
}

impl Turn {
    fn by(by_model: bool) -> Self {
        Self {
            by_model,
            results: Vec::new(),
            parts: Parts::default(),
        }
    }

    fn add<'a>(
        &mut self,
        part: &'a Part,
        names: &mut HashMap<&'a str, &'a str>,
        thinks: Thinks,
    ) -> Result<()> {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => self.parts.text(text),
            Content::Media(media) => self.parts.media(media),
            Content::Thinking(thinking) => self.parts.thinking_for_provider(thinking),
            Content::Call(call) => {
                names.insert(&call.id, &call.name);
                self.parts.call(&call.id, &call.name, arguments(call)?);
            }
            Content::Result(result) => {
                let Some(name) = names.get(result.id.as_str()) else {
                    let why = format!("the result of {} answers no call before it", result.id);
                    return Err(fields::wrong("messages", &why));
                };
                self.result(result, name, thinks)?;
            }
        }
        Ok(())
    }

    fn result(&mut self, result: &CallResult, name: &str, thinks: Thinks) -> Result<()> {
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for part in &result.parts {
            match &part.content {
                Content::Text(text) | Content::Refusal(text) => texts.push(text.as_str()),
                Content::Media(found) => media.push(found),
                Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
                    return Err(fields::inexpressible(
                        "messages",
                        "results of tools but text, images and files",
                    ));
                }
            }
        }
        let mut written =
            json!({"id": result.id, "name": name, "response": response(&texts, result.failed)});
        if thinks.is_newer() && !media.is_empty() {
            written["parts"] = media.into_iter().map(write_parts::media).collect();
        } else {
            media.into_iter().for_each(|media| self.parts.media(media));
        }
        self.results.push(json!({"functionResponse": written}));
        Ok(())
    }

    /// The content; `None`: nothing is said in it.
    fn write(self, thinks: Thinks) -> Option<Value> {
        let mut parts = self.results;
        parts.extend(self.parts.finish());
        let first_call = parts
            .iter_mut()
            .find(|part| part.get("functionCall").is_some());
        if let Some(call) = first_call.filter(|_| thinks.is_newer())
            && call.get("thoughtSignature").is_none()
        {
            call["thoughtSignature"] = NOT_SIGNED.into();
        }
        let role = if self.by_model { "model" } else { "user" };
        (!parts.is_empty()).then(|| json!({"role": role, "parts": parts}))
    }
}

fn arguments(call: &Call) -> Result<Value> {
    write_parts::arguments(&call.arguments).ok_or_else(|| {
        let why = format!("the arguments of {} are not a JSON object", call.id);
        fields::wrong("messages", &why)
    })
}

/// What a tool put out: nothing as an empty object; an object as it is, if it is written as we would write it and is not about output or error itself; any
/// other text as `output` or `error`.
fn response(texts: &[&str], failed: bool) -> Value {
    if texts.is_empty() && !failed {
        return json!({});
    }
    let text = texts.join("\n");
    if failed {
        return json!({"error": text});
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(object))
            if !object.is_empty()
                && !object.contains_key("output")
                && !object.contains_key("error")
                && serde_json::to_string(&object).is_ok_and(|again| again == text) =>
        {
            Value::Object(object)
        }
        Ok(_) | Err(_) => json!({"output": text}),
    }
}
