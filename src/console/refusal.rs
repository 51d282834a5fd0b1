//! How an error of the control plane looks: `{"error": {"message", "type", "code", "param"}}` (DESIGN §5.1).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Error;

/// A request that was not done, with the words for it.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What every error answer holds.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiError {
    error: ErrorBody,
}

/// The error itself.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// What to do about it.
    message: String,
    /// Its family.
    r#type: String,
    /// Which error it is.
    code: String,
    /// The path of the field that it is about.
    #[schema(required)]
    param: Option<String>,
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let error = &self.0;
        let body = ApiError {
            error: ErrorBody {
                message: error.message.clone(),
                r#type: error.code.kind().to_owned(),
                code: error.code.as_str().to_owned(),
                param: error.param.clone(),
            },
        };
        let mut answer = HttpResponse::build(self.status_code()).json(body);
        if let Some(wait) = error.retry_after {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        answer
    }
}
