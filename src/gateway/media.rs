//! What a call may need that is no text, at most, and what is counted of it where its provider gives no numbers.
//!
//! | endpoint | set aside |
//! |---|---|
//! | rerank | a search for each 100 documents, of which each begun 500 bytes are one: no provider cuts shorter |
//! | images | `n` times the most that an image of its size and quality is known to count, and 100 tokens for each partial image |
//!
//! | speech | its characters, and 12 tokens of audio for each: the slowest voice takes 0.6 s for one |
//!
//! **Speech.** A second of it is 20 tokens (OpenAI's price for a minute over its price for a token), and five tokens of audio for
//! four characters are usual (measured by S. Anand, "OpenAI TTS cost": 5,120 for 4,096), which is what is guessed.
//!
//! **Images.** What one counts is published for gpt-image-1 (OpenAI, "Image generation", at most 6,240 at 1024 by 1536) and
//! has been worked out for gpt-image-2: `q · round(q · short / long) · (2,000,000 + width · height) / 4,000,000`, with a `q` of 16,
//! 48 and 96 for low, medium and high quality. With the whole square of `q`, 24 for low and 192 for what is above high, that is
//! above all of them. A size that is left to the provider is taken to be 2560 by 1440 at most, the largest that is no experiment.
//! What is guessed without the provider's numbers is that formula as it is, of a medium square of 1024 where nothing is said.

use super::request::Scan;
use crate::domain::{Code, Error, Media, Pieces, Result, Usage};

/// Documents that are one search.
const DOCUMENTS_A_SEARCH: u64 = 100;
/// A document of so many tokens counts as one; a longer one is cut into several.
const DOCUMENT_TOKENS: u64 = 500;

/// What a call may need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Needs {
    /// The most that it may use of what is billed by the piece.
    pub(super) pieces: Pieces,
    /// The most that it may write, in tokens, for each of its answers; `None`: it has a limit of its own.
    pub(super) output: Option<u64>,
    /// How many answers it asks for.
    pub(super) answers: u64,
    /// What is counted without the provider's numbers.
    pub(super) guess: Usage,
}

impl Needs {
    /// Writes it down with what else was read of the request.
    pub(super) fn fill(self, scan: &mut Scan) {
        scan.pieces = self.pieces;
        scan.guess = self.guess;
        scan.output_limit = self.output.or(scan.output_limit);
        scan.choices = self.answers.max(1);
    }
}

/// A rerank of so many documents, in a body of so many bytes.
pub(super) fn rerank(documents: u64, body: u64) -> Needs {
    let searches = |documents: u64| Pieces {
        searches: documents.div_ceil(DOCUMENTS_A_SEARCH).max(1),
        ..Pieces::default()
    };
    Needs {
        pieces: searches(documents.saturating_add(body / DOCUMENT_TOKENS)),
        guess: Usage {
            pieces: searches(documents),
            estimated: true,
            ..Usage::default()
        },
        ..Needs::default()
    }
}

/// The images that are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pictures<'a> {
    /// How many.
    pub(super) count: Option<u64>,
    /// `1024x1536`, `auto`.
    pub(super) size: Option<&'a str>,
    /// `low` to `max`, `auto`.
    pub(super) quality: Option<&'a str>,
    /// How many unfinished ones are to be streamed of each.
    pub(super) partial: Option<u64>,
    /// `png`, `svg`.
    pub(super) format: Option<&'a str>,
    /// Whether they are to be streamed.
    pub(super) stream: bool,
}

/// Tokens of a partial image (OpenAI, "Image generation", "Partial images").
const PARTIAL_TOKENS: u64 = 100;
/// The largest size that is no experiment.
const LARGEST: (u64, u64) = (2_560, 1_440);
const USUAL: (u64, u64) = (1_024, 1_024);

/// What images need.
///
/// # Errors
/// `invalid_request_error` for those whose cost cannot be bounded.
pub(super) fn pictures(asked: Pictures<'_>) -> Result<Needs> {
    let refuse =
        |param: &str, message: &str| Err(Error::new(Code::InvalidRequest, message).param(param));
    if matches!(asked.format, Some("svg" | "gif")) {
        return refuse(
            "output_format",
            "Images as svg or gif are not supported here: nobody says what they can cost. Ask for png, jpeg or webp.",
        );
    }
    let count = asked.count.unwrap_or(1).max(1);
    if asked.stream && count > 1 {
        return refuse(
            "n",
            "Streamed images come one at a time. Send n 1, or do not stream.",
        );
    }
    let size = asked.size.and_then(read_size);
    let (width, height) = size.unwrap_or(LARGEST);
    let factor = match asked.quality {
        Some("low") => 24,
        Some("medium") => 48,
        Some("high" | "standard" | "hd") => 96,
        Some(_) | None => 192,
    };
    let partial = asked.partial.unwrap_or(0).saturating_mul(PARTIAL_TOKENS);
    let most = grid_tokens(factor, factor, width, height).saturating_add(partial);

    let (width, height) = size.unwrap_or(USUAL);
    let factor: u64 = match asked.quality {
        Some("low") => 16,
        Some("high" | "hd") => 96,
        Some("xhigh" | "max") => 192,
        Some(_) | None => 48,
    };
    let (short, long) = (width.min(height), width.max(height).max(1));
    let other = factor
        .saturating_mul(2)
        .saturating_mul(short)
        .saturating_add(long)
        / long.saturating_mul(2);
    let each = grid_tokens(factor, other, width, height).saturating_add(partial);
    let tokens = each.saturating_mul(count);
    let pieces = Pieces {
        images: count,
        ..Pieces::default()
    };
    Ok(Needs {
        pieces,
        output: Some(most),
        answers: count,
        guess: Usage {
            completion: tokens,
            image: Media {
                output: tokens,
                ..Media::default()
            },
            pieces,
            estimated: true,
            ..Usage::default()
        },
    })
}

