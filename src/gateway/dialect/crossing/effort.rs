//! How deeply a model thinks: OpenAI says it in words, Gemini 2.5 and older Claude models in tokens, the newer ones of both
//! in words of their own. One table brings them together: that of Google's OpenAI-compatible interface (Gemini API, "OpenAI
//! compatibility"), `low` 1,024, `medium` 8,192, `high` 24,576 tokens.

/// How deeply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Not at all.
    Off,
    /// As the model finds right.
    Dynamic,
    /// A word.
    Effort(Effort),
    /// At most this many tokens.
    Budget(u64),
}

/// The words, the union of all dialects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effort {
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    XHigh,
    /// As much as possible.
    Max,
}

impl Effort {
    /// Every word, from the least.
    pub const ALL: [Self; 6] = [
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads the word, in capitals too.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|effort| effort.as_str().eq_ignore_ascii_case(word))
    }

    /// Tokens that it stands for.
    pub fn tokens(self) -> u64 {
        match self {
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High | Self::XHigh | Self::Max => 24_576,
        }
    }

    /// The word that a number of tokens stands for.
    pub fn of_tokens(tokens: u64) -> Self {
        match tokens {
            0..=2_047 => Self::Low,
            2_048..=12_287 => Self::Medium,
            _ => Self::High,
        }
    }
}

impl Depth {
    /// Reads a word of OpenAI's, which has `none` among them.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::Off),
            word => Effort::parse(word).map(Self::Effort),
        }
    }

    /// The word of OpenAI's; `None`: leave it to the model.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Off => Some("none"),
            Self::Dynamic => None,
            Self::Effort(effort) => Some(effort.as_str()),
            Self::Budget(tokens) => Some(Effort::of_tokens(tokens).as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_tokens_agree() {
        for effort in [Effort::Low, Effort::Medium, Effort::High] {
            assert_eq!(Effort::of_tokens(effort.tokens()), effort);
        }
        for effort in Effort::ALL {
            assert_eq!(Depth::parse(effort.as_str()), Some(Depth::Effort(effort)));
            assert_eq!(Depth::Effort(effort).word(), Some(effort.as_str()));
        }
        assert_eq!(Depth::parse("none"), Some(Depth::Off));
        assert_eq!(Depth::parse("deep"), None);
    }
}
