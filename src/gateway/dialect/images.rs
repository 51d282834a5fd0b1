//! OpenAI images, generated and edited. A whole answer has its images in `data` and, of the models that are billed by the
//! token, its usage; a streamed one sends `….partial_image` events and ends with `….completed`, which carries the usage. Where
//! the output is not told apart, all of it is the image.
//! Reference: OpenAI API reference, "Images" and "Image Streaming".

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::number::lenient;
use super::report::Report;
use super::told::Seen;
use super::usage;
use super::walk::{self, Value};
use crate::domain::{Drawn, Media, Pieces, Quality, Usage, UsagePart};

/// Reads an event of a streamed answer.
pub(super) fn read_frame(data: &[u8]) -> Seen {
    let (mut kind, mut failed, mut has_usage) = (&[][..], false, false);
    walk::members(data, |depth, key, value| match (depth, key, value) {
        (1, b"type", Value::Text(text)) => kind = text,
        (1, b"error", value) => failed |= !value.is_null(),
        (1, b"usage", value) => has_usage |= value.is_object(),
        _ => {}
    });
    let completed = kind.ends_with(b".completed");
    let failed = failed || kind == b"error" || kind.ends_with(b".failed");
    Seen {
        usage: has_usage.then(|| report(data)).flatten().map(Box::new),
        terminal: completed || failed,
        error: failed,
        ..Seen::default()
    }
}

/// What a whole answer, or the last event of a streamed one, says was used, and how large and how good the images are.
/// Vectors are written by a model of their own (openai-python 3.57.0, `types/images_response.py`: `svg_usage`).
pub(super) fn report(answer: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        #[serde(borrow)]
        svg_usage: Option<&'a RawValue>,
        #[serde(borrow)]
        size: Option<&'a RawValue>,
        #[serde(borrow)]
        quality: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Written<'a> {
        #[serde(borrow)]
        model: Option<&'a RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_slice(answer).ok()?;
    let mut report = match answer.usage.and_then(|told| usage::report(told, None)) {
        Some(report) => report,
        None if answer.svg_usage.is_some() => Report {
            input: Some(0),
            output: Some(0),
            ..Report::default()
        },
        None => return None,
    };
    if report.image.output == 0
        && !answer
            .usage
            .is_some_and(|told| told.get().contains("output_tokens_details"))
    {
        report.image.output = report.output.unwrap_or(0);
    }
    report.drawn = drawn(answer.size, answer.quality);
    let svg = answer.svg_usage.filter(|raw| raw.get().starts_with('{'));
    if let Some(written) = svg.and_then(|raw| usage::report(raw, None)?.usage()) {
        let told: Option<Written<'_>> = lenient(svg);
        report.beside = written;
        report.parts = vec![UsagePart {
            model: told.and_then(|told| lenient(told.model)),
            usage: written,
        }];
    }
    Some(report)
}

/// Where the output is not told apart, all of it is the image.
pub(super) fn all_image(usage: Usage) -> Usage {
    if usage.image.output > 0 {
        return usage;
    }
    Usage {
        image: Media {
            output: usage.completion,
            ..usage.image
        },
        ..usage
    }
}

/// How large and how good an image is that is `1024x1536` and `high`.
pub(super) fn drawn(size: Option<&RawValue>, quality: Option<&RawValue>) -> Drawn {
    let size: Option<String> = lenient(size);
    let sides = size.as_deref().and_then(|size| size.split_once('x'));
    let (width, height) = sides
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)))
        .unwrap_or_default();
    let quality: Option<String> = lenient(quality);
    Drawn {
        width,
        height,
        quality: quality.map(|word| Quality::of(&word)).unwrap_or_default(),
    }
}

/// How many images a whole answer holds.
pub(super) fn pieces(answer: &[u8]) -> Pieces {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        data: Vec<IgnoredAny>,
    }
    let images = serde_json::from_slice::<Answer>(answer).map_or(0, |answer| answer.data.len());
    Pieces {
        images: u64::try_from(images).unwrap_or(u64::MAX),
        ..Pieces::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Endpoint;
    use crate::gateway::dialect::{Written, read_answer};

    const USAGE: &str = r#""usage":{"total_tokens":4210,"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}"#;

    #[test]
    fn a_whole_answer_tells_its_images_and_their_tokens() {
        let answer = format!(
            r#"{{"created":1,"data":[{{"b64_json":"aGk="}},{{"b64_json":"aGk="}}],{USAGE}}}"#
        );
        let told = read_answer(Endpoint::Images, answer.as_bytes()).unwrap();
        let usage = told.used().unwrap();
        assert_eq!((usage.prompt, usage.completion), (50, 4160));
        let image = Media {
            input: 40,
            cached: 0,
            output: 4160,
        };
        assert_eq!((usage.image, told.pieces.images), (image, 2));
    }

    #[test]
    fn text_that_was_written_beside_an_image_is_told_apart() {
        let raw = br#"{"usage":{"input_tokens":1,"output_tokens":30,"output_tokens_details":{"image_tokens":20,"text_tokens":10}}}"#;
        let usage = report(raw).unwrap().usage().unwrap();
        assert_eq!((usage.completion, usage.image.output), (30, 20));
    }

    #[test]
    fn a_stream_ends_with_its_last_image() {
        let read = |data: &str| {
            let frame = format!("data: {data}\n\n");
            super::super::read_frame(Endpoint::Images, frame.as_bytes(), &mut Written::default())
        };
        let partial = read(
            r#"{"type":"image_generation.partial_image","partial_image_index":0,"b64_json":"aGk="}"#,
        );
        assert_eq!(partial, Seen::default());
        let completed = read(&format!(
            r#"{{"type":"image_edit.completed","b64_json":"aGk=",{USAGE}}}"#
        ));
        assert!(completed.terminal && !completed.error && completed.usage.is_some());
        let failed = read(r#"{"type":"error","error":{"message":"no"}}"#);
        assert!(failed.terminal && failed.error);
    }
}
