//! How much a Gemini model thinks: 2.5 is told in tokens, 3 and later in words.
//!
//! | model | off | words | tokens |
//! |---|---|---|---|
//! | 1.x, 2.0 | left out: they do not think | refused | refused |
//! | 2.5 Pro | 128, its least | the table of `effort.rs` | within 128 to 32,768 |
//! | 2.5 Flash-Lite | 0 | the table | within 512 to 24,576 |
//! | other 2.5 | 0 | the table | within 1 to 24,576 |
//! | 3 and later, and names without a number | its least word | its nearest word | the word of the table |
//!
//! The least word is `minimal` with 3 Flash and 3.1 Flash-Lite, `low` with all others; `medium` is `high` with 3 Pro, which has no
//! other; more than `high` is `high`. As the model likes is -1 in tokens, and nothing in words.
//! Reference: Gemini API, "Thinking" (budgets and levels of each model) and "OpenAI compatibility"; Vertex AI, "Thinking".

use serde_json::{Map, Value};

use crate::domain::Result;
use crate::gateway::dialect::crossing::conversation::Reasoning;
use crate::gateway::dialect::crossing::effort::{Depth, Effort};
use crate::gateway::dialect::crossing::fields::{self, Fields};

/// How a model is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thinks {
    /// It does not think.
    Never,
    /// In tokens.
    Tokens {
        /// The fewest when it thinks.
        least: u64,
        /// The most.
        most: u64,
        /// It can be told not to.
        can_rest: bool,
    },
    /// In words.
    Words {
        /// The least of them.
        least: Effort,
        /// Whether it has one between the least and the most.
        has_medium: bool,
    },
}

impl Thinks {
    /// How the model of this name is told; it may stand at the end of a resource name.
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some(version) = name.strip_prefix("gemini-") else {
            return Self::Words {
                least: Effort::Low,
                has_medium: true,
            };
        };
        if version.starts_with("1.") || version.starts_with("2.0") {
            return Self::Never;
        }
        if version.starts_with("2.5") {
            let (least, most, can_rest) = if version.contains("pro") {
                (128, 32_768, false)
            } else if version.contains("lite") {
                (512, 24_576, true)
            } else {
                (1, 24_576, true)
            };
            return Self::Tokens {
                least,
                most,
                can_rest,
            };
        }
        let minimal = ["3-flash", "3.1-flash-lite"]
            .iter()
            .any(|known| version.starts_with(known));
        Self::Words {
            least: if minimal {
                Effort::Minimal
            } else {
                Effort::Low
            },
            has_medium: !version.starts_with("3-pro"),
        }
    }

    /// Gemini 3 and later: wants signatures on calls, and takes images and files inside a tool's result.
    pub(super) fn is_newer(self) -> bool {
        match self {
            Self::Never | Self::Tokens { .. } => false,
            Self::Words { .. } => true,
        }
    }
}

/// Writes `thinkingConfig`; `None`: there is nothing to say.
pub(super) fn write(reasoning: Reasoning, thinks: Thinks) -> Result<Option<Value>> {
    let mut config = Map::new();
    match thinks {
        Thinks::Never => {
            return match reasoning.depth {
                None | Some(Depth::Off | Depth::Dynamic | Depth::Budget(0)) => Ok(None),
                Some(Depth::Effort(_) | Depth::Budget(_)) => {
                    Err(fields::inexpressible("reasoning", "thinking"))
                }
            };
        }
        Thinks::Tokens {
            least,
            most,
            can_rest,
        } => {
            let within = |tokens: u64| tokens.clamp(least, most).into();
            let rest = if can_rest { 0 } else { least };
            let budget: Option<Value> = reasoning.depth.map(|depth| match depth {
                Depth::Off | Depth::Budget(0) => rest.into(),
                Depth::Dynamic => (-1).into(),
                Depth::Effort(effort) => within(effort.tokens()),
                Depth::Budget(tokens) => within(tokens),
            });
            config.extend(budget.map(|budget| ("thinkingBudget".to_owned(), budget)));
        }
        Thinks::Words { least, has_medium } => {
            let nearest = |effort: Effort| match effort {
                Effort::Minimal | Effort::Low => effort.max(least),
                Effort::Medium if has_medium => effort,
                Effort::Medium | Effort::High | Effort::XHigh | Effort::Max => Effort::High,
            };
            let level = reasoning.depth.and_then(|depth| match depth {
                Depth::Off | Depth::Budget(0) => Some(least),
                Depth::Dynamic => None,
                Depth::Effort(effort) => Some(nearest(effort)),
                Depth::Budget(tokens) => Some(nearest(Effort::of_tokens(tokens))),
            });
            config.extend(level.map(|level| ("thinkingLevel".to_owned(), level.as_str().into())));
        }
    }
    config.extend(
        reasoning
            .shown
            .map(|shown| ("includeThoughts".to_owned(), shown.into())),
    );
    Ok((!config.is_empty()).then_some(Value::Object(config)))
}

