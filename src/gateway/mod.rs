//! The data plane: `/v1 …`. `pipeline` is the path of a call; the other files are its steps, in their order, and the
//! routes that are no calls.

mod accept;
mod admission;
mod allowance;
mod array;
mod arrival;
mod bill;
mod carry;
mod content_type;
mod count;
pub mod dialect;
mod discovery;
mod errors;
pub mod estimate;
mod forward;
mod headers;
mod hops;
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
mod waits;
mod watch;
mod whole;
mod words;

use actix_web::http::Method;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub use discovery::discovery;
pub use probe::probe;

use crate::domain::Endpoint;
use crate::resource::{self, Methods};
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
        // No HEAD: there is nothing of a WebSocket to see without opening it.
        .service(at("/v1/realtime").only(Method::GET, realtime::open));
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
        .service(at("/v1beta/models").get(standing::models))
        .service(at("/v1beta/models/{model:.+}").get(standing::model))
        .service(at("/v1/models").get(standing::models))
        // A model's name may hold slashes.
        .service(at("/v1/models/{model:.+}").get(standing::model))
        .service(at("/v1/balance").get(standing::balance))
        .service(at("/v1/dashboard/user/info").get(standing::user_info))
        .service(at("/v1/usage").get(standing::usage))
        .service(at("/healthz").get(ops::healthz))
        .service(at("/readyz").get(ops::readyz))
        .service(at("/metrics").get(ops::metrics))
        .default_service(web::to(errors::no_route));
}

fn call(path: &str, endpoint: Endpoint) -> Methods {
    let handler = move |state: Data<State>,
                        request: HttpRequest,
                        payload: Payload|
          -> std::pin::Pin<Box<dyn Future<Output = HttpResponse>>> {
        Box::pin(pipeline::call(endpoint, state, request, payload))
    };
    at(path).post(handler)
}

/// What the Gemini dialect asks of a model: its name stands in the path, and may hold slashes and colons.
fn gemini(version: &str, method: &str, endpoint: Endpoint) -> Methods {
    call(
        &format!("/{version}/models/{{model:.+}}:{method}"),
        endpoint,
    )
}

fn at(path: &str) -> Methods {
    resource::at(path, errors::wrong_method)
}
