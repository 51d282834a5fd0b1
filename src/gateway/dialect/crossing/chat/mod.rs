//! OpenAI chat completions. Reference: OpenAI API reference, "Create chat completion"; the types of the official SDKs.

mod answer;
mod read_request;
mod reader;
mod reasoning;
mod sequencer;
mod write_messages;
mod write_request;
mod writer;

pub(super) use answer::{read_answer, write_answer};
pub(super) use read_request::read_request;
pub(super) use reader::Reader;
pub(super) use write_request::write_request;
pub(super) use writer::Writer;

#[cfg(test)]
mod tests;
