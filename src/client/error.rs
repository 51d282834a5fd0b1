//! Why there is no answer, or no more of it: in words without secrets.

use std::error::Error as _;

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// There is no connection; nothing was sent.
    #[error("no connection: {0}")]
    Unconnected(String),
    /// The connection was closed before anything of an answer came.
    #[error("the connection was closed before an answer")]
    HungUp,
    /// The connection broke.
    #[error("the connection broke: {words}")]
    Broke {
        /// How.
        words: String,
        /// Whether that was before anything of an answer came.
        silent: bool,
    },
    /// What came is no answer.
    #[error("the answer could not be read: {0}")]
    Unreadable(String),
    /// The request could not be sent, by its own fault: its body broke off, or an address or header cannot be used.
    #[error("the request could not be sent: {0}")]
    Unsent(String),
}

impl SendError {
    /// Reads an error of hyper's; `silent`: not a byte of an answer has come.
    pub(super) fn read(error: &hyper::Error, silent: bool) -> Self {
        if error.is_parse() {
            return Self::Unreadable(words(error));
        }
        if error.is_user() {
            return Self::Unsent(words(error));
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return if silent {
                Self::HungUp
            } else {
                Self::Unreadable("it ended within its head".to_owned())
            };
        }
        Self::Broke {
            words: words(error),
            silent,
        }
    }
}

/// An error with what it came of.
pub(super) fn words(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// An answer's body broke off.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BrokeOff(pub String);
