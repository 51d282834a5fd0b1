//! How a model is told to think.
//!
//! | asked for | becomes |
//! |---|---|
//! | an effort, where the model has a budget | the tokens that it stands for (effort.rs), lowered below `max_tokens` |
//! | a budget, where the model has efforts | the word that it stands for |
//! | any thinking, with `max_tokens` of 1,024 or less | dropped, where the model has a budget: that is the least it may be |
//! | any thinking, while a call is forced | dropped but for the effort: Anthropic refuses both together |
//! | any thinking, in answer to results whose calls come without their thinking | dropped, where the model has a budget: Anthropic refuses it |
//! | none, where the model always thinks | the least effort |

use serde_json::{Value, json};

use super::abilities::{Abilities, Off, Way};
use crate::gateway::dialect::crossing::conversation::Reasoning;
use crate::gateway::dialect::crossing::effort::{Depth, Effort};

/// The smallest budget that there is, in tokens.
const LEAST: u64 = 1_024;

/// What stands around the thinking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// The most tokens that the answer may have, thinking included.
    pub(super) max_tokens: u64,
    /// A call is forced.
    pub(super) forced: bool,
    /// The conversation ends where thinking may begin.
    pub(super) may_begin: bool,
}

/// What is said of thinking.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Plan {
    /// `thinking`.
    pub(super) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(super) effort: Option<Effort>,
    /// The model will think because of it.
    pub(super) thinks: bool,
}

/// Says it for a model.
pub(super) fn plan(reasoning: Reasoning, abilities: &Abilities, around: Around) -> Plan {
    let depth = match (reasoning.depth, reasoning.shown) {
        (Some(Depth::Budget(0)), _) => Depth::Off,
        (Some(depth), _) => depth,
        (None, Some(true)) => Depth::Dynamic,
        (None, Some(false) | None) => return Plan::default(),
    };
    let mut plan = match abilities.thinking {
        Way::None => Plan::default(),
        Way::Budget => budget(depth, around),
        Way::Adaptive => adaptive(depth, abilities, around),
    };
    if let (true, Some(shown), Some(Value::Object(thinking))) = (
        plan.thinks && abilities.display,
        reasoning.shown,
        &mut plan.thinking,
    ) {
        let display = if shown { "summarized" } else { "omitted" };
        thinking.insert("display".to_owned(), json!(display));
    }
    plan
}

fn budget(depth: Depth, around: Around) -> Plan {
    let wanted = match depth {
        Depth::Off => return Plan::default(),
        Depth::Dynamic => Effort::Medium.tokens(),
        Depth::Effort(effort) => effort.tokens(),
        Depth::Budget(tokens) => tokens,
    };
    if around.forced || !around.may_begin || around.max_tokens <= LEAST {
        return Plan::default();
    }
    let tokens = wanted.clamp(LEAST, around.max_tokens - 1);
    Plan {
        thinking: Some(json!({"type": "enabled", "budget_tokens": tokens})),
        effort: None,
        thinks: true,
    }
}

fn adaptive(depth: Depth, abilities: &Abilities, around: Around) -> Plan {
    let effort = match depth {
        Depth::Off => {
            let kind = match abilities.off {
                Off::Unsaid => None,
                Off::Disabled => Some("disabled"),
                Off::BetweenTools => Some("between_tools"),
                Off::Never => {
                    return Plan {
                        effort: Some(Effort::Low),
                        ..Plan::default()
                    };
                }
            };
            return Plan {
                thinking: kind.map(|kind| json!({ "type": kind })),
                ..Plan::default()
            };
        }
        Depth::Dynamic => None,
        Depth::Effort(effort) => Some(abilities.effort(effort)),
        Depth::Budget(tokens) => Some(abilities.effort(Effort::of_tokens(tokens))),
    };
    Plan {
        thinking: (!around.forced).then(|| json!({"type": "adaptive"})),
        effort,
        thinks: !around.forced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Around = Around {
        max_tokens: 4_096,
        forced: false,
        may_begin: true,
    };

    fn said(model: &str, depth: Depth, around: Around) -> (Option<Value>, Option<Effort>) {
        let reasoning = Reasoning {
            depth: Some(depth),
            shown: None,
        };
        let plan = plan(reasoning, &Abilities::of(model), around);
        (plan.thinking, plan.effort)
    }

    fn enabled(tokens: u64) -> (Option<Value>, Option<Effort>) {
        (
            Some(json!({"type": "enabled", "budget_tokens": tokens})),
            None,
        )
    }

    #[test]
    fn a_budget_is_at_least_1024_and_below_the_limit() {
        let model = "claude-sonnet-4-5";
        assert_eq!(said(model, Depth::Budget(2_000), FREE), enabled(2_000));
        assert_eq!(said(model, Depth::Budget(1), FREE), enabled(1_024));
        assert_eq!(
            said(model, Depth::Effort(Effort::High), FREE),
            enabled(4_095)
        );
        assert_eq!(
            said(model, Depth::Effort(Effort::Low), FREE),
            enabled(1_024)
        );
        let small = Around {
            max_tokens: 1_024,
            ..FREE
        };
        assert_eq!(said(model, Depth::Budget(2_000), small), (None, None));
        assert_eq!(said(model, Depth::Budget(0), FREE), (None, None));
    }

    #[test]
    fn a_budget_is_dropped_where_it_would_be_refused() {
        let model = "claude-opus-4-1";
        let forced = Around {
            forced: true,
            ..FREE
        };
        let unsealed = Around {
            may_begin: false,
            ..FREE
        };
        assert_eq!(said(model, Depth::Dynamic, FREE), enabled(4_095));
        assert_eq!(said(model, Depth::Dynamic, forced), (None, None));
        assert_eq!(said(model, Depth::Dynamic, unsealed), (None, None));
        let model = "claude-opus-4-6";
        assert_eq!(
            said(model, Depth::Effort(Effort::High), forced),
            (None, Some(Effort::High))
        );
        assert_eq!(
            said(model, Depth::Dynamic, unsealed),
            (Some(json!({"type": "adaptive"})), None)
        );
        assert_eq!(said("claude-3-5-haiku", Depth::Dynamic, FREE), (None, None));
    }

    #[test]
    fn no_thinking_is_said_as_the_model_takes_it() {
        let off = |model| said(model, Depth::Off, FREE);
        assert_eq!(off("claude-opus-4-8"), (None, None));
        assert_eq!(
            off("claude-sonnet-5"),
            (Some(json!({"type": "disabled"})), None)
        );
        assert_eq!(
            off("claude-sonnet-5-5"),
            (Some(json!({"type": "between_tools"})), None)
        );
        assert_eq!(off("claude-opus-5-5"), (None, Some(Effort::Low)));
    }

    #[test]
    fn who_wants_to_see_thoughts_wants_the_model_to_think() {
        let seen = |model, shown| {
            let reasoning = Reasoning {
                depth: None,
                shown: Some(shown),
            };
            plan(reasoning, &Abilities::of(model), FREE).thinking
        };
        assert_eq!(
            seen("claude-opus-4-8", true),
            Some(json!({"type": "adaptive", "display": "summarized"}))
        );
        assert_eq!(
            seen("claude-haiku-4-5", true),
            Some(json!({"type": "enabled", "budget_tokens": 4_095, "display": "summarized"}))
        );
        assert_eq!(
            seen("glm-5", true),
            Some(json!({"type": "enabled", "budget_tokens": 4_095}))
        );
        assert_eq!(seen("claude-opus-4-8", false), None);
    }
}
