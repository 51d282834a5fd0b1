//! Models: which are served, at what price, from which source.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{
    Error, LongContext, MediaPrice, Money, Multiplier, PiecePrice, Price, PriceSource, Strategy,
};
use crate::state::catalogue::{PriceError, factor, long_factor, per_mtok, per_token};
use crate::state::{ModelRoutingChange, ModelView, OwnPrice, State};

use super::body::{Body, nullable};
use super::refusal::{ApiError, Refusal};
use super::resource::at;
use super::settings::RoutingStrategy;
use super::usd::Usd;
use super::viewer::{Admin, Viewer};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(at("/models").get(list)).service(
        // A model's name may hold slashes.
        at("/models/{name:.+}").put(set).patch(route).delete(clear),
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
    cache_write_1h_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    output_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    reasoning_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    audio_input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    audio_cached_input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    audio_output_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    image_input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    image_cached_input_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    image_output_usd_per_mtok: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_request_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_image_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_second_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_character_usd: Option<Usd>,
    #[schema(required, value_type = Option<f64>)]
    per_search_usd: Option<Usd>,
    /// Above so long a prompt the whole call is dearer, by these factors.
    #[schema(required)]
    long_context_above_tokens: Option<u32>,
    #[schema(required, value_type = Option<f64>)]
    long_context_input_factor: Option<Factor>,
    #[schema(required, value_type = Option<f64>)]
    long_context_output_factor: Option<Factor>,
    /// On the tokens of calls that the provider serves when it has time.
    #[schema(required, value_type = Option<f64>)]
    flex_factor: Option<Factor>,
    /// On the tokens of calls that it serves before others.
    #[schema(required, value_type = Option<f64>)]
    priority_factor: Option<Factor>,
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
    /// The configuration file that sets the price; null: it can be set here.
    #[schema(required)]
    config_file: Option<String>,
    /// In which order its channels are tried; null: as the settings say.
    #[schema(required, value_type = Option<RoutingStrategy>)]
    strategy: Option<&'static str>,
    /// Models that serve in its place, one after the other, when no channel of its own can.
    fallbacks: Vec<String>,
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
    Config,
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
    /// Of an hour; without it as `cache_write_usd_per_mtok`.
    #[schema(value_type = Option<f64>)]
    cache_write_1h_usd_per_mtok: Option<Usd>,
    #[schema(value_type = f64)]
    output_usd_per_mtok: Usd,
    #[schema(value_type = Option<f64>)]
    reasoning_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    audio_input_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    audio_cached_input_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    audio_output_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    image_input_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    image_cached_input_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    image_output_usd_per_mtok: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    per_request_usd: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    per_image_usd: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    per_second_usd: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    per_character_usd: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    per_search_usd: Option<Usd>,
    /// Above so long a prompt the whole call is dearer, by both factors; all three or none.
    long_context_above_tokens: Option<u32>,
    #[schema(value_type = Option<f64>)]
    long_context_input_factor: Option<Number>,
    #[schema(value_type = Option<f64>)]
    long_context_output_factor: Option<Number>,
    #[schema(value_type = Option<f64>)]
    flex_factor: Option<Number>,
    #[schema(value_type = Option<f64>)]
    priority_factor: Option<Number>,
    max_output_tokens: Option<u32>,
    context_tokens: Option<u32>,
}

