//! The control plane's resources: a method that one does not take is refused in the shape of its errors.

use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::refusal::Refusal;
use crate::domain::{Code, Error};
use crate::resource::{self, Methods};

/// The resource at a path.
pub(super) fn at(path: &str) -> Methods {
    resource::at(path, wrong_method)
}

fn wrong_method(request: &HttpRequest) -> HttpResponse {
    let words = format!(
        "{} is not taken here. Use one of the methods that Allow names; GET /openapi.json describes all of them.",
        request.method()
    );
    Refusal(Error::new(Code::InvalidRequest, words)).error_response()
}
