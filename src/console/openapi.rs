//! `/openapi.json`: the description of every route, made from the handlers themselves. The console's client is generated from it.

use actix_web::HttpResponse;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi as Document};

use super::{
    accounts, audit, calls, channels, correction, endpoint, export, keys, models, session,
    settings, usage, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        session::needed,
        session::set_up,
        session::log_in,
        session::who_am_i,
        session::log_out,
        session::change_password,
        keys::list,
        keys::create,
        keys::show,
        keys::update,
        keys::rotate,
        keys::delete,
        calls::list,
        calls::show,
        correction::correct,
        export::export,
        usage::report,
        accounts::list,
        accounts::create,
        accounts::show,
        accounts::own,
        accounts::update,
        accounts::top_up,
        accounts::delete,
        channels::list,
        channels::create,
        channels::show,
        channels::update,
        channels::delete,
        channels::test,
        channels::discovery::of_channel,
        channels::discovery::of_draft,
        models::list,
        models::set,
        models::route,
        models::clear,
        webhooks::list,
        webhooks::create,
        webhooks::show,
        webhooks::update,
        webhooks::delete,
        webhooks::test,
        webhooks::deliveries,
        webhooks::resend,
        settings::show,
        settings::update,
        audit::list,
        v1::chat_completions,
        v1::completions,
        v1::embeddings,
        v1::responses,
        v1::messages,
        v1::count_tokens,
        v1::generate_content,
        v1::stream_generate_content,
        v1::gemini_count_tokens,
        v1::embed_content,
        v1::batch_embed_contents,
        v1::gemini_models,
        v1::gemini_model,
        v1::realtime,
        v1::moderations,
        v1::rerank,
        v1::image_generations,
        v1::image_edits,
        v1::speech,
        v1::transcriptions,
        v1::translations,
        v1::models,
        v1::model,
        v1::balance,
        v1::user_info,
        v1::usage,
    ),
    components(schemas(
        keys::KeyCondition,
        keys::Hint,
        keys::KeyStatus,
        accounts::Role,
        accounts::Status,
        calls::CallStatus,
        channels::ChannelKind,
        channels::ChannelSource,
        channels::CredentialState,
        endpoint::Endpoint,
        super::channel_health::ChannelCredentialState,
        super::channel_health::ChannelHealthState,
        models::ModelSource,
        webhooks::WebhookEvent,
        webhooks::DeliveryStatus
    ))
)]
struct Description;

/// The data plane's routes as the providers describe them; here only so that they can be found.
mod v1 {
    macro_rules! describe {
        ($($(#[$doc:meta])* $name:ident $method:ident $path:literal;)*) => {$(
            $(#[$doc])*
            #[utoipa::path($method, path = $path, operation_id = concat!("gateway_", stringify!($name)), tag = "gateway", security(("api_key" = [])), responses((status = 200, body = serde_json::Value)))]
            #[expect(dead_code, reason = "stands for a route of the data plane in the API's description")]
            pub(super) fn $name() {}
        )*};
    }

    describe! {
        /// Chat, streamed or not. Request and answer as OpenAI describes them.
        chat_completions post "/v1/chat/completions";
        /// Text completion, streamed or not. Request and answer as OpenAI describes them.
        completions post "/v1/completions";
        /// Embeddings. Request and answer as OpenAI describes them.
        embeddings post "/v1/embeddings";
        /// Responses, streamed or not. Request and answer as OpenAI describes them.
        responses post "/v1/responses";
        /// Messages, streamed or not. Request and answer as Anthropic describes them.
        messages post "/v1/messages";
        /// The tokens of a request for a message. Request and answer as Anthropic describes them.
        count_tokens post "/v1/messages/count_tokens";
        /// Content. Request and answer as Google describes them.
        generate_content post "/v1beta/models/{model}:generateContent";
        /// Content, streamed. Request and answer as Google describes them.
        stream_generate_content post "/v1beta/models/{model}:streamGenerateContent";
        /// The tokens of a request for content. Request and answer as Google describes them.
        gemini_count_tokens post "/v1beta/models/{model}:countTokens";
        /// An embedding. Request and answer as Google describes them.
        embed_content post "/v1beta/models/{model}:embedContent";
        /// Several embeddings. Request and answer as Google describes them.
        batch_embed_contents post "/v1beta/models/{model}:batchEmbedContents";
        /// The models that this key may use, as Google lists them.
        gemini_models get "/v1beta/models";
        /// One of them.
        gemini_model get "/v1beta/models/{model}";
        /// Moderations. Request and answer as OpenAI describes them.
        moderations post "/v1/moderations";
        /// Images, streamed or not. Request and answer as OpenAI describes them.
        image_generations post "/v1/images/generations";
        /// Images made from images, streamed or not: a form with files. Request and answer as OpenAI describes them.
        image_edits post "/v1/images/edits";
        /// What is said in a recording, streamed or not: a form with a file. Request and answer as OpenAI describes them.
        transcriptions post "/v1/audio/transcriptions";
        /// The same in English.
        translations post "/v1/audio/translations";
        /// Speech, as bytes or as events. Request and answer as OpenAI describes them.
        speech post "/v1/audio/speech";
        /// Documents in the order in which they fit a query. Request and answer are the provider's.
        rerank post "/v1/rerank";
        /// A realtime session: a WebSocket of events as OpenAI describes them; the model is a query parameter.
        realtime get "/v1/realtime";
        /// The models that this key may use, as the provider lists them whose SDK asks: OpenAI, Anthropic or Google.
        models get "/v1/models";
        /// One of them.
        model get "/v1/models/{model}";
        /// What this key and its account have left.
        balance get "/v1/balance";
        /// The same, with who they are.
        user_info get "/v1/dashboard/user/info";
        /// What this key has used.
        usage get "/v1/usage";
    }
}

/// The whole document.
pub(super) fn document() -> Document {
    let mut document = Description::openapi();
    document.info = Info::new("Real200", env!("CARGO_PKG_VERSION"));
    document.servers = None;
    let components = document.components.get_or_insert_with(Components::new);
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("real200_session")));
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("sk-real200-…")
            .build(),
    );
    components.add_security_scheme("session", cookie);
    components.add_security_scheme("api_key", bearer);
    document
}

/// Serves the document.
pub(super) async fn serve() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

#[cfg(test)]
mod tests {
    /// The console's client is generated from `ui/openapi.json`; `UPDATE_OPENAPI=1 cargo test openapi` writes it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    fn the_checked_in_document_is_not_stale() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/openapi.json");
        let document = serde_json::to_string_pretty(&super::document()).unwrap() + "\n";
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            document == checked_in,
            "ui/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test openapi, then npm run api in ui/"
        );
    }
}
