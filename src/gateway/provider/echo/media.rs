//! What the echo makes of images and audio: the smallest picture there is, silence as long as the words, and nothing heard.

use std::collections::VecDeque;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value, json};

use super::prompt::Echo;
use super::{Answer, frame, made, streamed};

/// A transparent pixel, as PNG.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";
/// Silence for each word: a tenth of a second of 16-bit samples, 24,000 of them a second.
const BYTES_A_WORD: usize = 4_800;
const MOST_WORDS: usize = 600;

/// A pixel for each image; a token for each word of the prompt, and for each pixel.
pub(super) fn images(body: &Map<String, Value>, echo: &Echo) -> Value {
    let prompt = body.get("prompt").and_then(Value::as_str);
    let words = prompt.map_or(0, |prompt| prompt.split_whitespace().count());
    json!({
        "created": echo.created,
        "data": vec![json!({"b64_json": PIXEL}); echo.choices],
        "output_format": "png",
        "usage": {
            "input_tokens": words, "input_tokens_details": {"text_tokens": words, "image_tokens": 0},
            "output_tokens": echo.choices, "total_tokens": words + echo.choices,
        },
    })
}

/// Silence, as a WAV file or as events; a token for each word, and for each tenth of a second.
pub(super) fn speech(body: &Map<String, Value>) -> Answer {
    let input = body.get("input").and_then(Value::as_str);
    let words = input.map_or(0, |input| input.split_whitespace().count());
    let sound = silence(words.min(MOST_WORDS));
    if body.get("stream_format").and_then(Value::as_str) != Some("sse") {
        let length = u64::try_from(sound.len()).ok();
        return made("audio/wav", length, VecDeque::from([sound]));
    }
    let audio = BASE64_STANDARD.encode(&sound);
    let usage = json!({"input_tokens": words, "output_tokens": words, "total_tokens": 2 * words});
    streamed(VecDeque::from([
        frame(&json!({"type": "speech.audio.delta", "audio": audio})),
        frame(&json!({"type": "speech.audio.done", "usage": usage})),
    ]))
}

/// A WAV file in which nothing is said.
fn silence(words: usize) -> Bytes {
    let samples = words * BYTES_A_WORD;
    let length = u32::try_from(samples).unwrap_or(u32::MAX);
    let mut file = BytesMut::with_capacity(samples + 44);
    file.put_slice(b"RIFF");
    file.put_u32_le(length.saturating_add(36));
    file.put_slice(b"WAVEfmt ");
    // 16 bytes of format: PCM, one channel, samples and bytes a second, bytes and bits of a sample.
    file.put_u32_le(16);
    file.put_u16_le(1);
    file.put_u16_le(1);
    file.put_u32_le(24_000);
    file.put_u32_le(48_000);
    file.put_u16_le(2);
    file.put_u16_le(16);
    file.put_slice(b"data");
    file.put_u32_le(length);
    file.put_bytes(0, samples);
    file.freeze()
}

/// What was said in a recording, as far as the echo can hear.
pub(super) fn heard() -> Value {
    json!({"text": "(the echo hears nothing)", "usage": {"type": "duration", "seconds": 0}})
}
