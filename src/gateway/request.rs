//! What the gateway reads of a request body, without parsing it whole: the top-level fields it needs, and where they stand,
//! so that [`super::rewrite`] can change them in place. Everything else is only checked to be JSON and passed over.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::media::{self, Pictures};
use crate::domain::{Code, Dialect, Endpoint, Error, Pieces, Result, ServiceTier, Usage};

/// A request body, and what was read of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The body as it came.
    pub body: Bytes,
    /// What was read.
    pub scan: Scan,
}

/// The fields of a body that matter to the gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// The model's public name.
    pub model: String,
    /// Where the model's name stands.
    pub model_at: ModelAt,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Where `stream_options` stands.
    pub stream_options_at: Option<Range<usize>>,
    /// Whether the client asked for the usage frame; `None`: it said nothing of it.
    pub include_usage: Option<bool>,
    /// The output limit that binds, in tokens.
    pub output_limit: Option<u64>,
    /// Where an output limit of `null` stands, and the field's name: the place to write one.
    pub null_limit_at: Option<(Field, Range<usize>)>,
    /// Where the object stands that holds the output limit, in dialects that have one; `None`: the client sent none.
    pub settings_at: Option<Range<usize>>,
    /// How many answers are wanted (`n`, `best_of`, `candidateCount`), to all prompts together.
    pub choices: u64,
    /// The most that it may need of what is billed by the piece.
    pub pieces: Pieces,
    /// The most that the prompt may have beside text, in tokens.
    pub media_tokens: u64,
    /// The provider's tier that is asked for.
    pub tier: ServiceTier,
    /// What is counted, beside prompt and words, should the provider give no numbers.
    pub guess: Usage,
    /// Whether the prompt has parts that are not in the body (an earlier response, a stored prompt).
    pub hidden_prompt: bool,
    /// Whether there is any field at all; then one more needs a comma.
    pub has_fields: bool,
}

/// Where a model's name stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ModelAt {
    /// In the path.
    #[default]
    Path,
    /// In the body, there, quotes included.
    Body(Range<usize>),
    /// Nowhere: it is the provider's usual one.
    Nowhere,
}

/// What a call of the Gemini dialect says in its path, where others have it in the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InPath {
    /// The model's public name.
    pub model: String,
    /// Whether the client wants the answer piece by piece.
    pub stream: bool,
    /// Whether the pieces are to be server-sent events (`alt=sse`) and not elements of a JSON array.
    pub events: bool,
    /// Whether the body holds several requests (`batchEmbedContents`).
    pub batch: bool,
}

/// The top-level fields that are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// `model`
    Model,
    /// `stream`
    Stream,
    /// `stream_options`
    StreamOptions,
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
    /// `max_output_tokens`
    MaxOutputTokens,
    /// `n`
    N,
    /// `best_of`
    BestOf,
    /// `service_tier`
    ServiceTier,
    /// `documents`: of a rerank
    Documents,
    /// `size`: of images
    Size,
    /// `quality`: of images
    Quality,
    /// `partial_images`
    PartialImages,
    /// `output_format`: of images
    OutputFormat,
    /// `input`: of speech
    Input,
    /// `stream_format`: of speech
    StreamFormat,
    /// `background`
    Background,
    /// `previous_response_id`
    PreviousResponse,
    /// `conversation`
    Conversation,
    /// `prompt`: of completions, one or a list; of responses, a stored one
    Prompt,
    /// `generationConfig`
    GenerationConfig,
    /// `cachedContent`
    CachedContent,
}

impl Field {
    const ALL: [Self; 22] = [
        Self::Model,
        Self::Stream,
        Self::StreamOptions,
        Self::MaxTokens,
        Self::MaxCompletionTokens,
        Self::MaxOutputTokens,
        Self::N,
        Self::BestOf,
        Self::ServiceTier,
        Self::Documents,
        Self::Size,
        Self::Quality,
        Self::PartialImages,
        Self::OutputFormat,
        Self::Input,
        Self::StreamFormat,
        Self::Background,
        Self::PreviousResponse,
        Self::Conversation,
        Self::Prompt,
        Self::GenerationConfig,
        Self::CachedContent,
    ];

