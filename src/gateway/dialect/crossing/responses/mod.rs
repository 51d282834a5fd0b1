//! OpenAI responses. Reference: OpenAI API reference, "Responses" and "Streaming events"; the types of the official SDKs.
//!
//! An item of `output` or `input` is a piece of a turn here, except that the parts of a message are pieces of their own. A
//! thought is a `reasoning` item with its seal in `encrypted_content`.

mod items;
mod members;
mod read_answer;
mod read_request;
mod read_stream;
mod response;
mod settings;
mod write_answer;
mod write_request;
mod write_stream;

pub(super) use read_answer::read_answer;
pub(super) use read_request::read_request;
pub(super) use read_stream::Reader;
pub(super) use write_answer::write_answer;
pub(super) use write_request::write_request;
pub(super) use write_stream::Writer;

#[cfg(test)]
mod tests;
