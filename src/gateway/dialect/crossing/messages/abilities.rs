//! What a model of the messages dialect takes. Anthropic refuses a request that asks a model for what it no longer has, or
//! has not yet, so the writer must know.
//!
//! | models | thinking | to turn it off | sampling | forced calls | a system turn in between | held JSON schemas |
//! |---|---|---|---|---|---|---|
//! | Claude up to 3.5 | none | | yes | yes | no | no |
//! | Claude 3.7 to 4.1 | a budget of tokens | left out | yes | yes | no | no |
//! | Claude 4.5 | a budget of tokens | left out | yes | yes | no | yes |
//! | Claude 4.6 | adaptive, effort but `xhigh` | left out | yes | yes | no | yes |
//! | Opus 4.7 | adaptive | left out | no | yes | no | yes |
//! | Opus 4.8 | adaptive | left out | no | yes | yes | yes |
//! | Sonnet 5, Opus 5 | adaptive | `disabled` | no | yes | Opus | yes |
//! | Haiku 5.5 | adaptive | `disabled` | no | no | yes | yes |
//! | Sonnet 5.5 | adaptive | `between_tools` | no | no | yes | yes |
//! | Opus 5.5 | adaptive | never | no | no | yes | yes |
//! | Fable and Mythos 5 | adaptive | never | no | yes | yes | yes |
//! | Fable and Mythos 5.1 | adaptive | never | no | no | yes | yes |
//! | no Claude (others speak the dialect too) | a budget of tokens | left out | yes | yes | no | no |
//!
//! A Claude of a version that its name does not tell, or of a later one, is taken for the newest of its family.
//! Source: Claude docs, "Thinking", "Effort", "Structured outputs", "Mid-conversation system messages", and the migration
//! guide of each model.

use crate::gateway::dialect::crossing::effort::Effort;

/// What a model takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Abilities {
    /// How it is told to think.
    pub(super) thinking: Way,
    /// How it is told not to.
    pub(super) off: Off,
    /// Whether `thinking.display` says if thoughts are shown.
    pub(super) display: bool,
    /// Whether it knows `xhigh`.
    pub(super) xhigh: bool,
    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub(super) sampling: bool,
    /// Whether it can be made to call a tool.
    pub(super) forced_calls: bool,
    /// Whether a system prompt may stand between turns.
    pub(super) system_turns: bool,
    /// Whether it holds to a JSON schema, in its words and in the arguments of calls.
    pub(super) schemas: bool,
}

/// How a model is told to think.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It does not think.
    None,
    /// `enabled` with `budget_tokens`.
    Budget,
    /// `adaptive` with `output_config.effort`.
    Adaptive,
}

/// How a model is told not to think.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Off {
    /// It thinks only when told to.
    Unsaid,
    /// `disabled`.
    Disabled,
    /// `between_tools`, the least there is.
    BetweenTools,
    /// It always thinks.
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Opus,
    Sonnet,
    Haiku,
    /// Fable and Mythos, which differ in who may use them.
    Fable,
}

type Version = (u8, u8);

const NEWEST: Version = (u8::MAX, 0);

impl Abilities {
    /// What the model of this name takes.
    pub(super) fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let Some(at) = name.find("claude") else {
            return Self {
                thinking: Way::Budget,
                off: Off::Unsaid,
                display: false,
                xhigh: false,
                sampling: true,
                forced_calls: true,
                system_turns: false,
                schemas: false,
            };
        };
        let (family, version) = read(name.get(at..).unwrap_or_default());
        Self {
            thinking: if version < (3, 7) {
                Way::None
            } else if version < (4, 6) {
                Way::Budget
            } else {
                Way::Adaptive
            },
            off: match family {
                Some(Family::Fable) => Off::Never,
                None => Off::Unsaid,
                Some(Family::Opus | Family::Sonnet | Family::Haiku) if version < (5, 0) => {
                    Off::Unsaid
                }
                Some(Family::Sonnet) if version >= (5, 5) => Off::BetweenTools,
                Some(Family::Opus) if version >= (5, 5) => Off::Never,
                Some(Family::Opus | Family::Sonnet | Family::Haiku) => Off::Disabled,
            },
            display: true,
            xhigh: version >= (4, 7),
            sampling: version < (4, 7),
            forced_calls: version
                < match family {
                    Some(Family::Fable) => (5, 1),
                    Some(Family::Opus | Family::Sonnet | Family::Haiku) | None => (5, 5),
                },
            system_turns: version
                >= match family {
                    Some(Family::Opus) => (4, 8),
                    Some(Family::Fable) => (5, 0),
                    Some(Family::Sonnet | Family::Haiku) | None => (5, 5),
                },
            schemas: version >= (4, 5),
        }
    }

    /// The nearest effort that the model knows.
    pub(super) fn effort(&self, wanted: Effort) -> Effort {
        match wanted {
            Effort::Minimal => Effort::Low,
            Effort::XHigh if !self.xhigh => Effort::High,
            Effort::Low | Effort::Medium | Effort::High | Effort::XHigh | Effort::Max => wanted,
        }
    }
}

