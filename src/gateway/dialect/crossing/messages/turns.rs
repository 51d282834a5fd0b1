//! Writes the conversation. The documented drops are in the table of `write_request.rs`.

use serde_json::{Map, Value, json};

use super::abilities::Abilities;
use super::write_blocks::{block, result, short};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{Content, Message, Role};
use crate::gateway::dialect::crossing::fields;

/// The conversation as it is sent.
#[derive(Debug, Default)]
pub(super) struct Turns {
    system: Vec<Value>,
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    role: Role,
    /// Results of calls, which come first in a turn.
    results: Vec<Value>,
    blocks: Vec<Value>,
}

impl Turns {
    /// Writes the messages of a request.
    pub(super) fn of(messages: &[Message], abilities: &Abilities) -> Result<Self> {
        let mut written = Self::default();
        for (at, message) in messages.iter().enumerate() {
            match message.role {
                Role::System => {
                    let blocks = system(message)?;
                    let behind = messages.get(at + 1..).unwrap_or_default();
                    if abilities.system_turns && written.may_have_system(behind) {
                        written.add(Role::System, Vec::new(), blocks);
                    } else {
                        written.system.extend(blocks);
                    }
                }
                Role::User | Role::Assistant => {
                    let (mut results, mut blocks) = (Vec::new(), Vec::new());
                    for part in &message.parts {
                        match &part.content {
                            Content::Result(found) => results.push(result(found, part.cache)?),
                            Content::Text(_)
                            | Content::Refusal(_)
                            | Content::Media(_)
                            | Content::Thinking(_)
                            | Content::Call(_) => blocks.extend(block(part)?),
                        }
                    }
                    written.add(message.role, results, blocks);
                }
            }
        }
        written.be_a_conversation()?;
        Ok(written)
    }

    /// Turns of one speaker that follow each other become one.
    fn add(&mut self, role: Role, results: Vec<Value>, blocks: Vec<Value>) {
        if results.is_empty() && blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => {
                turn.results.extend(results);
                turn.blocks.extend(blocks);
            }
            Some(_) | None => self.turns.push(Turn {
                role,
                results,
                blocks,
            }),
        }
    }

    /// A system prompt may stand behind a turn of the user, if that of the model comes next.
    fn may_have_system(&self, behind: &[Message]) -> bool {
        let next = behind
            .iter()
            .map(|message| message.role)
            .find(|role| *role != Role::System);
        matches!(
            self.turns.last().map(|turn| turn.role),
            Some(Role::User | Role::System)
        ) && matches!(next, None | Some(Role::Assistant))
    }

    /// What the dialect demands of the whole: there is a turn, and none that the model is to go on with ends in blanks.
    fn be_a_conversation(&mut self) -> Result<()> {
        if self.turns.is_empty() {
            if self.system.is_empty() {
                return Err(fields::wrong("messages", "must say something"));
            }
            let blocks = std::mem::take(&mut self.system);
            self.add(Role::User, Vec::new(), blocks);
        }
        if let Some(turn) = self.turns.last_mut()
            && turn.role == Role::Assistant
            && let Some(Value::String(text)) = turn
                .blocks
                .last_mut()
                .and_then(|block| block.get_mut("text"))
        {
            text.truncate(text.trim_end().len());
        }
        Ok(())
    }

    /// Whether the answer may begin with thinking: one that goes on with calls that were thought about must come with the
    /// thinking, sealed by its maker, where the model has a budget for it.
    pub(super) fn may_begin_with_thinking(&self) -> bool {
        match self.turns.as_slice() {
            [.., calls, last] if !last.results.is_empty() => {
                let first = calls.blocks.first().and_then(|block| block.get("type"));
                matches!(
                    first.and_then(Value::as_str),
                    Some("thinking" | "redacted_thinking")
                )
            }
            [.., last] => last.role != Role::Assistant,
            [] => true,
        }
    }

    /// Adds a text to the system prompt.
    pub(super) fn instruct(&mut self, text: String) {
        self.system.push(json!({"type": "text", "text": text}));
    }

    /// Puts `system` and `messages` into the request.
    pub(super) fn write(self, body: &mut Map<String, Value>) {
        if !self.system.is_empty() {
            body.insert("system".to_owned(), short(self.system));
        }
        let turn = |mut turn: Turn| {
            let role = match turn.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            turn.results.append(&mut turn.blocks);
            json!({"role": role, "content": short(turn.results)})
        };
        let turns = self.turns.into_iter().map(turn).collect();
        body.insert("messages".to_owned(), Value::Array(turns));
    }
}

