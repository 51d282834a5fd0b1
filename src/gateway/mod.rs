//! The data plane: `/v1 …`. `pipeline` is the path of a call; the other files are its steps, in their order, and the
//! routes that are no calls.

mod accept;
mod admission;
mod allowance;
mod array;
mod arrival;
mod bill;
mod carry;
mod count;
pub mod dialect;
mod discovery;
mod errors;
pub mod estimate;
mod forward;
mod headers;
mod media;
mod members;
mod meter;
mod miss;
mod ops;
mod overrides;
mod passing;
mod pipeline;
mod plausible;
mod probe;
mod provider;
mod realtime;
pub mod request;
pub mod rewrite;
mod silence;
pub mod sse;
mod standing;
mod tariff;
mod upload;
mod watch;
mod words;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};

pub use discovery::discovery;
pub use probe::probe;

use crate::domain::Endpoint;
use crate::state::State;

/// Mounts everything of the data plane.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(call("/v1/chat/completions", Endpoint::Chat))
        .service(call("/v1/completions", Endpoint::Completions))
        .service(call("/v1/embeddings", Endpoint::Embeddings))
        .service(call("/v1/responses", Endpoint::Responses))
        .service(call("/v1/moderations", Endpoint::Moderations))
        .service(call("/v1/rerank", Endpoint::Rerank))
        .service(call("/v1/images/generations", Endpoint::Images))
        .service(call("/v1/images/edits", Endpoint::ImageEdits))
        .service(call("/v1/audio/speech", Endpoint::Speech))
        .service(call("/v1/audio/transcriptions", Endpoint::Transcriptions))
        .service(call("/v1/audio/translations", Endpoint::Translations))
        .service(call("/v1/messages", Endpoint::Messages))
        .service(call("/v1/messages/count_tokens", Endpoint::CountTokens))
        .service(get("/v1/realtime").route(web::get().to(realtime::open)));
    // Google's SDKs ask for either version, the newer ones for v1.
    for version in ["v1beta", "v1"] {
        config
            .service(gemini(
                version,
                "generateContent",
                Endpoint::GenerateContent,
            ))
            .service(gemini(
                version,
                "streamGenerateContent",
                Endpoint::GenerateContent,
            ))
            .service(gemini(version, "countTokens", Endpoint::CountTokens))
            .service(gemini(version, "embedContent", Endpoint::EmbedContent))
            .service(gemini(
                version,
                "batchEmbedContents",
                Endpoint::EmbedContent,
            ));
    }
    config
        .service(get("/v1beta/models").route(web::get().to(standing::models)))
        .service(get("/v1beta/models/{model:.+}").route(web::get().to(standing::model)))
        .service(get("/v1/models").route(web::get().to(standing::models)))
        // A model's name may hold slashes.
        .service(get("/v1/models/{model:.+}").route(web::get().to(standing::model)))
        .service(get("/v1/balance").route(web::get().to(standing::balance)))
        .service(get("/v1/dashboard/user/info").route(web::get().to(standing::user_info)))
        .service(get("/v1/usage").route(web::get().to(standing::usage)))
        .route("/healthz", web::get().to(ops::healthz))
        .route("/readyz", web::get().to(ops::readyz))
        .route("/metrics", web::get().to(ops::metrics))
        .default_service(web::to(errors::no_route));
}

fn call(path: &str, endpoint: Endpoint) -> Resource {
    let handler = move |state: Data<State>,
                        request: HttpRequest,
                        payload: Payload|
          -> std::pin::Pin<Box<dyn Future<Output = HttpResponse>>> {
        Box::pin(pipeline::call(endpoint, state, request, payload))
    };
    get(path).route(web::post().to(handler))
}

/// What the Gemini dialect asks of a model: its name stands in the path, and may hold slashes and colons.
fn gemini(version: &str, method: &str, endpoint: Endpoint) -> Resource {
    call(
        &format!("/{version}/models/{{model:.+}}:{method}"),
        endpoint,
    )
}

/// A resource whose other methods are refused in words.
fn get(path: &str) -> Resource {
    web::resource(path).default_service(web::to(errors::wrong_method))
}
