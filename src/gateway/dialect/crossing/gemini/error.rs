//! Google's errors: `{"error": {"code", "message", "status"}}`, alone or as the first of an array.

use serde::Deserialize;

use crate::domain::{Code, Error};

/// What stands in `error`.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug)]
pub(super) struct Told {
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Detail>>,
}

/// Of the kinds of details only `google.rpc.ErrorInfo` has a reason.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug)]
struct Detail {
    reason: Option<String>,
}

impl Told {
    /// What the provider says.
    fn message(&self) -> &str {
        self.message
            .as_deref()
            .or(self.status.as_deref())
            .unwrap_or("the provider does not say why")
    }

    /// What the client is told of it: what is wrong with the operator's credential is not wrong with the client's key.
    pub(super) fn error(&self) -> Error {
        let code = match self.status.as_deref() {
            Some("UNAUTHENTICATED" | "PERMISSION_DENIED") => return self.refused_credential(),
            _ if self.is_about_the_key() => return self.refused_credential(),
            Some("RESOURCE_EXHAUSTED") => Code::RateLimitExceeded,
            Some("UNAVAILABLE") => Code::NoChannelAvailable,
            Some("DEADLINE_EXCEEDED") => Code::GatewayTimeout,
            Some("INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE") => {
                Code::InvalidRequest
            }
            Some(_) | None => Code::BadGateway,
        };
        Error::new(code, self.message())
    }

    fn refused_credential(&self) -> Error {
        let message = "The provider refuses the gateway's own credential. Your key is fine; tell the operator.";
        Error::new(Code::BadGateway, message).because(self.message().to_owned())
    }

    /// A key that is not valid is an argument that is not valid, by the status alone.
    fn is_about_the_key(&self) -> bool {
        let details = self.details.iter().flatten();
        details
            .filter_map(|detail| detail.reason.as_deref())
            .any(|reason| reason.starts_with("API_KEY_"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refused_credential_does_not_blame_the_clients_key() {
        for told in [
            json!({"code": 401, "message": "API key not valid.", "status": "UNAUTHENTICATED"}),
            json!({"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}),
        ] {
            let error = serde_json::from_value::<Told>(told).unwrap().error();
            assert_eq!(error.code, Code::BadGateway);
            assert!(!error.message.contains("API key"));
        }
    }

    #[test]
    fn an_overload_keeps_its_status() {
        let told: Told = serde_json::from_value(
            json!({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}),
        )
        .unwrap();
        let error = told.error();
        assert_eq!(error.code.status(), 503);
        assert_eq!(error.message, "The model is overloaded.");
    }
}
