//! What the name of a model tells of the interface that it stands behind. Everybody speaks OpenAI chat, and a channel's
//! address does not tell who: `openai/gpt-5.6` may be behind OpenAI's, Azure's or OpenRouter's, `claude-opus-4` behind
//! OpenRouter's or LiteLLM's.

use serde_json::{Map, Value, json};

use super::conversation::Cache;
use super::effort::{Depth, Effort};

/// How the end of a part of the prompt that is worth caching is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marks {
    /// `prompt_cache_breakpoint`: OpenAI's models from GPT-5.6 on ("Prompt caching", OpenAI API docs).
    Breakpoint,
    /// `cache_control`, as Anthropic has it: Claude behind OpenRouter or LiteLLM (OpenRouter docs, "Prompt caching").
    CacheControl,
    /// No mark: all others cache by themselves, and many refuse members that they do not know.
    None,
}

impl Marks {
    /// What a model with this name understands.
    pub(super) fn of(model: &str) -> Self {
        if gpt(model).is_some_and(|version| version >= (5, 6)) {
            Self::Breakpoint
        } else if model.to_ascii_lowercase().contains("claude") {
            Self::CacheControl
        } else {
            Self::None
        }
    }

    /// Marks a part of a message.
    pub(super) fn put(self, part: &mut Map<String, Value>, cache: Option<Cache>) {
        let Some(cache) = cache else { return };
        let (name, mut mark, hour) = match self {
            // The longer of the two times that can be asked for: one that is too short loses what was paid for.
            Self::Breakpoint => (
                "prompt_cache_breakpoint",
                json!({"mode": "explicit"}),
                "12h",
            ),
            Self::CacheControl => ("cache_control", json!({"type": "ephemeral"}), "1h"),
            Self::None => return,
        };
        if let (Cache::Hour, Some(mark)) = (cache, mark.as_object_mut()) {
            mark.insert("ttl".to_owned(), hour.into());
        }
        part.insert(name.to_owned(), mark);
    }
}

/// The member for the output limit. OpenAI's newer models refuse `max_tokens`; most others know nothing else.
pub(super) fn limit_member(model: &str) -> &'static str {
    if o_series(model) || gpt(model).is_some_and(|version| version >= (5, 0)) {
        "max_completion_tokens"
    } else {
        "max_tokens"
    }
}

/// Whether it is one of OpenAI's models that think.
pub(super) fn thinks(model: &str) -> bool {
    let new = gpt(model).is_some_and(|version| version >= (5, 0));
    o_series(model) || (new && !bare(model).contains("chat"))
}

/// The word that makes one of OpenAI's models think least (OpenAI API reference, `reasoning.effort`); `None`: it knows no
/// such word.
pub(super) fn least_effort(model: &str) -> Option<&'static str> {
    let name = bare(model);
    if !thinks(model) || name.contains("-pro") {
        return None;
    }
    match gpt(model) {
        Some(version) if version > (5, 0) => Depth::Off.word(),
        Some(_) if !name.contains("codex") => Some(Effort::Minimal.as_str()),
        Some(_) | None => Some(Effort::Low.as_str()),
    }
}

/// Whether it is one of OpenAI's own, which refuse what they do not know.
pub(super) fn by_openai(model: &str) -> bool {
    o_series(model) || gpt(model).is_some()
}

fn o_series(model: &str) -> bool {
    matches!(bare(model).as_bytes(), [b'o', digit, ..] if digit.is_ascii_digit())
}

/// The name without its vendor.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// The version in a name of OpenAI's.
fn gpt(model: &str) -> Option<(u32, u32)> {
    let version = bare(model).strip_prefix("gpt-")?;
    let end = |text: &str| {
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len())
    };
    let (major, rest) = version.split_at_checked(end(version))?;
    let minor = rest
        .strip_prefix('.')
        .map_or("", |rest| rest.get(..end(rest)).unwrap_or_default());
    match major.parse().ok()? {
        // Azure writes 3.5 without its point.
        35 => Some((3, 5)),
        major => Some((major, minor.parse().unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_to_speak_to_the_model() {
        for (model, marks, limit, by_openai) in [
            ("gpt-4o-mini", Marks::None, "max_tokens", true),
            ("gpt-35-turbo", Marks::None, "max_tokens", true),
            ("gpt-oss-120b", Marks::None, "max_tokens", false),
            ("gpt-5.1-codex", Marks::None, "max_completion_tokens", true),
            (
                "openai/gpt-5.6",
                Marks::Breakpoint,
                "max_completion_tokens",
                true,
            ),
            (
                "gpt-6-astra",
                Marks::Breakpoint,
                "max_completion_tokens",
                true,
            ),
            ("o3-mini", Marks::None, "max_completion_tokens", true),
            ("olmo-2", Marks::None, "max_tokens", false),
            (
                "anthropic/claude-opus-4",
                Marks::CacheControl,
                "max_tokens",
                false,
            ),
            ("deepseek-chat", Marks::None, "max_tokens", false),
        ] {
            let told = (
                Marks::of(model),
                limit_member(model),
                super::by_openai(model),
            );
            assert_eq!(told, (marks, limit, by_openai), "{model}");
        }
    }

    #[test]
    fn a_model_that_shall_not_think_is_told_so_in_a_word_that_it_knows() {
        for (model, word) in [
            ("gpt-5", Some("minimal")),
            ("gpt-5-mini-2025-08-07", Some("minimal")),
            ("gpt-5-codex", Some("low")),
            ("gpt-5-chat-latest", None),
            ("gpt-5-pro", None),
            ("openai/gpt-5.1", Some("none")),
            ("gpt-6-astra", Some("none")),
            ("o4-mini", Some("low")),
            ("gpt-4.1", None),
            ("gpt-4o", None),
            ("gpt-oss-120b", None),
            ("llama-4", None),
        ] {
            assert_eq!(least_effort(model), word, "{model}");
        }
    }
}