impl Model {
    fn new(state: &State, view: &ModelView, with_channels: bool) -> Self {
        let model = &view.model;
        let routing = state.routing.of(&model.name);
        let routing = routing.as_deref();
        let million = |of: fn(&Price) -> Option<Money>| {
            model.price.as_ref().and_then(of).map(per_mtok).map(Usd)
        };
        let each = |of: fn(&Price) -> Money| model.price.as_ref().map(of).map(Usd);
        let long = model.price.and_then(|price| price.long_context);
        let (source_url, taken_on) = match &model.source {
            PriceSource::Catalogue { url, taken_on } => (Some(url.clone()), Some(taken_on.clone())),
            PriceSource::Own { .. } | PriceSource::Config { .. } => (None, None),
        };
        let config_file = match &model.source {
            PriceSource::Config { file } => Some(file.clone()),
            PriceSource::Own { .. } | PriceSource::Catalogue { .. } => None,
        };
        let source = match model.source {
            PriceSource::Catalogue { .. } => "catalogue",
            PriceSource::Own { .. } => "own",
            PriceSource::Config { .. } => "config",
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
            cache_write_1h_usd_per_mtok: million(|price| price.cache_write_1h),
            output_usd_per_mtok: million(|price| Some(price.output)),
            reasoning_usd_per_mtok: million(|price| price.reasoning),
            audio_input_usd_per_mtok: million(|price| price.audio.input),
            audio_cached_input_usd_per_mtok: million(|price| price.audio.cached_input),
            audio_output_usd_per_mtok: million(|price| price.audio.output),
            image_input_usd_per_mtok: million(|price| price.image.input),
            image_cached_input_usd_per_mtok: million(|price| price.image.cached_input),
            image_output_usd_per_mtok: million(|price| price.image.output),
            per_request_usd: each(|price| price.per_request),
            per_image_usd: each(|price| price.pieces.image),
            per_second_usd: each(|price| price.pieces.second),
            per_character_usd: each(|price| price.pieces.character),
            per_search_usd: each(|price| price.pieces.search),
            long_context_above_tokens: long.map(|long| long.above),
            long_context_input_factor: long.map(|long| Factor(long.input)),
            long_context_output_factor: long.map(|long| Factor(long.output)),
            flex_factor: model.price.and_then(|price| price.flex).map(Factor),
            priority_factor: model.price.and_then(|price| price.priority).map(Factor),
            max_output_tokens: model.max_output_tokens,
            context_tokens: model.context_tokens,
            source_url,
            taken_on,
            config_file,
            strategy: routing.and_then(|routing| routing.strategy.map(Strategy::as_str)),
            fallbacks: routing
                .map(|routing| routing.fallbacks.clone())
                .unwrap_or_default(),
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

/// A factor on prices, exact both ways.
#[derive(Clone, Copy)]
struct Factor(Multiplier);

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl NewPrice {
    /// Checked, field by field.
    pub(super) fn checked(self) -> Result<OwnPrice, Refusal> {
        Ok(OwnPrice {
            price: self.price()?,
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
        })
    }

    fn price(&self) -> Result<Price, Refusal> {
        let refuse = |field: &str, e: PriceError| {
            Refusal(Error::invalid_field(
                field,
                format!("This price cannot be taken: {e}."),
            ))
        };
        let token =
            |field: &str, usd: Usd| per_token(&usd.0.to_string()).map_err(|e| refuse(field, e));
        let optional = |field: &str, usd: Option<Usd>| usd.map(|usd| token(field, usd)).transpose();
        let each = |usd: Option<Usd>| usd.map_or(Money::ZERO, |usd| usd.0);
        let times = |field: &str,
                     number: &Option<Number>,
                     read: fn(&str) -> Result<Multiplier, PriceError>| {
            let factor = number.as_ref().map(|number| read(&number.to_string()));
            factor.transpose().map_err(|e| refuse(field, e))
        };
        let input = times(
            "long_context_input_factor",
            &self.long_context_input_factor,
            long_factor,
        )?;
        let output = times(
            "long_context_output_factor",
            &self.long_context_output_factor,
            long_factor,
        )?;
        let long_context = match (self.long_context_above_tokens, input, output) {
            (None, None, None) => None,
            (Some(above), Some(input), Some(output)) => Some(LongContext {
                above,
                input,
                output,
            }),
            _ => {
                return Err(Refusal(Error::invalid_field(
                    "long_context_above_tokens",
                    "Give the length above which prompts are dearer and both factors, or none of the three.",
                )));
            }
        };
        Ok(Price {
            input: token("input_usd_per_mtok", self.input_usd_per_mtok)?,
            cached_input: optional("cached_input_usd_per_mtok", self.cached_input_usd_per_mtok)?,
            cache_write: optional("cache_write_usd_per_mtok", self.cache_write_usd_per_mtok)?,
            cache_write_1h: optional(
                "cache_write_1h_usd_per_mtok",
                self.cache_write_1h_usd_per_mtok,
            )?,
            output: token("output_usd_per_mtok", self.output_usd_per_mtok)?,
            reasoning: optional("reasoning_usd_per_mtok", self.reasoning_usd_per_mtok)?,
            audio: MediaPrice {
                input: optional("audio_input_usd_per_mtok", self.audio_input_usd_per_mtok)?,
                cached_input: optional(
                    "audio_cached_input_usd_per_mtok",
                    self.audio_cached_input_usd_per_mtok,
                )?,
                output: optional("audio_output_usd_per_mtok", self.audio_output_usd_per_mtok)?,
            },
            image: MediaPrice {
                input: optional("image_input_usd_per_mtok", self.image_input_usd_per_mtok)?,
                cached_input: optional(
                    "image_cached_input_usd_per_mtok",
                    self.image_cached_input_usd_per_mtok,
                )?,
                output: optional("image_output_usd_per_mtok", self.image_output_usd_per_mtok)?,
            },
            per_request: each(self.per_request_usd),
            pieces: PiecePrice {
                image: each(self.per_image_usd),
                second: each(self.per_second_usd),
                character: each(self.per_character_usd),
                search: each(self.per_search_usd),
            },
            long_context,
            flex: times("flex_factor", &self.flex_factor, factor)?,
            priority: times("priority_factor", &self.priority_factor, factor)?,
        })
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
        .map(|view| Model::new(&state, view, viewer.is_admin()))
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
    let own = body.0.checked()?;
    let view = state.models.set_price(&name, own, &admin.0.actor()).await?;
    Ok(web::Json(Model::new(&state, &view, true)))
}

/// How calls for a model find their channels; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelRoutingPatch {
    /// Null: as the settings say.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<RoutingStrategy>)]
    strategy: Option<Option<RoutingStrategy>>,
    /// At most 10, tried in this order; a key must be allowed to use them.
    fallbacks: Option<Vec<String>>,
}

/// Changes how calls for a model find their channels, effective for the very next call. Its price stays.
#[utoipa::path(
    operation_id = "route_model",patch, path = "/api/models/{name}", tag = "models", params(("name" = String, Path)), request_body = ModelRoutingPatch, responses((status = 200, body = Model), (status = "default", body = ApiError)))]
pub(super) async fn route(
    state: web::Data<State>,
    admin: Admin,
    name: web::Path<String>,
    body: Body<ModelRoutingPatch>,
) -> Result<web::Json<Model>, Refusal> {
    let change = ModelRoutingChange {
        strategy: body.0.strategy.map(|strategy| strategy.map(Into::into)),
        fallbacks: body.0.fallbacks,
    };
    state.routing.set(&name, change, &admin.0.actor()).await?;
    Ok(web::Json(Model::new(
        &state,
        &state.models.show(&name)?,
        true,
    )))
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