fn system(message: &Message) -> Result<Vec<Value>> {
    let mut blocks = Vec::new();
    for part in &message.parts {
        match &part.content {
            Content::Text(_) | Content::Refusal(_) => blocks.extend(block(part)?),
            Content::Media(_) | Content::Thinking(_) | Content::Call(_) | Content::Result(_) => {
                return Err(fields::inexpressible(
                    "messages",
                    "system prompts but of text",
                ));
            }
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::dialect::crossing::Dialect;
    use crate::gateway::dialect::crossing::conversation::{Call, CallResult, Part, Thinking};
    use crate::gateway::dialect::crossing::seal::Seal;

    fn write_for(model: &str, messages: &[Message]) -> Result<Value> {
        let turns = Turns::of(messages, &Abilities::of(model))?;
        let mut body = Map::new();
        turns.write(&mut body);
        Ok(Value::Object(body))
    }

    fn write(messages: &[Message]) -> Value {
        write_for("claude-haiku-4-5", messages).unwrap()
    }

    fn says(role: Role, text: &str) -> Message {
        Message::new(role, vec![Part::text(text)])
    }

    fn calls(id: &str) -> Part {
        Content::Call(Call {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
        })
        .into()
    }

    fn answers(id: &str) -> Part {
        Content::Result(CallResult {
            id: id.to_owned(),
            parts: vec![Part::text("1")],
            failed: false,
        })
        .into()
    }

    fn thought(seal: Seal) -> Part {
        Content::Thinking(Thinking {
            text: "Hm.".to_owned(),
            seal,
        })
        .into()
    }

    #[test]
    fn turns_of_one_side_become_one_with_results_first() {
        let body = write(&[
            says(Role::User, "a"),
            says(Role::User, "b"),
            Message::new(Role::Assistant, vec![calls("1"), calls("2")]),
            Message::new(Role::User, vec![answers("1")]),
            Message::new(Role::User, vec![Part::text("c"), answers("2")]),
        ]);
        let kinds: Vec<Vec<&str>> = body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| {
                let blocks = turn["content"].as_array().unwrap();
                blocks
                    .iter()
                    .map(|block| block["type"].as_str().unwrap())
                    .collect()
            })
            .collect();
        assert_eq!(
            kinds,
            [
                vec!["text", "text"],
                vec!["tool_use", "tool_use"],
                vec!["tool_result", "tool_result", "text"]
            ]
        );
    }

    fn texts(texts: &[&str]) -> Vec<Value> {
        let block = |text: &&str| json!({"type": "text", "text": text});
        texts.iter().map(block).collect()
    }

    #[test]
    fn a_system_prompt_in_between_stays_only_where_the_model_takes_it() {
        let messages = [
            says(Role::System, "a"),
            says(Role::User, "b"),
            says(Role::System, "c"),
            says(Role::Assistant, "d"),
            says(Role::System, "e"),
            says(Role::User, "f"),
            says(Role::System, "g"),
        ];
        assert_eq!(
            write(&messages),
            json!({
                "system": texts(&["a", "c", "e", "g"]),
                "messages": [{"role": "user", "content": "b"}, {"role": "assistant", "content": "d"}, {"role": "user", "content": "f"}]
            })
        );
        assert_eq!(
            write_for("claude-opus-4-8", &messages).unwrap(),
            json!({
                "system": texts(&["a", "e"]),
                "messages": [{"role": "user", "content": "b"}, {"role": "system", "content": "c"}, {"role": "assistant", "content": "d"},
                    {"role": "user", "content": "f"}, {"role": "system", "content": "g"}]
            })
        );
    }

    #[test]
    fn there_is_always_a_turn_and_no_text_of_blanks() {
        assert_eq!(
            write(&[says(Role::System, "a"), says(Role::User, " \n")]),
            json!({"messages": [{"role": "user", "content": "a"}]})
        );
        assert_eq!(
            write(&[says(Role::User, "a"), says(Role::Assistant, "Then \n")]),
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "Then"}]})
        );
        let error = write_for("claude-haiku-4-5", &[says(Role::User, "")]).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("messages"));
    }

    #[test]
    fn only_thinking_that_anthropic_sealed_goes_back_to_it() {
        let hidden = Seal {
            redacted: true,
            ..Seal::new(Dialect::Messages, "Eom=")
        };
        let body = write(&[
            says(Role::User, "a"),
            Message::new(
                Role::Assistant,
                vec![
                    thought(Seal::new(Dialect::Chat, "x")),
                    thought(Seal::new(Dialect::Messages, "EqQ=")),
                    thought(Seal::new(Dialect::Messages, "")),
                    thought(hidden),
                    Part::text("b"),
                ],
            ),
        ]);
        assert_eq!(
            body["messages"][1]["content"],
            json!([{"type": "thinking", "thinking": "Hm.", "signature": "EqQ="},
                {"type": "redacted_thinking", "data": "Eom="}, {"type": "text", "text": "b"}])
        );
    }

    #[test]
    fn an_answer_to_results_thinks_only_if_their_calls_did() {
        let may = |parts: Vec<Part>, last: Message| {
            let messages = [
                says(Role::User, "a"),
                Message::new(Role::Assistant, parts),
                last,
            ];
            Turns::of(&messages, &Abilities::of("claude-haiku-4-5"))
                .unwrap()
                .may_begin_with_thinking()
        };
        let result = || Message::new(Role::User, vec![answers("1")]);
        let seal = Seal::new(Dialect::Messages, "EqQ=");
        assert!(may(vec![thought(seal.clone()), calls("1")], result()));
        assert!(!may(vec![calls("1")], result()));
        assert!(may(vec![Part::text("b")], says(Role::User, "c")));
        assert!(!may(vec![thought(seal)], says(Role::Assistant, "b")));
    }

    #[test]
    fn a_result_names_its_call_as_the_call_is_written() {
        let turn = write(&[
            says(Role::User, "a"),
            Message::new(Role::Assistant, vec![calls("f:0")]),
            Message::new(Role::User, vec![answers("f:0")]),
        ]);
        assert_eq!(
            turn["messages"][1]["content"][0]["id"],
            turn["messages"][2]["content"][0]["tool_use_id"]
        );
    }
}
