//! The answer to a count of tokens that is made here, in the dialect of the client.
//! References: Anthropic API, "Count tokens in a Message"; Gemini API, "Counting tokens".

use serde_json::{Value, json};

use crate::domain::Endpoint;

/// The answer to a count for this kind of conversation.
pub(crate) fn counted(conversation: Endpoint, tokens: u64) -> Value {
    if conversation == Endpoint::GenerateContent {
        json!({ "totalTokens": tokens })
    } else {
        json!({ "input_tokens": tokens })
    }
}
