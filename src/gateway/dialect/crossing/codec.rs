//! Which codec a dialect has: the one place that names them all. Each does the same: see `crossing`.

use super::answer::{Answer, Event};
use super::conversation::Request;
use super::{Dialect, Head, Target, Unreadable, chat, gemini, messages, responses};
use crate::domain::Result;

/// The function of that name in the codec of a dialect.
macro_rules! codec {
    ($dialect:expr, $function:ident($($argument:expr),*)) => {
        match $dialect {
            Dialect::Chat => chat::$function($($argument),*),
            Dialect::Responses => responses::$function($($argument),*),
            Dialect::Messages => messages::$function($($argument),*),
            Dialect::Gemini => gemini::$function($($argument),*),
        }
    };
}

/// Reads the body of a request. One of Gemini's has model and stream in its path: they are left for the caller to set.
///
/// # Errors
/// When it is not of this dialect, or has what cannot be carried into another; `param` names the member.
pub fn read_request(dialect: Dialect, body: &[u8]) -> Result<Request> {
    codec!(dialect, read_request(body))
}

/// Writes the body of a request to a channel. One of Gemini's has model and stream in its path: they are not in it.
///
/// # Errors
/// When the dialect has no words for a part of it; `param` names the part.
pub fn write_request(dialect: Dialect, request: &Request, target: &Target<'_>) -> Result<String> {
    codec!(dialect, write_request(request, target))
}

/// Reads a whole answer of a channel.
///
/// # Errors
/// When it is not of this dialect, or an error.
pub fn read_answer(dialect: Dialect, body: &[u8]) -> Result<Answer, Unreadable> {
    codec!(dialect, read_answer(body))
}

/// Writes a whole answer for a client.
pub fn write_answer(dialect: Dialect, answer: &Answer, head: &Head) -> String {
    codec!(dialect, write_answer(answer, head))
}

/// Reads the streamed answer of a channel.
#[derive(Debug)]
pub struct Reader(ReaderOf);

#[derive(Debug)]
enum ReaderOf {
    Chat(chat::Reader),
    Responses(responses::Reader),
    Messages(messages::Reader),
    Gemini(gemini::Reader),
}

impl Reader {
    /// Begins a stream of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::Chat => ReaderOf::Chat(chat::Reader::default()),
            Dialect::Responses => ReaderOf::Responses(responses::Reader::default()),
            Dialect::Messages => ReaderOf::Messages(messages::Reader::default()),
            Dialect::Gemini => ReaderOf::Gemini(gemini::Reader::default()),
        })
    }

    /// Reads the data of a frame.
    ///
    /// # Errors
    /// When it is not of this dialect.
    pub fn read(&mut self, data: &[u8]) -> Result<Vec<Event>, Unreadable> {
        match &mut self.0 {
            ReaderOf::Chat(reader) => reader.read(data),
            ReaderOf::Responses(reader) => reader.read(data),
            ReaderOf::Messages(reader) => reader.read(data),
            ReaderOf::Gemini(reader) => reader.read(data),
        }
    }

    /// The bytes ended. With a dialect that has no terminal event, that is the end if all was said; with the others it says
    /// nothing, and a stream without [`Event::End`] was cut.
    pub fn end(&mut self) -> Vec<Event> {
        match &mut self.0 {
            ReaderOf::Chat(reader) => reader.end(),
            ReaderOf::Responses(reader) => reader.end(),
            ReaderOf::Messages(reader) => reader.end(),
            ReaderOf::Gemini(reader) => reader.end(),
        }
    }
}

/// Writes a streamed answer for a client.
#[derive(Debug)]
pub struct Writer(WriterOf);

#[derive(Debug)]
enum WriterOf {
    Chat(chat::Writer),
    Responses(responses::Writer),
    Messages(messages::Writer),
    Gemini(gemini::Writer),
}

impl Writer {
    /// Begins a stream of this dialect.
    pub fn new(dialect: Dialect, head: Head) -> Self {
        Self(match dialect {
            Dialect::Chat => WriterOf::Chat(chat::Writer::new(head)),
            Dialect::Responses => WriterOf::Responses(responses::Writer::new(head)),
            Dialect::Messages => WriterOf::Messages(messages::Writer::new(head)),
            Dialect::Gemini => WriterOf::Gemini(gemini::Writer::new(head)),
        })
    }

    /// Writes the frames of an event behind `out`; behind the end of the stream it writes nothing.
    pub fn write(&mut self, event: &Event, out: &mut String) {
        match &mut self.0 {
            WriterOf::Chat(writer) => writer.write(event, out),
            WriterOf::Responses(writer) => writer.write(event, out),
            WriterOf::Messages(writer) => writer.write(event, out),
            WriterOf::Gemini(writer) => writer.write(event, out),
        }
    }
}
