//! What the echo reads of a request: the words to say, and how.

use serde_json::{Map, Value, json};

use crate::gateway::provider::Outgoing;

/// What an echo is made of.
pub(super) struct Echo {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) model: Value,
    /// The words to say, cut to the limit.
    pub(super) words: Vec<String>,
    pub(super) prompt_tokens: usize,
    /// Whether the limit cut words off.
    pub(super) cut: bool,
    /// How many answers are wanted.
    pub(super) choices: usize,
    /// The tool that must be called.
    pub(super) tool: Option<String>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

impl Echo {
    /// Reads a request of any dialect.
    pub(super) fn of(outgoing: &Outgoing<'_>, body: &Map<String, Value>) -> Self {
        let prompt = ["messages", "input", "prompt", "contents"]
            .into_iter()
            .filter_map(|field| body.get(field))
            .find(|value| !value.is_null());
        let mut turns = Vec::new();
        collect(prompt.unwrap_or(&Value::Null), &mut turns);
        let mut beside = Vec::new();
        for field in ["instructions", "suffix", "system", "systemInstruction"] {
            let text = body.get(field).unwrap_or(&Value::Null);
            parts(text.get("parts").unwrap_or(text), &mut beside);
        }
        let prompt_tokens = turns
            .iter()
            .map(|turn| turn.words.len())
            .chain([beside.len()])
            .sum();
        let last = turns
            .into_iter()
            .rfind(|turn| turn.from_user && !turn.words.is_empty());
        let mut said = last.map_or_else(|| words("(nothing to echo)"), |turn| turn.words);
        let limit = ["max_completion_tokens", "max_tokens", "max_output_tokens"]
            .into_iter()
            .find_map(|field| body.get(field)?.as_u64())
            .or_else(|| {
                body.get("generationConfig")?
                    .get("maxOutputTokens")?
                    .as_u64()
            });
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let cut = said.len() > limit;
        said.truncate(limit);
        let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(false);
        Self {
            id: format!("echo-{:08x}", crc32fast::hash(outgoing.body)),
            created: outgoing.now.as_millis() / 1_000,
            model: outgoing.model.into(),
            words: said,
            prompt_tokens,
            cut,
            choices: body
                .get("n")
                .and_then(Value::as_u64)
                .map_or(1, |n| usize::try_from(n.clamp(1, 128)).unwrap_or(1)),
            tool: tool(body),
            stream: outgoing.stream,
            include_usage: flag(
                body.get("stream_options")
                    .and_then(|options| options.get("include_usage")),
            ),
        }
    }

    pub(super) fn text(&self) -> String {
        self.words.join(" ")
    }

    /// What a tool is called with.
    pub(super) fn arguments(&self) -> String {
        json!({ "text": self.text() }).to_string()
    }

    pub(super) fn finish_reason(&self) -> &'static str {
        match (self.cut, &self.tool) {
            (true, _) => "length",
            (false, Some(_)) => "tool_calls",
            (false, None) => "stop",
        }
    }
}

/// What one side said.
struct Turn {
    from_user: bool,
    words: Vec<String>,
}

/// Reads a prompt in any dialect: a text, a list of texts, or a list of messages.
fn collect(prompt: &Value, turns: &mut Vec<Turn>) {
    match prompt {
        Value::String(text) => turns.push(Turn {
            from_user: true,
            words: words(text),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, turns)),
        Value::Object(message) => {
            let from_user = message
                .get("role")
                .and_then(Value::as_str)
                .is_none_or(|role| role == "user");
            let mut text = Vec::new();
            let content = message.get("content").or_else(|| message.get("parts"));
            parts(content.unwrap_or(&Value::Null), &mut text);
            turns.push(Turn {
                from_user,
                words: text,
            });
        }
        // A prompt of token numbers.
        Value::Number(token) => turns.push(Turn {
            from_user: true,
            words: vec![token.to_string()],
        }),
        Value::Null | Value::Bool(_) => {}
    }
}

fn parts(content: &Value, text: &mut Vec<String>) {
    match content {
        Value::String(part) => text.extend(words(part)),
        Value::Array(list) => list
            .iter()
            .filter_map(|part| part.get("text"))
            .for_each(|part| parts(part, text)),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The tool that must be called, by name or as any.
fn tool(body: &Map<String, Value>) -> Option<String> {
    let name = |tool: &Value| {
        tool.get("function")
            .unwrap_or(tool)
            .get("name")?
            .as_str()
            .map(str::to_owned)
    };
    let first = || {
        let tool = body.get("tools")?.as_array()?.first()?;
        name(
            tool.get("functionDeclarations")
                .and_then(|all| all.get(0))
                .unwrap_or(tool),
        )
    };
    let is = |value: Option<&Value>, word: &str| value.and_then(Value::as_str) == Some(word);
    if let Some(config) = body
        .get("toolConfig")
        .and_then(|config| config.get("functionCallingConfig"))
    {
        return is(config.get("mode"), "ANY").then(first).flatten();
    }
    let choice = body.get("tool_choice")?;
    if is(Some(choice), "required") || is(choice.get("type"), "any") {
        return first();
    }
    name(choice)
}
