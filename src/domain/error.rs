//! The one error type that reaches clients, and the table of its codes: one row a code (DESIGN §5.1, §5.2).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A result whose error can be shown to a client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the client's words: `message` says what to do about it. `source` is for the log only.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Error {
    /// Which row of the table.
    pub code: Code,
    /// What to do about it. Never a secret, never inner detail.
    pub message: String,
    /// Which field, limit or window it is about.
    pub param: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What lies behind it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            source: None,
        }
    }

    /// A fault of ours: the client is told nothing of it, the log everything.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::ApiError, "The gateway failed to handle this request. Try again; if it persists, tell the operator the x-request-id.")
            .because(source)
    }

    /// What an operator at the command line is told: what lies behind it where there is something, and no less.
    pub fn for_operator(&self) -> String {
        match &self.source {
            Some(source) => source.to_string(),
            None => self.message.clone(),
        }
    }

    /// A field that cannot be taken, by its path.
    pub fn invalid_field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidField, message).param(path)
    }

    /// Names the field, limit or window.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $kind:literal, $anthropic:literal, $google:literal;)*) => {
        /// The codes of the public contract. Status and type in each dialect follow from the row.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every row of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The `code` of the contract.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The `type` in OpenAI's shape.
            pub const fn kind(self) -> &'static str {
                match self { $(Self::$name => $kind,)* }
            }

            /// The `type` in Anthropic's shape.
            pub const fn anthropic_kind(self) -> &'static str {
                match self { $(Self::$name => $anthropic,)* }
            }

            /// The `status` in Google's shape (google.rpc.Code).
            pub const fn google_status(self) -> &'static str {
                match self { $(Self::$name => $google,)* }
            }
        }
    };
}

// New rows go to the end: the position is what the call log stores.
codes! {
    /// Not JSON, no `model`, a field of the wrong type.
    InvalidRequest = "invalid_request_error", 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT";
    /// No key was given.
    MissingApiKey = "missing_api_key", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// Malformed, unknown or deleted.
    InvalidApiKey = "invalid_api_key", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// Its owner switched it off.
    ApiKeyDisabled = "api_key_disabled", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// Its time is over.
    ApiKeyExpired = "api_key_expired", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// Its account is switched off.
    AccountDisabled = "account_disabled", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// The reservation does not fit.
    InsufficientQuota = "insufficient_quota", 402, "insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED";
    /// The key may not use this model.
    ModelNotAllowed = "model_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED";
    /// The key may not use this endpoint.
    EndpointNotAllowed = "endpoint_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED";
    /// The key may not be used from this address.
    IpNotAllowed = "ip_not_allowed", 403, "permission_error", "permission_error", "PERMISSION_DENIED";
    /// A money quota cannot hold for a model without a price.
    ModelNotPriced = "model_not_priced", 403, "permission_error", "permission_error", "PERMISSION_DENIED";
    /// No channel serves that model, or no such route.
    ModelNotFound = "model_not_found", 404, "invalid_request_error", "not_found_error", "NOT_FOUND";
    /// Body over the configured limit.
    RequestTooLarge = "request_too_large", 413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT";
    /// Too fast.
    RateLimitExceeded = "rate_limit_exceeded", 429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED";
    /// The provider's answer could not be used.
    BadGateway = "bad_gateway", 502, "api_error", "api_error", "INTERNAL";
    /// All channels of the model are out.
    NoChannelAvailable = "no_channel_available", 503, "api_error", "overloaded_error", "UNAVAILABLE";
    /// The provider did not answer in time.
    GatewayTimeout = "gateway_timeout", 504, "api_error", "timeout_error", "DEADLINE_EXCEEDED";
    /// Ours; never with inner detail.
    ApiError = "api_error", 500, "api_error", "api_error", "INTERNAL";
    /// The console does not know who asks.
    NotAuthenticated = "not_authenticated", 401, "authentication_error", "authentication_error", "UNAUTHENTICATED";
    /// The console knows who asks, and they may not.
    Forbidden = "forbidden", 403, "permission_error", "permission_error", "PERMISSION_DENIED";
    /// No such record or route.
    NotFound = "not_found", 404, "invalid_request_error", "not_found_error", "NOT_FOUND";
    /// It contradicts what is there.
    Conflict = "conflict", 409, "invalid_request_error", "invalid_request_error", "ABORTED";
    /// A field that cannot be taken; `param` is its path.
    InvalidField = "invalid_field", 422, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT";
    /// The call has been through this gateway before.
    LoopDetected = "loop_detected", 508, "api_error", "api_error", "FAILED_PRECONDITION";
}