    /// Its name in the body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::N => "n",
            Self::BestOf => "best_of",
            Self::ServiceTier => "service_tier",
            Self::Documents => "documents",
            Self::Size => "size",
            Self::Quality => "quality",
            Self::PartialImages => "partial_images",
            Self::OutputFormat => "output_format",
            Self::Input => "input",
            Self::StreamFormat => "stream_format",
            Self::Background => "background",
            Self::PreviousResponse => "previous_response_id",
            Self::Conversation => "conversation",
            Self::Prompt => "prompt",
            Self::GenerationConfig => "generationConfig",
            Self::CachedContent => "cachedContent",
        }
    }

    /// The field of this name. Google's interfaces take `snake_case` too.
    fn named(name: &str) -> Option<Self> {
        match name {
            "generation_config" => Some(Self::GenerationConfig),
            "cached_content" => Some(Self::CachedContent),
            name => Self::ALL.into_iter().find(|field| field.name() == name),
        }
    }

    /// Whether it limits the output of this endpoint.
    fn limits_output(self, endpoint: Endpoint) -> bool {
        match endpoint.dialect() {
            Some(Dialect::Chat) => matches!(self, Self::MaxTokens | Self::MaxCompletionTokens),
            Some(Dialect::Messages) => self == Self::MaxTokens,
            Some(Dialect::Responses) => self == Self::MaxOutputTokens,
            Some(Dialect::Gemini) => false,
            None => endpoint == Endpoint::Completions && self == Self::MaxTokens,
        }
    }
}

/// A key of the body: escapes such as `"mod\u0065l"` are resolved, so that a field cannot be hidden by its spelling.
struct Key(Option<Field>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(Field::named(name)))
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// Each known field with its raw value, in the order in which they stand.
struct Found<'a> {
    values: [Option<&'a RawValue>; Field::ALL.len()],
    twice: Option<Field>,
    has_fields: bool,
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
                let mut found = Found {
                    values: [None; Field::ALL.len()],
                    twice: None,
                    has_fields: false,
                };
                while let Some(Key(field)) = map.next_key()? {
                    found.has_fields = true;
                    let Some(field) = field else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    let value = map.next_value::<&RawValue>()?;
                    if let Some(slot) = found.values.get_mut(field as usize)
                        && slot.replace(value).is_some()
                    {
                        found.twice = Some(field);
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    #[serde(alias = "max_output_tokens")]
    max_output_tokens: Option<u64>,
    #[serde(alias = "candidate_count")]
    candidate_count: Option<u64>,
}

impl Request {
    /// Reads a body sent to `endpoint`.
    ///
    /// # Errors
    /// `invalid_request_error`, with `param` where it is about one field.
    pub fn read(endpoint: Endpoint, body: Bytes) -> Result<Self> {
        Self::read_at(endpoint, None, body)
    }

    /// Reads a body sent to `endpoint` by a path that says part of what is asked.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_at(endpoint: Endpoint, in_path: Option<&InPath>, body: Bytes) -> Result<Self> {
        let text = std::str::from_utf8(&body)
            .map_err(|_| invalid("The request body is not UTF-8. Send JSON in UTF-8."))?;
        let found: Found<'_> = serde_json::from_str(text).map_err(|e| {
            invalid(format!("The request body is not a JSON object ({}). Check the body, and that Content-Type is application/json.", reason(&e)))
        })?;
        let scan = found.scan(endpoint, in_path, text)?;
        Ok(Self { body, scan })
    }
}

