//! Why an answer ended, in Google's words.
//!
//! | `finishReason` | |
//! |---|---|
//! | `STOP`, none, and words that are not known yet | calls, if it has any; otherwise all is said. Gemini does not tell which text it stopped at |
//! | `MAX_TOKENS`, `CONTINUATION` | the limit |
//! | `SAFETY`, `RECITATION`, `LANGUAGE`, `BLOCKLIST`, `PROHIBITED_CONTENT`, `SPII`, `IMAGE_…`, `NO_IMAGE`, `MODEL_ARMOR`, `ESCALATION`, `PUP_LIMITED_DISABLED`, `OTHER`; and `promptFeedback.blockReason` | held back |
//! | `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MISSING_THOUGHT_SIGNATURE`, `MALFORMED_RESPONSE` | no answer: it failed |

use crate::gateway::dialect::crossing::answer::Finish;

/// Reads the word; `None`: the answer failed. `calls`: it has calls.
pub(super) fn read(reason: &str, calls: bool) -> Option<Finish> {
    match reason {
        "MAX_TOKENS" | "CONTINUATION" => Some(Finish::Length),
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "NO_IMAGE"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "OTHER" => Some(Finish::Filtered),
        reason if reason.starts_with("IMAGE_") => Some(Finish::Filtered),
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE" => None,
        _ if calls => Some(Finish::Calls),
        _ => Some(Finish::Stop),
    }
}

/// The word.
pub(super) fn word(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_that_is_written_is_read_as_it_was_meant() {
        for finish in [Finish::Stop, Finish::Length, Finish::Filtered] {
            assert_eq!(read(word(&finish), false), Some(finish));
        }
        assert_eq!(read(word(&Finish::Calls), true), Some(Finish::Calls));
        assert_eq!(read("MAX_TOKENS", true), Some(Finish::Length));
    }

    #[test]
    fn a_word_that_google_adds_is_an_end_and_a_broken_call_is_none() {
        assert_eq!(read("SOMETHING_NEW", false), Some(Finish::Stop));
        assert_eq!(read("IMAGE_RECITATION", false), Some(Finish::Filtered));
        assert_eq!(read("MALFORMED_FUNCTION_CALL", true), None);
    }
}
