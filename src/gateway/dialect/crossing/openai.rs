//! What both of OpenAI's dialects say in the same words, each in a place of its own.

use serde_json::Value;

use super::conversation::{Format, ToolChoice};
use super::effort::Depth;
use super::fields::{self, Fields};
use crate::domain::Result;

/// Where what belongs to a function stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Functions {
    /// In an object within, as chat has it.
    Nested,
    /// Beside the type, as responses have it.
    Flat,
}

impl Functions {
    fn within(self, mut outer: Fields, name: &str) -> Result<Fields> {
        match self {
            Self::Nested => outer.need_fields(name),
            Self::Flat => Ok(outer),
        }
    }
}

/// Reads `tool_choice`.
pub(super) fn tool_choice(fields: &mut Fields, functions: Functions) -> Result<Option<ToolChoice>> {
    let path = fields.path("tool_choice");
    let unknown = || fields::wrong(&path, "must be none, auto, required, or name functions");
    let choice = match fields.take("tool_choice") {
        None => return Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Never,
            "required" => ToolChoice::Required,
            _ => return Err(unknown()),
        },
        Some(named) => {
            let mut named = Fields::of(named, path.clone())?;
            match named.need_text("type")?.as_str() {
                "function" => ToolChoice::Among {
                    names: vec![functions.within(named, "function")?.need_text("name")?],
                    required: true,
                },
                "allowed_tools" => {
                    let mut allowed = functions.within(named, "allowed_tools")?;
                    let mut names = Vec::new();
                    for tool in allowed.each("tools")? {
                        names.push(functions.within(tool, "function")?.need_text("name")?);
                    }
                    ToolChoice::Among {
                        names,
                        required: allowed.need_text("mode")? == "required",
                    }
                }
                _ => return Err(unknown()),
            }
        }
    };
    Ok(Some(choice))
}

/// Reads the object that describes a schema for the model's words.
pub(super) fn schema(fields: &mut Fields) -> Result<Format> {
    Ok(Format::Schema {
        name: fields.text("name")?,
        description: fields.text("description")?,
        schema: fields
            .take("schema")
            .ok_or_else(|| fields.refuse("schema", "is missing"))?,
        strict: fields.flag("strict")?,
    })
}

/// Reads how deeply the model is to think, from the member of this name.
pub(super) fn effort(fields: &mut Fields, name: &str) -> Result<Option<Depth>> {
    let Some(word) = fields.text(name)? else {
        return Ok(None);
    };
    Depth::parse(&word).map(Some).ok_or_else(|| {
        fields.refuse(
            name,
            "must be none, minimal, low, medium, high, xhigh or max",
        )
    })
}
