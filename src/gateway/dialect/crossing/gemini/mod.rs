//! Gemini `generateContent` and `streamGenerateContent`, of the Gemini API and of Vertex AI alike. Model and streaming stand in
//! the path, so the reader leaves them empty and the writer leaves them out.
//! Reference: Gemini API, "Generating content", "Caching" (`Content`, `Part`, `FunctionDeclaration`, `Schema`), "Thinking",
//! "Thought signatures", "Structured outputs"; the types of the official SDK.

mod error;
mod finish;
mod made_ids;
mod pieces;
mod read_answer;
mod read_config;
mod read_contents;
mod read_request;
mod schema;
mod thinking;
mod write_answer;
mod write_contents;
mod write_parts;
mod write_request;

pub(super) use read_answer::{Reader, read_answer};
pub(super) use read_request::read_request;
pub(super) use write_answer::{Writer, write_answer};
pub(super) use write_request::write_request;

#[cfg(test)]
mod tests;
