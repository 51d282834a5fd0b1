//! Starts gateways and what stands around them.

mod binary;
mod client;
mod gateway;
mod raw;
mod realtime;
mod upstream;

pub(crate) use binary::Binary;
pub(crate) use client::{Console, KeyClient, Reply};
pub(crate) use gateway::TestGateway;
pub(crate) use raw::{Arrived, Mark, Piece, RawProvider, When};
pub(crate) use realtime::{Act, RealtimeUpstream, Talk};
pub(crate) use upstream::{Gate, Request, Script, Upstream};

use serde_json::{Value, json};

/// The body of a small chat call.
pub(crate) fn chat(model: &str, words: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": words}]})
}

/// The same, streamed.
pub(crate) fn streamed_chat(model: &str, words: &str) -> Value {
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": words}]})
}

/// Waits until nobody takes what is counted here any more: all buffers on the way are full.
pub(crate) fn stands_still(sent: &std::sync::atomic::AtomicUsize) {
    let (mut before, mut still) = (0, 0);
    eventually("a standstill", || {
        let now = sent.load(std::sync::atomic::Ordering::SeqCst);
        still = if now > 0 && now == before {
            still + 1
        } else {
            0
        };
        before = now;
        (still > 20).then_some(())
    });
}

/// Looks again and again until `look` finds something; for effects that come a moment after an answer.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "waited in vain for {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
