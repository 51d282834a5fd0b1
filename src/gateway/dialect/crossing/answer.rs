//! An answer, whatever dialect it was written in: whole, and piece by piece.

use serde_json::Number;

use super::conversation::Part;
use super::seal::Seal;
use crate::domain::{Error, Usage};

/// What a model answered.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// What it thought, said and calls, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// What it used; `None`: the provider did not say.
    pub usage: Option<Usage>,
    /// The probabilities of its tokens, if asked for.
    pub logprobs: Vec<TokenLogprob>,
}

/// Why an answer ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finish {
    /// All is said.
    Stop,
    /// One of the texts to stop at was written; which, if the provider told.
    StopSequence(Option<String>),
    /// The limit of tokens, the client's or the model's.
    Length,
    /// Tools are to be called.
    Calls,
    /// The provider held the rest back, or the model declined.
    Filtered,
}

/// The probability of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenLogprob {
    /// The token.
    pub token: String,
    /// Its natural logarithm, as written.
    pub logprob: Number,
    /// Likely tokens at this place, with theirs.
    pub top: Vec<(String, Number)>,
}

/// A piece of a streamed answer. What belongs to a call follows the call: pieces of several calls are never mixed.
#[derive(Debug)]
pub enum Event {
    /// The provider began to answer; its usage so far, if told.
    Start(Option<Usage>),
    /// Thoughts.
    Thinking(String),
    /// The thoughts up to here are sealed; with none before it, it is a seal of its own.
    Sealed(Seal),
    /// Words.
    Text {
        /// The words.
        text: String,
        /// The probabilities of their tokens, if asked for.
        logprobs: Vec<TokenLogprob>,
    },
    /// Words that decline.
    Refusal(String),
    /// A call begins.
    Call {
        /// What its result will refer to.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of the arguments of the call that began last.
    Arguments(String),
    /// The tokens used so far, all of them.
    Usage(Usage),
    /// Why the answer ends.
    Finish(Finish),
    /// The stream ended as its dialect demands.
    End,
    /// The stream failed.
    Failed(Error),
}
