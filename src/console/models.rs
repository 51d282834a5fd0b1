//! Models: which are served, at what price, from which source.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Error, Money, Price, PriceSource};
use crate::state::catalogue::{PriceError, per_mtok, per_token};
use crate::state::{ModelView, OwnPrice, State};

use super::body::Body;
use super::refusal::{ApiError, Refusal};
use super::usd::Usd;
use super::viewer::{Admin, Viewer};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.route("/models", web::get().to(list)).service(
        // A model's name may hold slashes.
        web::resource("/models/{name:.+}")
            .route(web::put().to(set))
            .route(web::delete().to(clear)),
    );
}

/// A model with its price and limits.
#[derive(Serialize, ToSchema)]
pub(super) struct Model {
    name: String,
    /// Without a price its calls are shown as not priced.
    priced: bool,
    /// Null: not priced.
    #[schema(required, value_type = Option<ModelSource>)]
    source: Option<&'static str>,
    #[schema(required, value_type = Option<f64>)]
    input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    cached_input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    cache_write_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    output_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_request_usd: Option<Usd>,
    #[schema(required)]
    max_output_tokens: Option<u32>,
    #[schema(required)]
    context_tokens: Option<u32>,
    /// The page that a catalogue price was read from.
    #[schema(required)]
    source_url: Option<String>,
    /// When it was read.
    #[schema(required)]
    taken_on: Option<String>,
    /// Who serves it; for admins.
    channels: Vec<ModelChannel>,
}

/// Where a price comes from.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(super) enum ModelSource {
    Catalogue,
    Own,
}

/// A channel that serves a model.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelChannel {
    id: String,
    name: String,
}

/// Some models, by name.
#[derive(Serialize, ToSchema)]
pub(super) struct Models {
    items: Vec<Model>,
    total: usize,
}

/// An own price and limits; they replace the catalogue's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPrice {
    #[schema(value_type = f64)]
    input_usd_per_mtok: Usd,
    #[schema(value_type = Option<f64>)]
    cached_input_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    cache_write_usd_per_mtok: Option<Usd>,
    #[schema(value_type = f64)]
    output_usd_per_mtok: Usd,
    #[schema(value_type = Option<f64>)]
    per_request_usd: Option<Usd>,
    max_output_tokens: Option<u32>,
    context_tokens: Option<u32>,
}

impl Model {
    fn new(view: &ModelView, with_channels: bool) -> Self {
        let model = &view.model;
        let million = |of: fn(&Price) -> Option<Money>| {
            model.price.as_ref().and_then(of).map(per_mtok).map(Usd)
        };
        let (source_url, taken_on) = match &model.source {
            PriceSource::Catalogue { url, taken_on } => (Some(url.clone()), Some(taken_on.clone())),
            PriceSource::Own { .. } => (None, None),
        };
        let source = match model.source {
            PriceSource::Catalogue { .. } => "catalogue",
            PriceSource::Own { .. } => "own",
        };
        let channels = if with_channels {
            view.channels.as_slice()
        } else {
            &[]
        };
        Self {
            name: model.name.clone(),
            priced: model.price.is_some(),
            source: model.price.map(|_| source),
            input_usd_per_mtok: million(|price| Some(price.input)),
            cached_input_usd_per_mtok: million(|price| price.cached_input),
            cache_write_usd_per_mtok: million(|price| price.cache_write),
            output_usd_per_mtok: million(|price| Some(price.output)),
            per_request_usd: model.price.map(|price| Usd(price.per_request)),
            max_output_tokens: model.max_output_tokens,
            context_tokens: model.context_tokens,
            source_url,
            taken_on,
            channels: channels
                .iter()
                .map(|(id, name)| ModelChannel {
                    id: id.to_string(),
                    name: name.clone(),
                })
                .collect(),
        }
    }
}

/// Lists the models that are served or have an own price.
#[utoipa::path(
    operation_id = "list_models",get, path = "/api/models", tag = "models", responses((status = 200, body = Models), (status = "default", body = ApiError)))]
pub(super) async fn list(
    state: web::Data<State>,
    viewer: Viewer,
) -> Result<web::Json<Models>, Refusal> {
    let items: Vec<_> = state
        .models
        .list()?
        .iter()
        .map(|view| Model::new(view, viewer.is_admin()))
        .collect();
    Ok(web::Json(Models {
        total: items.len(),
        items,
    }))
}

/// Sets an own price, effective for the very next call.
#[utoipa::path(
    operation_id = "set_model_price",put, path = "/api/models/{name}", tag = "models", params(("name" = String, Path)), request_body = NewPrice, responses((status = 200, body = Model), (status = "default", body = ApiError)))]
pub(super) async fn set(
    state: web::Data<State>,
    admin: Admin,
    name: web::Path<String>,
    body: Body<NewPrice>,
) -> Result<web::Json<Model>, Refusal> {
    let body = body.0;
    let token = |field: &str, usd: Usd| {
        let refuse = |e: PriceError| {
            Refusal(Error::invalid_field(
                field,
                format!("This price cannot be taken: {e}."),
            ))
        };
        per_token(&usd.0.to_string()).map_err(refuse)
    };
    let optional = |field: &str, usd: Option<Usd>| usd.map(|usd| token(field, usd)).transpose();
    let price = Price {
        input: token("input_usd_per_mtok", body.input_usd_per_mtok)?,
        cached_input: optional("cached_input_usd_per_mtok", body.cached_input_usd_per_mtok)?,
        cache_write: optional("cache_write_usd_per_mtok", body.cache_write_usd_per_mtok)?,
        output: token("output_usd_per_mtok", body.output_usd_per_mtok)?,
        reasoning: None,
        per_request: body.per_request_usd.map_or(Money::ZERO, |usd| usd.0),
    };
    let own = OwnPrice {
        price,
        context_tokens: body.context_tokens,
        max_output_tokens: body.max_output_tokens,
    };
    let view = state.models.set_price(&name, own, &admin.0.actor()).await?;
    Ok(web::Json(Model::new(&view, true)))
}

/// Removes an own price: the catalogue's holds again, if it has one.
#[utoipa::path(
    operation_id = "clear_model_price",delete, path = "/api/models/{name}", tag = "models", params(("name" = String, Path)), responses((status = 204), (status = "default", body = ApiError)))]
pub(super) async fn clear(
    state: web::Data<State>,
    admin: Admin,
    name: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    state.models.clear_price(&name, &admin.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}
