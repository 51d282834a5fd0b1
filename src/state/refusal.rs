//! Why the next call of a key would be refused, whatever it asks for: a cap that is used up.

use crate::domain::{Code, Day, Error, TimeZone, Unit, Window};

use super::quota::{Standing, way_out};

/// The refusal that a holder's quota has for every call, if there is one. What is set aside for calls in flight is not left.
pub(super) fn used_up(noun: &str, standing: &Standing, day: Day, zone: &TimeZone) -> Option<Error> {
    Window::ALL.into_iter().find_map(|window| {
        let (left, caps) = (standing.left(window), standing.quota.of(window));
        let (unit, cap) = if left.usd.is_some_and(|left| left.as_pico() == 0) {
            (Unit::Usd, format!("${}", caps.usd.unwrap_or_default()))
        } else if left.tokens == Some(0) {
            let cap = caps.tokens.unwrap_or_default();
            (Unit::Tokens, format!("{cap} tokens"))
        } else if left.requests == Some(0) {
            let cap = caps.requests.unwrap_or_default();
            (Unit::Requests, format!("{cap} requests"))
        } else {
            return None;
        };
        let words = format!(
            "The {noun}'s {} quota of {cap} is used up (calls in flight included). {}.",
            window.as_str(),
            way_out(noun, window, day, zone)
        );
        let error = Error::new(Code::InsufficientQuota, words);
        Some(error.param(format!("{noun}.{}_{}", window.as_str(), unit.as_str())))
    })
}
