//! OpenAI chat completions. Reference: OpenAI API reference, "Create chat completion"; the types of the official SDKs.

mod read_request;

pub use read_request::read_request;
