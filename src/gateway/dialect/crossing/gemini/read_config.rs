//! Reads `generationConfig`: how a model is to answer.

use serde_json::Value;

use super::{schema, thinking};
use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::{Format, Request, Sampling};
use crate::gateway::dialect::crossing::fields::{self, Fields};

/// About Google's models only; the answer is of the same kind without them.
const DROPPED: [&str; 2] = ["mediaResolution", "enableEnhancedCivicAnswers"];

/// Reads the object into the request.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<()> {
    let Some(mut config) = fields.fields("generationConfig")? else {
        return Ok(());
    };
    request.sampling = Sampling {
        temperature: config.number("temperature")?,
        top_p: config.number("topP")?,
        top_k: config.number("topK")?,
        frequency_penalty: config.number("frequencyPenalty")?,
        presence_penalty: config.number("presencePenalty")?,
        seed: config.number("seed")?,
    };
    request.max_output = config.count("maxOutputTokens")?;
    request.stop = config.texts("stopSequences")?;
    request.format = format(&mut config)?;
    request.reasoning = thinking::read(&mut config)?;
    let alternatives = config.count("logprobs")?;
    if config.flag("responseLogprobs")? == Some(true) {
        request.logprobs = Some(alternatives.unwrap_or(0));
    }
    if config.count("candidateCount")?.is_some_and(|n| n > 1) {
        return Err(config.refuse(
            "candidateCount",
            "only one answer can be had from the provider of this model; ask again for another",
        ));
    }
    let kinds = config.texts("responseModalities")?;
    if kinds.iter().any(|kind| !kind.eq_ignore_ascii_case("text")) {
        return Err(fields::inexpressible(
            &config.path("responseModalities"),
            "output but text",
        ));
    }
    config.finish(&DROPPED)
}

fn format(config: &mut Fields) -> Result<Format> {
    let media_type = config.text("responseMimeType")?;
    let openapi = config.take("responseSchema").map(schema::json_schema);
    let schema: Option<Value> = config.take("responseJsonSchema").or(openapi);
    match (media_type.as_deref(), schema) {
        (None | Some("" | "text/plain"), None) => Ok(Format::Text),
        (Some("application/json"), None) => Ok(Format::Json),
        (Some("application/json"), Some(schema)) => Ok(Format::Schema {
            name: None,
            description: None,
            schema,
            strict: None,
        }),
        (None | Some("" | "text/plain"), Some(_)) => Err(config.refuse(
            "responseMimeType",
            "must be application/json where there is a schema",
        )),
        (Some(_), _) => Err(fields::inexpressible(
            &config.path("responseMimeType"),
            "output but text and JSON",
        )),
    }
}
