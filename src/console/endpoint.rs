//! The words for the gateway's endpoints, as the API's description lists them: those that permissions take.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain;

/// Stands for the word of an endpoint.
pub(super) enum Endpoint {}

impl ToSchema for Endpoint {}

impl PartialSchema for Endpoint {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What kind of call it is."))
            .enum_values(Some(domain::Endpoint::ALL.map(domain::Endpoint::as_str)))
            .into()
    }
}
