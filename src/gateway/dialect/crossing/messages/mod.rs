//! Anthropic messages. Reference: Claude API reference, "Create a Message", "Streaming messages"; the types of the official
//! SDKs.

mod abilities;
mod answer;
mod read_blocks;
mod read_request;
mod read_stream;
mod schema;
mod thinking;
mod turns;
mod write_blocks;
mod write_request;
mod write_stream;
mod write_tools;

pub(super) use answer::{read_answer, write_answer};
pub(super) use read_request::read_request;
pub(super) use read_stream::Reader;
pub(super) use write_request::write_request;
pub(super) use write_stream::Writer;

#[cfg(test)]
mod tests;
