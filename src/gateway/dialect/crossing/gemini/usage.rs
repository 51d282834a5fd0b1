//! Tokens, as Google counts them: `promptTokenCount` includes what was read from the cache, `toolUsePromptTokenCount` is not in
//! it; `candidatesTokenCount` leaves the thoughts out. What is zero is often left out.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::Usage;

/// `usageMetadata`.
#[derive(Clone, Copy, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    total_token_count: Option<u64>,
}

impl Metadata {
    /// The tokens in our way of counting; `None`: it does not tell.
    pub(super) fn usage(&self) -> Option<Usage> {
        let prompt = self
            .prompt_token_count?
            .saturating_add(self.tool_use_prompt_token_count.unwrap_or(0));
        let said = self.candidates_token_count.unwrap_or(0);
        // Where the thoughts are not told by themselves they are still in the total, and on the bill.
        let reasoning = self.thoughts_token_count.unwrap_or_else(|| {
            let told = prompt.saturating_add(said);
            self.total_token_count.unwrap_or(0).saturating_sub(told)
        });
        Some(Usage {
            prompt,
            cached: self.cached_content_token_count.unwrap_or(0),
            completion: said.saturating_add(reasoning),
            reasoning,
            ..Usage::default()
        })
    }
}

/// `usageMetadata`; tokens written to the cache have no place in it but the prompt.
pub(super) fn write(usage: &Usage) -> Value {
    let mut written = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.total(),
    });
    if usage.cached > 0 {
        written["cachedContentTokenCount"] = usage.cached.into();
    }
    if usage.reasoning > 0 {
        written["thoughtsTokenCount"] = usage.reasoning.into();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metadata: Value) -> Option<Usage> {
        serde_json::from_value::<Metadata>(metadata)
            .unwrap()
            .usage()
    }

    #[test]
    fn thoughts_and_what_tools_read_are_counted() {
        let usage = of(
            json!({"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 10,
                   "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 5, "totalTokenCount": 145}),
        )
        .unwrap();
        assert_eq!((usage.prompt, usage.cached), (105, 60));
        assert_eq!((usage.completion, usage.reasoning), (40, 30));
        assert_eq!(usage.total(), 145);
    }

    #[test]
    fn thoughts_that_are_only_in_the_total_are_counted() {
        let usage =
            of(json!({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 115}))
                .unwrap();
        assert_eq!((usage.completion, usage.reasoning), (105, 100));
        assert_eq!(of(json!({"totalTokenCount": 115})), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let usage = Usage {
            prompt: 100,
            cached: 60,
            completion: 40,
            reasoning: 30,
            ..Usage::default()
        };
        assert_eq!(of(write(&usage)), Some(usage));
    }
}
