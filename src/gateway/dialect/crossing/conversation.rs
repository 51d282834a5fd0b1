//! A request, whatever dialect it was written in: the union of what the four dialects can say about a conversation.

use serde_json::{Map, Number, Value};

use super::effort::Depth;
use super::media::Media;
use super::seal::Seal;

/// What a client asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The model by the client's name for it; the Gemini dialect has it in the path, so its reader leaves it empty.
    pub model: String,
    /// The conversation; system prompts stand in it where they were given.
    pub messages: Vec<Message>,
    /// Functions that the model may call.
    pub tools: Vec<Tool>,
    /// Whether and which it must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several in one turn.
    pub parallel_calls: Option<bool>,
    /// The shape of its words.
    pub format: Format,
    /// Texts at which it stops.
    pub stop: Vec<String>,
    /// How it chooses its words.
    pub sampling: Sampling,
    /// The most tokens it may write.
    pub max_output: Option<u64>,
    /// How much it thinks.
    pub reasoning: Reasoning,
    /// How much it says, in OpenAI's words.
    pub verbosity: Option<String>,
    /// How many alternatives to tell the probability of, beside that of each token; `None`: of none.
    pub logprobs: Option<u64>,
    /// Put the prompt in the provider's cache as far as it goes.
    pub cache: Option<Cache>,
    /// What requests with a common beginning are brought together by.
    pub cache_key: Option<String>,
    /// Who stands behind the request, in the client's words.
    pub user: Option<String>,
    /// The client's own notes.
    pub metadata: Map<String, Value>,
    /// Answer piece by piece.
    pub stream: bool,
    /// End a stream with its usage; only OpenAI chat asks for it.
    pub include_usage: bool,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The operator of the conversation.
    System,
    /// The person, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// A turn.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A turn of these parts.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts }
    }
}

/// A piece of a turn.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// The prompt up to here is worth caching.
    pub cache: Option<Cache>,
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self {
            content,
            cache: None,
        }
    }
}

impl Part {
    /// A piece of text.
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text(text.into()).into()
    }
}

/// The kinds of pieces.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// Words.
    Text(String),
    /// Words with which a model declines; dialects without a word for it take them as text.
    Refusal(String),
    /// An image, a document or a recording.
    Media(Media),
    /// What a model thought.
    Thinking(Thinking),
    /// A model calls a tool.
    Call(Call),
    /// What a tool answered.
    Result(CallResult),
}

/// What a model thought. With no text it is a seal and nothing else, which belongs to the piece that follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thinking {
    /// The words, or their summary.
    pub text: String,
    /// Who wrote it, and the proof.
    pub seal: Seal,
}

/// A call of a tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// What its result refers to.
    pub id: String,
    /// The tool.
    pub name: String,
    /// A JSON object, as written.
    pub arguments: String,
}

/// The result of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct CallResult {
    /// The call.
    pub id: String,
    /// Text and media.
    pub parts: Vec<Part>,
    /// The tool failed.
    pub failed: bool,
}

/// A function that the model may call.
#[derive(Clone, PartialEq, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub schema: Option<Value>,
    /// Arguments must follow the schema.
    pub strict: Option<bool>,
    /// The prompt up to here is worth caching.
    pub cache: Option<Cache>,
}

/// Whether tools are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    Never,
    /// At least one.
    Required,
    /// Only these; with `required` at least one of them.
    Among {
        /// The names.
        names: Vec<String>,
        /// At least one must be called.
        required: bool,
    },
}

/// The shape of the model's words.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Format {
    /// Any.
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON of this schema.
    Schema {
        /// A name for it.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// It is held to, not only aimed at.
        strict: Option<bool>,
    },
}

/// How a model chooses its words; numbers as they were written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sampling {
    /// Randomness.
    pub temperature: Option<Number>,
    /// Choose among the likeliest tokens that make up this share.
    pub top_p: Option<Number>,
    /// Choose among this many of the likeliest tokens.
    pub top_k: Option<Number>,
    /// Against repeating often.
    pub frequency_penalty: Option<Number>,
    /// Against repeating at all.
    pub presence_penalty: Option<Number>,
    /// Where chance starts.
    pub seed: Option<Number>,
}

/// How much a model thinks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reasoning {
    /// How deeply.
    pub depth: Option<Depth>,
    /// Whether the client wants to see it.
    pub shown: Option<bool>,
}

/// How long a provider keeps the prompt in its cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cache {
    /// The provider's usual time, five minutes with Anthropic.
    #[default]
    Usual,
    /// An hour.
    Hour,
}

impl Request {
    /// The name of the tool that the call with this id calls.
    pub fn called(&self, id: &str) -> Option<&str> {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        parts
            .filter_map(|part| match &part.content {
                Content::Call(call) => Some(call),
                Content::Text(_)
                | Content::Refusal(_)
                | Content::Media(_)
                | Content::Thinking(_)
                | Content::Result(_) => None,
            })
            .rfind(|call| call.id == id)
            .map(|call| call.name.as_str())
    }
}
