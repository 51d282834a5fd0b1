//! A call that comes back: a channel may be this gateway itself, or one that leads back to it.
//!
//! Every call that is sent on says in `x-real200-hops` which gateways it has been through, each by an id made anew at its
//! start. A gateway that finds its own there ends the call at this second sight: else it would go round until everything
//! is used up, and be booked each time.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::{Code, Error};

const HOPS: HeaderName = HeaderName::from_static("x-real200-hops");

/// Through more gateways than this goes no call that is meant.
const MOST: usize = 8;

/// The gateways that a request has been through.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(HOPS)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|hop| !hop.is_empty())
}

/// Whether it has been here, or through too many.
pub(super) fn is_loop(headers: &HeaderMap, own: &str) -> bool {
    hops(headers).any(|hop| hop == own) || hops(headers).count() >= MOST
}

/// What is sent on: those before, and this one.
pub(super) fn onward(headers: &HeaderMap, own: &str) -> Option<(HeaderName, HeaderValue)> {
    let all: Vec<&str> = hops(headers).take(MOST).chain([own]).collect();
    Some((HOPS, HeaderValue::try_from(all.join(",")).ok()?))
}

/// The error of a call that has been here.
pub(super) fn looped() -> Error {
    Error::new(
        Code::LoopDetected,
        "This call has been through this gateway before: a channel leads back to it. Tell the operator to set that channel's base URL to the provider's.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HOPS, HeaderValue::try_from(*line).unwrap());
        }
        headers
    }

    #[test]
    fn a_gateway_knows_itself_among_those_before() {
        for lines in [&["a"][..], &["b, a"], &["b", "a , c"]] {
            assert!(is_loop(&headers(lines), "a"), "{lines:?}");
        }
        for lines in [&[][..], &[""], &["ab"], &["b,c"]] {
            assert!(!is_loop(&headers(lines), "a"), "{lines:?}");
        }
        assert!(
            is_loop(&headers(&["b,c,d,e,f,g,h,i"]), "a"),
            "no end in sight"
        );
    }

    #[test]
    fn what_is_sent_on_names_all_of_them() {
        let sent = |lines: &[&str]| onward(&headers(lines), "a").unwrap().1;
        assert_eq!(sent(&[]), "a");
        assert_eq!(sent(&["b", " c ,d"]), "b,c,d,a");
    }
}
