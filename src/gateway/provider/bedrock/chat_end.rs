//! How a stream of OpenAI's dialect ends: with the usage and `[DONE]`, which Bedrock does not send. Its numbers of tokens stand in
//! the last piece instead.
//! Reference: Amazon Bedrock user guide, "Submit a single prompt with InvokeModel" (`amazon-bedrock-invocationMetrics`).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// What the pieces so far tell of the end.
#[derive(Default)]
pub(super) struct ChatEnd {
    /// The model has said why it stopped.
    finished: bool,
    /// The usage was told as OpenAI tells it.
    told: bool,
    metrics: Option<Metrics>,
    /// What is the same in every piece: id, time and model.
    head: Value,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    input_token_count: u64,
    output_token_count: u64,
    cache_read_input_token_count: Option<u64>,
    cache_write_input_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct Piece {
    id: Option<Value>,
    created: Option<Value>,
    model: Option<Value>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<IgnoredAny>,
    #[serde(rename = "amazon-bedrock-invocationMetrics")]
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<IgnoredAny>,
}

impl ChatEnd {
    /// Looks at a piece.
    pub(super) fn note(&mut self, data: &str) {
        // Whether it can be read is seen by whoever reads it next.
        let Ok(piece) = serde_json::from_str::<Piece>(data) else {
            return;
        };
        self.finished |= piece
            .choices
            .iter()
            .any(|choice| choice.finish_reason.is_some());
        self.told |= piece.usage.is_some();
        self.metrics = piece.metrics.or(self.metrics);
        if self.head.is_null() {
            self.head = json!({"id": piece.id, "created": piece.created, "model": piece.model});
        }
    }

    /// The last events; none, if the model was cut off before it finished.
    pub(super) fn events(&self) -> String {
        if !self.finished {
            return String::new();
        }
        let mut events = String::new();
        if let Some(metrics) = self.metrics.filter(|_| !self.told) {
            let (input, output) = (metrics.input_token_count, metrics.output_token_count);
            let cached = metrics.cache_read_input_token_count.unwrap_or(0);
            let written = metrics.cache_write_input_token_count.unwrap_or(0);
            // What is read from the cache or written to it is not in the input's number, as with Anthropic.
            let prompt = input.saturating_add(cached).saturating_add(written);
            let mut piece = self.head.clone();
            piece["object"] = "chat.completion.chunk".into();
            piece["choices"] = json!([]);
            piece["usage"] = json!({
                "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt.saturating_add(output),
                "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
            });
            events.push_str(&format!("data: {piece}\n\n"));
        }
        events.push_str("data: [DONE]\n\n");
        events
    }
}