/// Tokens of audio that a character takes at most, and beside them what a short text may take.
const CHARACTER_TOKENS: u64 = 12;
const SHORTEST_SPEECH_TOKENS: u64 = 200;

/// A text of so many characters, spoken.
pub(super) fn speech(characters: u64) -> Needs {
    let pieces = Pieces {
        characters,
        ..Pieces::default()
    };
    let guess = characters.saturating_mul(5).div_ceil(4);
    Needs {
        pieces,
        output: Some(
            characters
                .saturating_mul(CHARACTER_TOKENS)
                .saturating_add(SHORTEST_SPEECH_TOKENS),
        ),
        answers: 1,
        guess: Usage {
            completion: guess,
            audio: Media {
                output: guess,
                ..Media::default()
            },
            pieces,
            ..Usage::default()
        },
    }
}

fn grid_tokens(one: u64, other: u64, width: u64, height: u64) -> u64 {
    let pixels = width.saturating_mul(height).saturating_add(2_000_000);
    one.saturating_mul(other)
        .saturating_mul(pixels)
        .div_ceil(4_000_000)
}

/// Width and height; `None`: left to the provider.
fn read_size(size: &str) -> Option<(u64, u64)> {
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_a_hundred_documents_and_long_ones_count_as_several() {
        for (documents, body, most, guess) in [
            (0, 10, 1, 1),
            (100, 400, 1, 1),
            (101, 400, 2, 2),
            (3, 50_000, 2, 1),
        ] {
            let needs = rerank(documents, body);
            let searches = (needs.pieces.searches, needs.guess.pieces.searches);
            assert_eq!(searches, (most, guess), "{documents} {body}");
        }
    }

    fn one(size: &'static str, quality: &'static str) -> Needs {
        pictures(Pictures {
            size: Some(size),
            quality: Some(quality),
            ..Pictures::default()
        })
        .unwrap()
    }

    #[test]
    fn no_published_image_counts_more_than_is_set_aside() {
        // gpt-image-1 and -mini, as published.
        for (quality, square, tall, wide) in [
            ("low", 272, 408, 400),
            ("medium", 1_056, 1_584, 1_568),
            ("high", 4_160, 6_240, 6_208),
        ] {
            for (size, tokens) in [
                ("1024x1024", square),
                ("1024x1536", tall),
                ("1536x1024", wide),
            ] {
                let most = one(size, quality).output.unwrap();
                assert!(
                    (tokens..tokens * 3).contains(&most),
                    "{size} {quality}: {most}"
                );
            }
        }
    }

    #[test]
    fn the_guess_is_what_gpt_image_2_counts_and_below_the_bound() {
        for (size, quality, tokens) in [
            ("1024x1024", "high", 7_024),
            ("1536x1024", "high", 5_488),
            ("1792x1024", "high", 5_063),
            ("3584x2048", "high", 12_329),
        ] {
            let needs = one(size, quality);
            assert_eq!(needs.guess.completion, tokens, "{size}");
            assert!(needs.output.unwrap() >= tokens);
        }
    }

    #[test]
    fn each_image_counts_and_what_is_not_said_counts_most() {
        let asked = Pictures {
            count: Some(3),
            partial: Some(2),
            size: Some("1024x1024"),
            quality: Some("high"),
            ..Pictures::default()
        };
        let needs = pictures(asked).unwrap();
        assert_eq!((needs.answers, needs.pieces.images), (3, 3));
        assert_eq!(
            needs.output,
            one("1024x1024", "high").output.map(|most| most + 200)
        );
        let unsaid = pictures(Pictures::default()).unwrap().output.unwrap();
        assert!(unsaid > one("2560x1440", "high").output.unwrap());
        assert_eq!(one("auto", "auto").output, Some(unsaid));
        assert!(
            one("99999999999999999x99999999999999999", "max")
                .output
                .is_some()
        );
    }

    #[test]
    fn what_cannot_be_bounded_is_refused() {
        for (asked, param) in [
            (
                Pictures {
                    format: Some("svg"),
                    ..Pictures::default()
                },
                "output_format",
            ),
            (
                Pictures {
                    count: Some(2),
                    stream: true,
                    ..Pictures::default()
                },
                "n",
            ),
        ] {
            assert_eq!(pictures(asked).unwrap_err().param.as_deref(), Some(param));
        }
    }
}
