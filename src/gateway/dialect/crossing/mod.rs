//! What a call passes through when its client and its channel speak different dialects: one conversation in the middle, one
//! codec a dialect. A call whose dialect is the same on both sides never comes here: its bytes pass.
//!
//! Each codec has the same functions: `read_request`, `write_request`, `read_answer`, `write_answer`, and for streams a
//! `Reader` of frames and a `Writer` of them. Whatever a reader does not know is an error that names the member; what is
//! dropped instead is listed in the reader's own file.

pub mod answer;
mod chat;
pub mod codec;
pub mod conversation;
pub mod effort;
mod family;
mod fields;
mod gemini;
pub mod media;
mod messages;
mod openai;
mod responses;
pub mod seal;

use std::sync::Arc;

use conversation::Request;

use crate::domain::Error;

pub use crate::domain::Dialect;

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// An output limit in tokens that takes the place of the client's.
    pub output_limit: Option<u64>,
    /// The most that the model writes, in tokens, for a dialect that demands a limit where the client gave none.
    pub most_output: u64,
}

/// What an answer's writer has to say beside what the model says.
#[derive(Clone, Debug)]
pub struct Head {
    /// The call's id, without a prefix; the writer adds that of its dialect.
    pub id: String,
    /// The public name of the model, as the client gave it.
    pub model: String,
    /// When the answer began, in seconds since 1970.
    pub created: u64,
    /// The request as the client sent it: some dialects repeat parts of it in the answer.
    pub request: Arc<Request>,
    /// The tokens in the prompt, for a dialect that tells them first, where the provider tells them last.
    pub prompt_tokens: u64,
}

/// What a provider sent is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not of its dialect.
    #[error("the provider's answer is not of its dialect: {0}")]
    Foreign(String),
    /// It is, and says that the call came to nothing by what was asked, or has what cannot be carried: another channel would
    /// do no better, and what was used is to be paid.
    #[error("{}", .0.message)]
    Failed(Error),
}

impl Unreadable {
    /// Why.
    pub fn why(&self) -> &str {
        match self {
            Self::Foreign(why) => why,
            Self::Failed(error) => &error.message,
        }
    }
}

impl PartialEq for Unreadable {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