/// Reads `thinkingConfig`.
pub(super) fn read(config: &mut Fields) -> Result<Reasoning> {
    let Some(mut thinking) = config.fields("thinkingConfig")? else {
        return Ok(Reasoning::default());
    };
    let budget = match thinking.number("thinkingBudget")? {
        None => None,
        Some(number) => Some(match (number.as_i64(), number.as_u64()) {
            (Some(-1), _) => Depth::Dynamic,
            (_, Some(0)) => Depth::Off,
            (_, Some(tokens)) => Depth::Budget(tokens),
            (_, None) => {
                return Err(thinking.refuse("thinkingBudget", "must be a number of tokens, or -1"));
            }
        }),
    };
    let level = match thinking.text("thinkingLevel")?.as_deref() {
        None | Some("THINKING_LEVEL_UNSPECIFIED") => None,
        Some(word) => Some(Depth::Effort(Effort::parse(word).ok_or_else(|| {
            thinking.refuse("thinkingLevel", "must be minimal, low, medium or high")
        })?)),
    };
    let reasoning = Reasoning {
        depth: level.or(budget),
        shown: thinking.flag("includeThoughts")?,
    };
    thinking.finish(&[])?;
    Ok(reasoning)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(model: &str, depth: Depth) -> Option<Value> {
        let reasoning = Reasoning {
            depth: Some(depth),
            shown: None,
        };
        write(reasoning, Thinks::of(model)).unwrap()
    }

    #[test]
    fn each_model_is_told_within_its_bounds() {
        let budget = |tokens: i64| Some(json!({"thinkingBudget": tokens}));
        let level = |word: &str| Some(json!({"thinkingLevel": word}));
        for (model, depth, expected) in [
            ("gemini-2.5-pro", Depth::Off, budget(128)),
            ("gemini-2.5-pro", Depth::Budget(100_000), budget(32_768)),
            ("gemini-2.5-flash", Depth::Off, budget(0)),
            ("gemini-2.5-flash", Depth::Dynamic, budget(-1)),
            (
                "gemini-2.5-flash",
                Depth::Effort(Effort::Max),
                budget(24_576),
            ),
            ("gemini-2.5-flash-lite", Depth::Budget(1), budget(512)),
            ("gemini-2.0-flash", Depth::Off, None),
            ("gemini-3-pro-preview", Depth::Off, level("low")),
            (
                "gemini-3-pro-preview",
                Depth::Effort(Effort::Medium),
                level("high"),
            ),
            (
                "gemini-3.1-pro-preview",
                Depth::Effort(Effort::Medium),
                level("medium"),
            ),
            ("gemini-3-flash-preview", Depth::Off, level("minimal")),
            (
                "gemini-3.8-flash",
                Depth::Effort(Effort::Minimal),
                level("low"),
            ),
            (
                "gemini-3.8-flash",
                Depth::Effort(Effort::XHigh),
                level("high"),
            ),
            ("gemini-3.8-flash", Depth::Dynamic, None),
            (
                "publishers/google/models/gemini-flash-latest",
                Depth::Budget(9_000),
                level("medium"),
            ),
        ] {
            assert_eq!(written(model, depth), expected, "{model} {depth:?}");
        }
    }

    #[test]
    fn a_model_that_does_not_think_cannot_be_made_to() {
        let reasoning = Reasoning {
            depth: Some(Depth::Effort(Effort::High)),
            shown: None,
        };
        assert!(write(reasoning, Thinks::of("gemini-2.0-flash")).is_err());
    }

    #[test]
    fn both_ways_of_telling_are_read() {
        let of = |config: Value| read(&mut Fields::of(config, "").unwrap());
        let depth = |config: Value| of(json!({"thinkingConfig": config})).unwrap().depth;
        assert_eq!(depth(json!({"thinkingBudget": -1})), Some(Depth::Dynamic));
        assert_eq!(depth(json!({"thinking_budget": 0})), Some(Depth::Off));
        assert_eq!(
            depth(json!({"thinkingBudget": 77})),
            Some(Depth::Budget(77))
        );
        assert_eq!(
            depth(json!({"thinkingLevel": "HIGH"})),
            Some(Depth::Effort(Effort::High))
        );
        assert_eq!(
            of(json!({"thinkingConfig": {"includeThoughts": true}})).unwrap(),
            Reasoning {
                depth: None,
                shown: Some(true)
            }
        );
        let error = of(json!({"thinkingConfig": {"thinkingBudget": -2}})).unwrap_err();
        assert_eq!(
            error.param.as_deref(),
            Some("thinkingConfig.thinkingBudget")
        );
    }
}
