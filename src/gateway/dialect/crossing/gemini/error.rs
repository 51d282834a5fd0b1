//! Google's errors: `{"error": {"code", "message", "status"}}`, alone or as the first of an array.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{Code, Error};

/// What stands in `error`.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug)]
pub(super) struct Told {
    message: Option<String>,
    status: Option<String>,
}

impl Told {
    /// What the provider says.
    pub(super) fn message(&self) -> &str {
        self.message
            .as_deref()
            .or(self.status.as_deref())
            .unwrap_or("the provider does not say why")
    }

    /// What the client is told of it: what is wrong with the operator's credential is not wrong with the client's key.
    pub(super) fn error(&self) -> Error {
        let code = match self.status.as_deref() {
            Some("RESOURCE_EXHAUSTED") => Code::RateLimitExceeded,
            Some("UNAVAILABLE") => Code::NoChannelAvailable,
            Some("DEADLINE_EXCEEDED") => Code::GatewayTimeout,
            Some("INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE") => {
                Code::InvalidRequest
            }
            Some("UNAUTHENTICATED" | "PERMISSION_DENIED") => {
                return Error::new(
                    Code::BadGateway,
                    "The provider refuses the gateway's own credential. Your key is fine; tell the operator.",
                )
                .because(self.message().to_owned());
            }
            Some(_) | None => Code::BadGateway,
        };
        Error::new(code, self.message())
    }
}

/// The object.
pub(super) fn write(error: &Error) -> Value {
    json!({"error": {"code": error.code.status(), "message": error.message, "status": error.code.google_status()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_credential_does_not_blame_the_clients_key() {
        let told: Told = serde_json::from_value(
            json!({"code": 400, "message": "API key not valid.", "status": "UNAUTHENTICATED"}),
        )
        .unwrap();
        let error = told.error();
        assert_eq!(error.code, Code::BadGateway);
        assert!(!error.message.contains("API key"));
    }

    #[test]
    fn an_overload_keeps_its_status() {
        let told: Told = serde_json::from_value(
            json!({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}),
        )
        .unwrap();
        assert_eq!(
            write(&told.error()),
            json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
        );
    }
}
