//! The signature of a request (AWS Signature Version 4).
//! Reference: AWS IAM user guide, "AWS Signature Version 4 for API requests".

use std::time::{Duration, SystemTime};

use actix_web::http::Uri;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use crate::domain::{AccessKey, Timestamp};

/// What is signed for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) now: Timestamp,
}

/// The headers that authorize a request with this method, address and body; `None`: it is no address.
pub(super) fn headers(
    key: &AccessKey<'_>,
    scope: Scope<'_>,
    method: &str,
    uri: &Uri,
    body: &[u8],
) -> Option<Vec<(&'static str, String)>> {
    let token = key.session_token.map(str::to_owned);
    let identity = Credentials::new(key.id, key.secret, token, None, "channel").into();
    let micros = u64::try_from(scope.now.as_micros()).unwrap_or(0);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .settings(SigningSettings::default())
        .build()
        .ok()?;
    // As it will be sent.
    let host = uri.authority()?.as_str();
    let request = SignableRequest::new(
        method,
        uri.to_string(),
        std::iter::once(("host", host)),
        SignableBody::Bytes(body),
    );
    let signed = sign(request.ok()?, &SigningParams::from(params)).ok()?;
    let (headers, _) = signed.into_parts().0.into_parts();
    let own = headers.into_iter();
    Some(
        own.map(|header| (header.name(), header.value().to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of the AWS Signature Version 4 test suite, by their names there.
    #[test]
    fn signatures_are_those_of_the_published_test_suite() {
        let key = |session_token| AccessKey {
            id: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token,
            region: None,
        };
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        for (name, method, path, session_token, signature) in [
            (
                "post-vanilla",
                "POST",
                "/",
                None,
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "get-vanilla",
                "GET",
                "/",
                None,
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "get-vanilla-with-session-token",
                "GET",
                "/",
                Some(token),
                "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
            ),
            (
                "get-vanilla-query-order-key-case",
                "GET",
                "/?Param2=value2&Param1=value1",
                None,
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "get-unreserved",
                "GET",
                "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                None,
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "get-vanilla-utf8-query",
                "GET",
                "/?%E1%88%B4=bar",
                None,
                "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
            ),
        ] {
            let uri: Uri = format!("https://example.amazonaws.com{path}")
                .parse()
                .unwrap();
            let scope = Scope {
                region: "us-east-1",
                service: "service",
                now: Timestamp::parse("2015-08-30T12:36:00Z").unwrap(),
            };
            let signed = headers(&key(session_token), scope, method, &uri, b"").unwrap();
            let value = |name: &str| {
                let mut signed = signed.iter();
                signed
                    .find(|(own, _)| *own == name)
                    .map(|(_, value)| value.as_str())
            };
            let names = if session_token.is_some() {
                "host;x-amz-date;x-amz-security-token"
            } else {
                "host;x-amz-date"
            };
            let wanted = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(value("authorization"), Some(wanted.as_str()), "{name}");
            assert_eq!(value("x-amz-date"), Some("20150830T123600Z"), "{name}");
            assert_eq!(value("x-amz-security-token"), session_token, "{name}");
        }
    }
}
