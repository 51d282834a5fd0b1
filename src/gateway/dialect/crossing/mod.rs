//! What a call passes through when its client and its channel speak different dialects: one conversation in the middle, one
//! codec a dialect. A call whose dialect is the same on both sides never comes here: its bytes pass.
//!
//! So far it has the conversation itself, the pieces of an answer, and the reader of OpenAI chat requests; the pipeline does
//! not use it yet. Whatever a reader does not know is an error that names the member; what is dropped instead is listed in
//! the reader's own file.

pub mod answer;
mod chat;
pub mod conversation;
pub mod effort;
mod fields;
pub mod media;
pub mod seal;

pub use chat::read_request as read_chat_request;

/// A wire format that conversations are written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Gemini `generateContent`.
    Gemini,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
    }
}
