//! One try at a delivery: signed, sent through the guarded fetcher, and what came of it in words.

use std::time::Duration;

use super::book::Hook;
use crate::clock::Clock;
use crate::crypto;
use crate::domain::{Delivery, DeliveryAttempt};
use crate::outbound::{Caps, Fetched, Fetcher, Outgoing};

/// What a receiver gets: it has to answer soon, and need not say much.
const CAPS: Caps = Caps {
    time: Duration::from_secs(10),
    body: 4 << 10,
};
/// So much of a refusal's text is kept.
const QUOTED: usize = 300;

/// Sends a delivery once.
pub(super) async fn send(
    fetcher: &Fetcher,
    clock: &Clock,
    hook: &Hook,
    delivery: &Delivery,
) -> DeliveryAttempt {
    let started = clock.tick();
    let (http_status, error) = match &hook.secret {
        None => (
            None,
            Some("its secret was sealed with another master key: give it a new one".to_owned()),
        ),
        Some(secret) => {
            let headers = [
                (
                    "x-real200-signature",
                    format!("sha256={}", crypto::signature(secret, &delivery.body)),
                ),
                ("x-real200-event", delivery.event.as_str().to_owned()),
                ("x-real200-delivery", delivery.id.to_string()),
            ];
            let outgoing = Outgoing::Post {
                json: &delivery.body,
                headers: &headers,
            };
            match fetcher.fetch(&hook.record.url, outgoing, CAPS).await {
                Ok(answer) => (Some(answer.status), refusal(&answer)),
                Err(error) => (None, Some(error.to_string())),
            }
        }
    };
    DeliveryAttempt {
        at: clock.now(),
        http_status,
        error,
        latency_ms: clock.tick().micros_since(started) / 1_000,
    }
}

/// Why an answer is no success.
fn refusal(answer: &Fetched) -> Option<String> {
    match answer.status {
        200..=299 => None,
        300..=399 => Some(format!(
            "it answered {}: redirects are not followed",
            answer.status
        )),
        status => {
            let text = String::from_utf8_lossy(&answer.body);
            let quoted: String = text.trim().chars().take(QUOTED).collect();
            Some(if quoted.is_empty() {
                format!("it answered {status}")
            } else {
                format!("it answered {status}: {quoted}")
            })
        }
    }
}