impl<'a> Found<'a> {
    fn get(&self, field: Field) -> Option<&'a RawValue> {
        self.values.get(field as usize).copied().flatten()
    }

    /// The value, unless it is absent or `null`.
    fn given(&self, field: Field) -> Option<&'a RawValue> {
        self.get(field).filter(|raw| raw.get() != "null")
    }

    fn typed<T: Deserialize<'a>>(&self, field: Field, wanted: &str) -> Result<Option<T>> {
        self.given(field)
            .map(|raw| {
                serde_json::from_str(raw.get()).map_err(|_| {
                    invalid(format!("{} must be {wanted}.", field.name())).param(field.name())
                })
            })
            .transpose()
    }

    fn scan(&self, endpoint: Endpoint, in_path: Option<&InPath>, body: &str) -> Result<Scan> {
        if let Some(field) = self.twice {
            return Err(invalid(format!(
                "The field {} is given twice. Send it once.",
                field.name()
            ))
            .param(field.name()));
        }
        let mut scan = Scan {
            model: self.model(endpoint, in_path)?,
            choices: 1,
            has_fields: self.has_fields,
            ..Scan::default()
        };
        match in_path {
            Some(in_path) => scan.stream = in_path.stream,
            None => {
                scan.model_at = self
                    .get(Field::Model)
                    .map_or(ModelAt::Nowhere, |raw| ModelAt::Body(place(body, raw)));
                if endpoint.generates() {
                    scan.stream = self.typed(Field::Stream, "true or false")?.unwrap_or(false);
                }
            }
        }
        if endpoint.generates() {
            let tier: Option<String> = self.typed(Field::ServiceTier, "a string")?;
            scan.tier = tier.as_deref().map(ServiceTier::of).unwrap_or_default();
        }
        self.read_limits(endpoint, body, &mut scan)?;
        match endpoint {
            Endpoint::Chat | Endpoint::Completions => {
                self.read_choices(endpoint, body, &mut scan)?
            }
            Endpoint::Responses => {
                // Its usage is only told to whoever fetches the response later, which this gateway does not offer.
                if self.typed(Field::Background, "true or false")? == Some(true) {
                    return Err(invalid("background is not supported here: the answer could not be metered. Send background false, or stream.").param("background"));
                }
                scan.hidden_prompt = [Field::PreviousResponse, Field::Conversation, Field::Prompt]
                    .into_iter()
                    .any(|field| self.given(field).is_some());
            }
            Endpoint::GenerateContent => {
                let config: Option<GenerationConfig> = self.typed(
                    Field::GenerationConfig,
                    "an object whose maxOutputTokens and candidateCount are whole numbers",
                )?;
                scan.settings_at = self
                    .get(Field::GenerationConfig)
                    .map(|raw| place(body, raw));
                if let Some(config) = config {
                    scan.output_limit = config.max_output_tokens;
                    scan.choices = config.candidate_count.unwrap_or(1).max(1);
                }
                scan.hidden_prompt = self.given(Field::CachedContent).is_some();
            }
            Endpoint::Images => {
                let word = |field| self.typed::<String>(field, "a string");
                let (size, quality) = (word(Field::Size)?, word(Field::Quality)?);
                let format = word(Field::OutputFormat)?;
                let needs = media::pictures(Pictures {
                    count: self.typed(Field::N, "a whole number")?,
                    size: size.as_deref(),
                    quality: quality.as_deref(),
                    partial: self.typed(Field::PartialImages, "a whole number")?,
                    format: format.as_deref(),
                    stream: scan.stream,
                })?;
                needs.fill(&mut scan);
            }
            Endpoint::Speech => {
                let input: String = self.typed(Field::Input, "a string")?.unwrap_or_default();
                let format: Option<String> = self.typed(Field::StreamFormat, "a string")?;
                scan.stream = format.as_deref() == Some("sse");
                let characters = input.chars().count();
                media::speech(u64::try_from(characters).unwrap_or(u64::MAX)).fill(&mut scan);
            }
            Endpoint::Rerank => {
                let documents: Vec<&RawValue> = self
                    .typed(Field::Documents, "a list of documents")?
                    .unwrap_or_default();
                media::rerank(len(&documents), len(body.as_bytes())).fill(&mut scan);
            }
            Endpoint::Messages
            | Endpoint::Embeddings
            | Endpoint::CountTokens
            | Endpoint::EmbedContent
            | Endpoint::Moderations
            | Endpoint::ImageEdits
            | Endpoint::Transcriptions
            | Endpoint::Translations
            | Endpoint::Realtime => {}
        }
        Ok(scan)
    }

    /// The model's name, from the path or from the body.
    fn model(&self, endpoint: Endpoint, in_path: Option<&InPath>) -> Result<String> {
        let model = match in_path {
            Some(in_path) => in_path.model.clone(),
            None => match self.typed(Field::Model, "a string")? {
                Some(model) => model,
                // The only endpoint whose reference has a default, which the official clients leave to the provider.
                None if endpoint == Endpoint::Moderations => "omni-moderation-latest".to_owned(),
                None => {
                    let message =
                        "The field model is missing. Name a model; GET /v1/models lists them.";
                    return Err(invalid(message).param("model"));
                }
            },
        };
        if model.is_empty() || model.len() > 256 {
            return Err(invalid("model must have 1 to 256 characters.").param("model"));
        }
        Ok(model)
    }

    /// How many answers are wanted, and whether the usage frame is.
    fn read_choices(&self, endpoint: Endpoint, body: &str, scan: &mut Scan) -> Result<()> {
        let options: Option<StreamOptions> = self.typed(
            Field::StreamOptions,
            "an object with include_usage true or false",
        )?;
        scan.stream_options_at = self.get(Field::StreamOptions).map(|raw| place(body, raw));
        scan.include_usage = options.and_then(|options| options.include_usage);
        let n: u64 = self.typed(Field::N, "a whole number")?.unwrap_or(1);
        let (mut best_of, mut several) = (1, 1);
        if endpoint == Endpoint::Completions {
            best_of = self.typed(Field::BestOf, "a whole number")?.unwrap_or(1);
            several = self.given(Field::Prompt).map_or(1, prompts);
        }
        scan.choices = n.max(best_of).max(1).saturating_mul(several);
        Ok(())
    }

    fn read_limits(&self, endpoint: Endpoint, body: &str, scan: &mut Scan) -> Result<()> {
        for field in [
            Field::MaxTokens,
            Field::MaxCompletionTokens,
            Field::MaxOutputTokens,
        ] {
            if !field.limits_output(endpoint) {
                continue;
            }
            match self.typed::<u64>(field, "a whole number")? {
                // Where both are given, providers differ in which one they follow: the larger one bounds both.
                Some(limit) => scan.output_limit = scan.output_limit.max(Some(limit)),
                None => {
                    if let Some(raw) = self.get(field) {
                        scan.null_limit_at = Some((field, place(body, raw)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// How many prompts there are: a list of numbers is one, each element of any other list is one.
fn prompts(raw: &RawValue) -> u64 {
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return 1;
    };
    let is_text = |one: &&RawValue| one.get().starts_with(['"', '[']);
    let several = list.iter().filter(|one| is_text(one)).count();
    u64::try_from(several).unwrap_or(u64::MAX).max(1)
}

/// Where a raw value, which borrows from the body, stands in it.
fn place(body: &str, raw: &RawValue) -> Range<usize> {
    let start = (raw.get().as_ptr() as usize).wrapping_sub(body.as_ptr() as usize);
    start..start.wrapping_add(raw.get().len())
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidRequest, message)
}

/// What is wrong, in the parser's words; they name a place, never a value's content.
fn reason(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Data
        | serde_json::error::Category::Io => {
            format!("line {}, column {}", error.line(), error.column())
        }
    }
}

#[cfg(test)]
mod tests;