/// Family and version in a name such as `claude-opus-4-5-20251101`, `claude-3-7-sonnet` or `claude-opus-4.7`, whatever
/// stands around it with other hosts.
fn read(name: &str) -> (Option<Family>, Version) {
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    let family = words().find_map(|word| match word {
        "opus" => Some(Family::Opus),
        "sonnet" => Some(Family::Sonnet),
        "haiku" => Some(Family::Haiku),
        "fable" | "mythos" => Some(Family::Fable),
        _ => None,
    });
    // A date has more digits than a version.
    let number = |word: &str| word.parse::<u8>().ok().filter(|_| word.len() <= 2);
    let mut numbers = words().map(number).skip_while(Option::is_none);
    let version = numbers
        .next()
        .flatten()
        .map(|major| (major, numbers.next().flatten().unwrap_or(0)));
    (family, version.unwrap_or(NEWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_any_hosts_name() {
        for (name, version) in [
            ("claude-3-7-sonnet-20250219", (3, 7)),
            ("claude-opus-4-20250514", (4, 0)),
            ("claude-opus-4@20250514", (4, 0)),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", (4, 5)),
            ("anthropic.claude-opus-4-6-v1", (4, 6)),
            ("anthropic/claude-opus-4.7", (4, 7)),
            ("claude-sonnet-5", (5, 0)),
            ("claude-haiku-5-5", (5, 5)),
            ("claude-2.1", (2, 1)),
            ("claude-opus-latest", NEWEST),
        ] {
            let at = name.find("claude").unwrap();
            assert_eq!(read(&name[at..]).1, version, "{name}");
        }
    }

    #[test]
    fn each_model_takes_what_its_guide_says() {
        for (name, thinking, off, sampling, forced, turns, schemas) in [
            (
                "claude-3-5-haiku-20241022",
                Way::None,
                Off::Unsaid,
                true,
                true,
                false,
                false,
            ),
            (
                "claude-opus-4-1",
                Way::Budget,
                Off::Unsaid,
                true,
                true,
                false,
                false,
            ),
            (
                "claude-haiku-4-5",
                Way::Budget,
                Off::Unsaid,
                true,
                true,
                false,
                true,
            ),
            (
                "claude-sonnet-4-6",
                Way::Adaptive,
                Off::Unsaid,
                true,
                true,
                false,
                true,
            ),
            (
                "claude-opus-4-7",
                Way::Adaptive,
                Off::Unsaid,
                false,
                true,
                false,
                true,
            ),
            (
                "claude-opus-4-8",
                Way::Adaptive,
                Off::Unsaid,
                false,
                true,
                true,
                true,
            ),
            (
                "claude-sonnet-5",
                Way::Adaptive,
                Off::Disabled,
                false,
                true,
                false,
                true,
            ),
            (
                "claude-opus-5",
                Way::Adaptive,
                Off::Disabled,
                false,
                true,
                true,
                true,
            ),
            (
                "claude-haiku-5-5",
                Way::Adaptive,
                Off::Disabled,
                false,
                false,
                true,
                true,
            ),
            (
                "claude-sonnet-5-5",
                Way::Adaptive,
                Off::BetweenTools,
                false,
                false,
                true,
                true,
            ),
            (
                "claude-opus-5-5",
                Way::Adaptive,
                Off::Never,
                false,
                false,
                true,
                true,
            ),
            (
                "claude-mythos-5",
                Way::Adaptive,
                Off::Never,
                false,
                true,
                true,
                true,
            ),
            (
                "claude-fable-5-1",
                Way::Adaptive,
                Off::Never,
                false,
                false,
                true,
                true,
            ),
            (
                "claude-opus-latest",
                Way::Adaptive,
                Off::Never,
                false,
                false,
                true,
                true,
            ),
            (
                "deepseek-chat",
                Way::Budget,
                Off::Unsaid,
                true,
                true,
                false,
                false,
            ),
        ] {
            let found = Abilities::of(name);
            assert_eq!(
                (
                    found.thinking,
                    found.off,
                    found.sampling,
                    found.forced_calls,
                    found.system_turns,
                    found.schemas
                ),
                (thinking, off, sampling, forced, turns, schemas),
                "{name}"
            );
        }
    }

    #[test]
    fn an_effort_that_the_model_does_not_know_becomes_the_nearest() {
        let older = Abilities::of("claude-opus-4-6");
        assert_eq!(older.effort(Effort::XHigh), Effort::High);
        assert_eq!(older.effort(Effort::Max), Effort::Max);
        let newer = Abilities::of("claude-opus-5-5");
        assert_eq!(newer.effort(Effort::XHigh), Effort::XHigh);
        assert_eq!(newer.effort(Effort::Minimal), Effort::Low);
    }
}
