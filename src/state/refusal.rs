//! What a caller is told whose quota does not hold a call, or any call at all.

use crate::domain::{Code, Day, Error, Exceeded, Quota, TimeZone, Unit, Window};

use super::ask::Ask;

/// A call's bound does not fit under a cap.
pub(super) fn does_not_fit(
    noun: &str,
    quota: &Quota,
    exceeded: &Exceeded,
    ask: &Ask,
    day: Day,
    zone: &TimeZone,
) -> Error {
    let (window, unit) = (exceeded.window, exceeded.unit);
    let (cap, needed) = (cap(quota, exceeded), ask.least());
    let (may, smaller) = if ask.may_be_lowered() {
        ("needs at least", "send a shorter prompt")
    } else if ask.generates {
        ("may need up to", "set a lower output limit")
    } else {
        ("may need up to", "send less")
    };
    let amounts = match unit {
        Unit::Usd => format!(
            "{cap}: ${} is left, and this call {may} ${}",
            exceeded.left.usd.unwrap_or_default(),
            needed.usd
        ),
        Unit::Tokens => format!(
            "{cap}: {} are left, and this call {may} {}",
            exceeded.left.tokens.unwrap_or_default(),
            needed.tokens
        ),
        Unit::Requests => format!("{cap}, and all are used"),
    };
    let way_out = way_out(noun, window, day, zone);
    let smaller = if unit == Unit::Requests {
        String::new()
    } else {
        format!(", or {smaller}")
    };
    insufficient(
        noun,
        exceeded,
        format!(
            "The {noun}'s {} quota is {amounts} (calls in flight included). {way_out}{smaller}.",
            window.as_str()
        ),
    )
}

/// Nothing is left under a cap: whatever the next call asks for, it is refused.
pub(super) fn used_up(
    noun: &str,
    quota: &Quota,
    exceeded: &Exceeded,
    day: Day,
    zone: &TimeZone,
) -> Error {
    let words = format!(
        "The {noun}'s {} quota of {} is used up (calls in flight included). {}.",
        exceeded.window.as_str(),
        cap(quota, exceeded),
        way_out(noun, exceeded.window, day, zone)
    );
    insufficient(noun, exceeded, words)
}

/// When a window that is used up begins anew, or whom to ask.
fn way_out(noun: &str, window: Window, day: Day, zone: &TimeZone) -> String {
    match window {
        Window::Total if noun == "account" => {
            "It does not reset: ask an admin of this gateway to top the account up".to_owned()
        }
        Window::Total => "It does not reset: ask whoever issued the key to raise it".to_owned(),
        Window::Monthly => format!("It resets at {}", zone.end_of_month(day.month())),
        Window::Daily => format!("It resets at {}", zone.end_of_day(day)),
    }
}

/// A cap in words.
fn cap(quota: &Quota, exceeded: &Exceeded) -> String {
    let caps = quota.of(exceeded.window);
    match exceeded.unit {
        Unit::Usd => format!("${}", caps.usd.unwrap_or_default()),
        Unit::Tokens => format!("{} tokens", caps.tokens.unwrap_or_default()),
        Unit::Requests => format!("{} requests", caps.requests.unwrap_or_default()),
    }
}

/// The refusal that names the cap.
fn insufficient(noun: &str, exceeded: &Exceeded, words: String) -> Error {
    let (window, unit) = (exceeded.window.as_str(), exceeded.unit.as_str());
    Error::new(Code::InsufficientQuota, words).param(format!("{noun}.{window}_{unit}"))
}
