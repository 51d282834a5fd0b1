//! The headers that the gateway adds to its answers.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::CallId;
use crate::state::{Caller, RateLimitHeaders, RateStanding};

/// What they say.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The call's id in the log.
    pub(crate) id: CallId,
    /// Time spent in the gateway before forwarding.
    pub(crate) overhead_us: u64,
    /// Whose call it is.
    pub(crate) caller: Option<&'a Caller>,
    /// How the key's rate limits stand.
    pub(crate) limits: Option<RateLimitHeaders>,
    /// The output limit, if the gateway lowered it.
    pub(crate) lowered_output: Option<u64>,
}

impl Own<'_> {
    /// Writes them.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        put(headers, "x-request-id", self.id.to_string());
        put(
            headers,
            "x-real200-overhead-ms",
            format!(
                "{}.{:03}",
                self.overhead_us / 1_000,
                self.overhead_us % 1_000
            ),
        );
        if let Some(end) = self.caller.and_then(|caller| caller.key().expires_at) {
            put(headers, "x-real200-key-expires-at", end.to_string());
        }
        if let Some(limit) = self.lowered_output {
            headers.insert(
                HeaderName::from_static("x-real200-max-output-tokens"),
                limit.into(),
            );
        }
        let Some(limits) = self.limits else { return };
        if let Some(standing) = limits.requests {
            rate_limit(
                headers,
                standing,
                [
                    "x-ratelimit-limit-requests",
                    "x-ratelimit-remaining-requests",
                    "x-ratelimit-reset-requests",
                ],
            );
        }
        if let Some(standing) = limits.tokens {
            rate_limit(
                headers,
                standing,
                [
                    "x-ratelimit-limit-tokens",
                    "x-ratelimit-remaining-tokens",
                    "x-ratelimit-reset-tokens",
                ],
            );
        }
    }
}

fn rate_limit(
    headers: &mut HeaderMap,
    standing: RateStanding,
    [limit, remaining, reset]: [&'static str; 3],
) {
    headers.insert(HeaderName::from_static(limit), standing.limit.into());
    headers.insert(
        HeaderName::from_static(remaining),
        standing.remaining.into(),
    );
    put(headers, reset, span(standing.reset));
}

fn put(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A duration as OpenAI writes it: `12ms`, `1.5s`, `6m0s`.
fn span(wait: Duration) -> String {
    let millis = wait.as_micros().div_ceil(1_000);
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        1_000..60_000 => format!("{}.{:03}s", millis / 1_000, millis % 1_000),
        _ => {
            let seconds = millis.div_ceil(1_000);
            format!("{}m{}s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (micros, text) in [
            (0, "0ms"),
            (12_000, "12ms"),
            (1_000_000, "1s"),
            (1_500_000, "1.500s"),
            (360_000_000, "6m0s"),
            (90_400_000, "1m31s"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
    }
}
