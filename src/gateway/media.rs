//! What a call may need that is no text, at most, and what is counted of it where its provider gives no numbers.
//!
//! | endpoint | set aside |
//! |---|---|
//! | rerank | a search for each 100 documents, of which each begun 500 bytes are one: no provider cuts shorter |
//! | images | `n` times the most that an image of its size and quality is known to count, and 100 tokens for each partial image |
//!
//! | speech | its characters, and 12 tokens of audio for each: the slowest voice takes 0.6 s for one |
//! | image edits | the same, and 15,000 tokens for each image that is sent: above what a photo of 12 megapixels is known to count |
//! | transcriptions, translations | a second for each 500 bytes of the file (of PCM in a WAV file, as long as it says), 25 tokens of audio and 12 of text for each second |
//!
//! **Recordings.** Opus and AAC carry speech in 6 kbit/s, so 4 is below all. A second is 10 tokens at OpenAI and 12.5 at
//! Mistral; nobody speaks 12 tokens a second. What is guessed without the provider's numbers is 128 kbit/s and 10 tokens.
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
    /// The most that its prompt may have beside text, in tokens.
    pub(super) prompt: u64,
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
        scan.media_tokens = self.prompt;
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
        prompt: 0,
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

/// What one image that is sent counts at most.
const SENT_IMAGE_TOKENS: u64 = 15_000;
/// What one is taken to count where the provider does not say.
const USUAL_IMAGE_TOKENS: u64 = 1_500;

/// Images made from so many that are sent.
///
/// # Errors
/// `invalid_request_error` for those whose cost cannot be bounded.
pub(super) fn edits(sent: u64, asked: Pictures<'_>) -> Result<Needs> {
    let needs = pictures(asked)?;
    let guess = sent.saturating_mul(USUAL_IMAGE_TOKENS);
    Ok(Needs {
        prompt: sent.saturating_mul(SENT_IMAGE_TOKENS),
        guess: Usage {
            prompt: guess,
            image: Media {
                input: guess,
                ..needs.guess.image
            },
            ..needs.guess
        },
        ..needs
    })
}

/// The least that a second of a recording takes, in bytes, and what it usually takes.
const LEAST_BYTES_A_SECOND: u64 = 500;
const USUAL_BYTES_A_SECOND: u64 = 16_000;
/// Tokens of audio in a second at most, and usually.
const MOST_AUDIO_TOKENS: u64 = 25;
const USUAL_AUDIO_TOKENS: u64 = 10;
/// Tokens of text that a second makes at most, and beside them what a short one may make.
const MOST_TEXT_TOKENS: u64 = 12;
const SHORTEST_TEXT_TOKENS: u64 = 200;

/// A recording of at most so many bytes that begins like this, with so much text behind it.
pub(super) fn recording(bytes: u64, head: &[u8], text: usize) -> Needs {
    let pcm = pcm_bytes_a_second(head);
    let most = bytes.div_ceil(pcm.unwrap_or(LEAST_BYTES_A_SECOND));
    let usual = bytes.div_ceil(pcm.unwrap_or(USUAL_BYTES_A_SECOND));
    let seconds = |seconds| Pieces {
        seconds,
        ..Pieces::default()
    };
    let heard = usual.saturating_mul(USUAL_AUDIO_TOKENS);
    let text = u64::try_from(text).unwrap_or(u64::MAX);
    Needs {
        pieces: seconds(most),
        prompt: most.saturating_mul(MOST_AUDIO_TOKENS).saturating_add(text),
        output: Some(
            most.saturating_mul(MOST_TEXT_TOKENS)
                .saturating_add(SHORTEST_TEXT_TOKENS),
        ),
        answers: 1,
        guess: Usage {
            prompt: heard,
            audio: Media {
                input: heard,
                ..Media::default()
            },
            pieces: seconds(usual),
            estimated: true,
            ..Usage::default()
        },
    }
}

/// How many bytes a second of a WAV file has whose samples are not coded (Microsoft, "Multimedia Data Standards Update", 1994).
fn pcm_bytes_a_second(head: &[u8]) -> Option<u64> {
    let number = |at: usize, bytes: usize| {
        let bytes = head.get(at..at + bytes)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    let is_pcm =
        head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WAVEfmt ") && number(20, 2)? == 1;
    let (channels, rate, bits) = (number(22, 2)?, number(24, 4)?, number(34, 2)?);
    let each = channels.saturating_mul(rate).saturating_mul(bits / 8);
    (is_pcm && each > 0 && number(28, 4)? == each).then_some(each)
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
        prompt: 0,
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
    fn a_recording_is_as_long_as_it_can_be_and_pcm_as_long_as_it_says() {
        let unknown = recording(25_000, b"ID3", 0);
        assert_eq!(
            (unknown.pieces.seconds, unknown.prompt, unknown.output),
            (50, 1_250, Some(800))
        );
        assert_eq!(
            (unknown.guess.pieces.seconds, unknown.guess.audio.input),
            (2, 20)
        );
        let mut head =
            *b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data";
        let spoken = recording(96_000, &head, 7);
        assert_eq!(
            (
                spoken.pieces.seconds,
                spoken.prompt,
                spoken.guess.pieces.seconds
            ),
            (2, 57, 2)
        );
        // It says that it has more bytes a second than its samples make.
        head[30] = 1;
        assert_eq!(recording(96_000, &head, 0).pieces.seconds, 192);
        assert_eq!(recording(0, &head[..20], 0).pieces.seconds, 0);
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
