//! How long a provider asks to wait, wherever it says so: in headers as seconds, decimals, dates or milliseconds, in Google's
//! details, in the windows of its limits, or in words. Rounded up, and never longer than the longest that is believed.
//!
//! Sources: RFC 9110 §10.2.3; openai-python 3.57.0 `_parse_retry_after_header`; google.rpc.RetryInfo; OpenAI, Azure OpenAI and
//! Anthropic, "Rate limits".

use std::time::Duration;

use actix_web::http::header::HttpDate;
use serde_json::Value;

use super::dialect::fault::{self, Words};
use crate::domain::{LONGEST_WAIT, Timestamp};

/// What an error says of when to come back; `header`: its headers, `now`: the time of day.
pub(super) fn wait<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now: Timestamp,
) -> Option<Duration> {
    let date = header("date").and_then(http_date);
    let now = date.unwrap_or(now);
    let millis = || micros(header("retry-after-ms")?.trim(), 1_000);
    let after = || {
        let text = header("retry-after")?.trim();
        micros(text, 1_000_000).or_else(|| Some(http_date(text)?.since(now)))
    };
    let found = millis()
        .or_else(after)
        .or_else(|| in_details(body))
        .or_else(|| in_words(body))
        .or_else(|| windows(&header, now));
    found.map(|wait| wait.min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let date: HttpDate = text.parse().ok()?;
    let time: std::time::SystemTime = date.into();
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(0).after(since))
}

/// A decimal number of these units, in microseconds, rounded up; `None`: it is none.
fn micros(text: &str, unit: u64) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + part.len() == 0 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().unwrap_or(u64::MAX)
    };
    let (mut of, mut more) = (unit, 0u64);
    let mut rest = false;
    for byte in part.bytes() {
        let digit = u64::from(byte - b'0');
        rest |= of % 10 * digit != 0 || (of < 10 && digit != 0);
        of /= 10;
        more = more.saturating_add(of.saturating_mul(digit));
    }
    let all = whole.saturating_mul(unit).saturating_add(more);
    Some(Duration::from_micros(all.saturating_add(u64::from(rest))))
}

/// A row of numbers with units, such as `1h2m3.5s` or `20 seconds`, at the beginning of a text.
fn units(text: &str) -> Option<Duration> {
    let (mut rest, mut all) = (text.trim_start(), None);
    loop {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        if number.is_empty() {
            return all;
        }
        let behind = behind.trim_start();
        let end = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let unit = match unit {
            "ms" | "millisecond" | "milliseconds" => 1_000,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000_000,
            "h" | "hr" | "hour" | "hours" => 3_600_000_000,
            "d" | "day" | "days" => 86_400_000_000,
            _ => return all,
        };
        let number = number.strip_suffix('.').unwrap_or(number);
        all = Some(
            all.unwrap_or(Duration::ZERO)
                .saturating_add(micros(number, unit)?),
        );
        rest = behind.trim_start();
    }
}

/// `google.rpc.RetryInfo`.
fn in_details(body: &[u8]) -> Option<Duration> {
    let read: Value = serde_json::from_slice(body).ok()?;
    let details = fault::first(&read)?.pointer("/error/details")?.as_array()?;
    details
        .iter()
        .find_map(|detail| units(detail.get("retryDelay")?.as_str()?))
}

/// "Please try again in 1.2s", "retry after 20 seconds".
fn in_words(body: &[u8]) -> Option<Duration> {
    let words = Words::read(body)?;
    let message = words.message().to_lowercase();
    [
        "try again in ",
        "retry after ",
        "retry in ",
        "try again after ",
    ]
    .into_iter()
    .find_map(|before| {
        let (_, behind) = message.split_once(before)?;
        units(behind)
    })
}

/// The windows of its limits of which nothing is left: the one that opens last.
fn windows<'a>(header: &impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Option<Duration> {
    let openai = ["requests", "tokens"].map(|what| {
        let left = header(&format!("x-ratelimit-remaining-{what}"))?;
        let reset = header(&format!("x-ratelimit-reset-{what}"))?;
        (left.trim() == "0").then(|| units(reset).or_else(|| micros(reset, 1_000_000)))?
    });
    let anthropic = ["requests", "tokens", "input-tokens", "output-tokens"].map(|what| {
        let left = header(&format!("anthropic-ratelimit-{what}-remaining"))?;
        let reset = header(&format!("anthropic-ratelimit-{what}-reset"))?;
        (left.trim() == "0").then(|| Some(Timestamp::parse(reset).ok()?.since(now)))?
    });
    openai.into_iter().chain(anthropic).flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &'static str)], body: &str) -> Option<u128> {
        let header = |name: &str| {
            let found = headers.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| *value)
        };
        let now = Timestamp::parse("2026-05-04T10:00:00Z").unwrap();
        wait(header, body.as_bytes(), now).map(|wait| wait.as_micros())
    }

    #[test]
    fn a_wait_is_read_as_it_is_sent() {
        for (headers, body, micros) in [
            (&[("retry-after", "7")][..], "", Some(7_000_000)),
            (&[("retry-after", " 1.5 ")], "", Some(1_500_000)),
            (&[("retry-after", "0.0000001")], "", Some(1)),
            (
                &[("retry-after-ms", "20.5"), ("retry-after", "1")],
                "",
                Some(20_500),
            ),
            (
                &[("retry-after", "Mon, 04 May 2026 10:00:09 GMT")],
                "",
                Some(9_000_000),
            ),
            (
                &[("retry-after", "Mon, 04 May 2026 09:00:00 GMT")],
                "",
                Some(0),
            ),
            (
                &[
                    ("date", "Mon, 04 May 2026 11:00:00 GMT"),
                    ("retry-after", "Mon, 04 May 2026 11:00:02 GMT"),
                ],
                "",
                Some(2_000_000),
            ),
            (
                &[("retry-after", "99999999999999999999")],
                "",
                Some(3_600_000_000),
            ),
            (&[("retry-after", "soon")], "", None),
            (
                &[],
                r#"{"error":{"code":429,"message":"x","details":[{"@type":"a"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}"#,
                Some(37_000_000),
            ),
            (
                &[],
                r#"[{"error":{"details":[{"retryDelay":"1.5s"}]}}]"#,
                Some(1_500_000),
            ),
            (
                &[],
                r#"{"error":{"message":"Rate limit reached. Please try again in 1.2s. Visit"}}"#,
                Some(1_200_000),
            ),
            (
                &[],
                r#"{"error":{"message":"Please try again in 20ms."}}"#,
                Some(20_000),
            ),
            (
                &[],
                r#"{"error":{"message":"Please try again in 6m0s."}}"#,
                Some(360_000_000),
            ),
            (
                &[],
                r#"{"error":{"message":"Please retry after 20 seconds."}}"#,
                Some(20_000_000),
            ),
            (
                &[],
                r#"{"error":{"message":"Please retry in 9.5s."}}"#,
                Some(9_500_000),
            ),
            (&[], r#"{"error":{"message":"Try again later."}}"#, None),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m2s"),
                    ("x-ratelimit-remaining-tokens", "9"),
                    ("x-ratelimit-reset-tokens", "2h"),
                ],
                "",
                Some(62_000_000),
            ),
            (
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2026-05-04T10:00:30Z"),
                ],
                "",
                Some(30_000_000),
            ),
        ] {
            assert_eq!(read(headers, body), micros, "{headers:?} {body}");
        }
    }
}
