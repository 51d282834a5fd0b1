//! Whose fault an error of a provider's is, by its words. A status alone does not tell: an empty account is a 400 at one
//! provider, a limit of the rate at another; a name that the operator got wrong is a 404 as a caller's file is.
//!
//! Words count where only the provider writes: in codes, types and reasons as a whole, in messages where they begin, for what
//! follows may repeat the caller. One caller must not be able to talk a credential out of use.
//!
//! Sources: `ResponseError.code` of openai 3.57.0 and the error types of anthropic 2.14.0 (Python); Gemini API,
//! "Troubleshooting"; google.rpc.ErrorInfo of `googleapis.com`; Azure OpenAI, Bedrock, Mistral, Groq, Moonshot, DashScope,
//! Volcengine, DeepSeek and OpenRouter error references; the servers of llama.cpp, Ollama and vLLM.

use serde_json::Value;

/// Whose fault an error of the provider's is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blame {
    /// The client's: it would be wrong with any candidate, and goes back as the provider said it.
    Client,
    /// The operator's credential or account is refused.
    Credential,
    /// The model is not known by the name that the operator has set up, or the credential may not use it, but perhaps others.
    Model,
    /// The provider limits the rate.
    Limit,
    /// The provider's own.
    Channel,
}

/// What was asked, as far as it tells whom an error is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The provider's name of the model, as it is set up.
    pub(crate) model: &'a str,
    /// What the client sent.
    pub(crate) body: &'a [u8],
}

/// Codes, types and reasons of the operator's account.
const ACCOUNT: [&str; 40] = [
    "invalid_api_key",
    "incorrect_api_key_error",
    "invalid_authentication_error",
    "authentication_error",
    "permission_error",
    "billing_error",
    "insufficient_quota",
    "exceeded_current_quota_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
    "account_suspended",
    "organization_deactivated",
    "deactivated_workspace",
    "access_terminated",
    "access_terminated_error",
    "unsupported_country_region_territory",
    "API_KEY_INVALID",
    "API_KEY_EXPIRED",
    "API_KEY_SERVICE_BLOCKED",
    "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_IP_ADDRESS_BLOCKED",
    "CONSUMER_INVALID",
    "CONSUMER_SUSPENDED",
    "SERVICE_DISABLED",
    "BILLING_DISABLED",
    "USER_PROJECT_DENIED",
    "ACCESS_TOKEN_EXPIRED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "Arrearage",
    "InvalidApiKey",
    "AccessDenied",
    "AccessDenied.Unpurchased",
    "AccountOverdueError",
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "AccessDeniedException",
];

/// How messages of it begin.
const ACCOUNT_WORDS: [&str; 14] = [
    "your credit balance is too low",
    "you have reached your specified api usage limits",
    "this organization has been disabled",
    "your organization has been disabled",
    "your account is not active",
    "your account has been deactivated",
    "billing hard limit has been reached",
    "incorrect api key provided",
    "invalid api key",
    "api key not valid",
    "api key expired",
    "api key not found",
    "user location is not supported",
    "country, region, or territory not supported",
];

/// Codes of a model that is not known by the name that is set up, or not to be used.
const MODEL: [&str; 13] = [
    "model_not_found",
    "model_not_available",
    "model_decommissioned",
    "invalid_model",
    "unknown_model",
    "DeploymentNotFound",
    "ModelNotFound",
    "ModelNotOpen",
    "Model.AccessDenied",
    "InvalidEndpointOrModel.NotFound",
    "InvalidEndpointOrModel.ModelIDAccessDisabled",
    "resource_not_found_error",
    "ModelNotReadyException",
];

/// How messages of it begin where they do not repeat its name.
const MODEL_WORDS: [&str; 7] = [
    "the provided model identifier is invalid",
    "model not exist",
    "model does not exist",
    "you don't have access to the model with the specified model id",
    "model use case details have not been submitted",
    "the api deployment for this resource does not exist",
    "invocation of model id",
];

/// What is said of a model's name.
const UNKNOWN: [&str; 13] = [
    "not found",
    "does not exist",
    "doesn't exist",
    "not exist",
    "not a valid model",
    "invalid model",
    "unknown model",
    "try pulling",
    "have access",
    "has been deprecated",
    "has been decommissioned",
    "has been retired",
    "no longer available",
];

/// Codes and types of what the caller sent. Those of images have their beginnings in [`is_the_callers`].
const CALLER: [&str; 28] = [
    "invalid_request_error",
    "invalid_prompt",
    "bio_policy",
    "cyber_policy",
    "misalignment_policy_violation",
    "content_policy_violation",
    "content_filter",
    "data_inspection_failed",
    "DataInspectionFailed",
    "moderation_blocked",
    "context_length_exceeded",
    "exceed_context_size_error",
    "request_too_large",
    "string_above_max_length",
    "previous_response_not_found",
    "unsupported_parameter",
    "unsupported_value",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "not_supported_error",
    "not_found_error",
    "BadRequestError",
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "ValidationException",
];

/// How messages of it begin, whatever their status.
const CALLER_WORDS: [&str; 8] = [
    "you do not have permission to access the file",
    "cachedcontent not found",
    "input is too large to process",
    "image input is not supported",
    "audio input is not supported",
    "video input is not supported",
    "[json.exception.",
    "this server does not support embeddings",
];

/// What is said of an input that was flagged.
const FLAGGED: [&str; 5] = [
    "flagged_input",
    "input was flagged",
    "moderation",
    "content_policy",
    "content_filter",
];

const LIMIT: [&str; 8] = [
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached_error",
    "slow_down",
    "RESOURCE_EXHAUSTED",
    "ThrottlingException",
    "Throttling",
    "Throttling.RateQuota",
];

const OWN: [&str; 16] = [
    "server_error",
    "api_error",
    "overloaded_error",
    "engine_overloaded_error",
    "timeout_error",
    "vector_store_timeout",
    "data_residency_mismatch",
    "internal_error",
    "InternalServerError",
    "UNAVAILABLE",
    "INTERNAL",
    "DEADLINE_EXCEEDED",
    "ABORTED",
    "UNKNOWN",
    "InternalServerException",
    "ServiceUnavailableException",
];

/// What an error says, wherever its provider writes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Words {
    /// Its codes, types and reasons.
    names: Vec<String>,
    /// Its message.
    message: String,
    /// The HTTP status that it carries.
    status: Option<u16>,
}

/// What is told, or the first of several: Google wraps its errors in an array where a stream was asked for.
pub(crate) fn first(read: &Value) -> Option<&Value> {
    match read.as_array() {
        Some(several) => several.first(),
        None => Some(read),
    }
}

impl Words {
    /// Reads a body or an event; `None`: it is no JSON that tells of an error.
    pub(crate) fn read(said: &[u8]) -> Option<Self> {
        let read: Value = serde_json::from_slice(said).ok()?;
        let told = first(&read)?;
        let within = told.get("response").unwrap_or(told);
        let error = match within.get("error").filter(|error| !error.is_null()) {
            Some(error) => error,
            None => told,
        };
        let mut words = Self::default();
        if let Some(text) = error.as_str() {
            text.clone_into(&mut words.message);
        }
        for object in [error, told] {
            for name in ["code", "type", "status", "__type"] {
                match object.get(name) {
                    Some(Value::String(name)) => words.name(name),
                    Some(Value::Number(number)) if words.status.is_none() => {
                        words.status = number.as_u64().and_then(|n| u16::try_from(n).ok());
                    }
                    Some(_) | None => {}
                }
            }
            for name in ["message", "Message", "detail"] {
                if let Some(text) = object.get(name).and_then(Value::as_str)
                    && words.message.is_empty()
                {
                    text.clone_into(&mut words.message);
                }
            }
        }
        let details = error.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten() {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                words.name(reason);
            }
        }
        words.status = words.status.filter(|status| (400..600).contains(status));
        let says = !words.message.is_empty() || !words.names.is_empty();
        says.then_some(words)
    }

    /// A name, which AWS writes with that of its service before it.
    fn name(&mut self, name: &str) {
        let own = name.rsplit('#').next().unwrap_or(name);
        self.names.push(own.to_owned());
    }

    fn is_one_of(&self, known: &[&str]) -> bool {
        self.names.iter().any(|name| known.contains(&name.as_str()))
    }

    fn begins(&self, known: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        known.iter().any(|words| message.starts_with(words))
    }

    /// Its message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The account's. Bedrock says the same word of a model that was not asked for.
    fn is_the_accounts(&self) -> bool {
        self.is_one_of(&ACCOUNT) || self.begins(&ACCOUNT_WORDS)
    }

    /// The name of the model's, and not that of something else which the caller named.
    fn is_the_models(&self, asked: Asked<'_>) -> bool {
        if self.begins(&MODEL_WORDS) {
            return true;
        }
        let message = self.message.to_lowercase();
        let model = asked.model.to_lowercase();
        let named = !model.is_empty() && has_word(&message, &model);
        if self.is_one_of(&["not_found_error"]) && message.starts_with("model:") {
            return named || !self.is_about_the_callers(asked);
        }
        if self.is_about_the_callers(asked) {
            return false;
        }
        self.is_one_of(&MODEL)
            || named
                && (message.contains("model") || message.contains("deployment"))
                && UNKNOWN.iter().any(|words| message.contains(words))
    }

    /// It quotes something that the caller named, beside the model.
    fn is_about_the_callers(&self, asked: Asked<'_>) -> bool {
        let quoted = self.message.split(['"', '\'', '`']).skip(1).step_by(2);
        quoted.into_iter().any(|piece| {
            piece != asked.model
                && piece.len() > 1
                && memchr::memmem::find(asked.body, format!("\"{piece}\"").as_bytes()).is_some()
                && !piece.eq_ignore_ascii_case("model")
        })
    }

    fn is_the_callers(&self) -> bool {
        let image = |name: &String| name.starts_with("image_") || name.starts_with("invalid_image");
        self.is_one_of(&CALLER)
            || self.begins(&CALLER_WORDS)
            || self
                .names
                .iter()
                .any(|name| image(name) || name == "invalid_base64_image")
    }

    fn is_flagged(&self) -> bool {
        let message = self.message.to_lowercase();
        let says = |words: &&str| {
            message.contains(*words) || self.names.iter().any(|name| name.contains(*words))
        };
        FLAGGED.iter().any(says)
    }
}

/// Reads whose fault an error is; `status`: that of its answer, `None`: a good one.
pub(crate) fn blame(status: Option<u16>, said: &[u8], asked: Asked<'_>) -> Blame {
    let Some(words) = Words::read(said) else {
        return match status {
            // What says nothing of a file or a name is no such route: the address that is set up is wrong.
            Some(404 | 405) => Blame::Channel,
            _ => by_status(status),
        };
    };
    let status = status.or(words.status);
    if words.begins(&CALLER_WORDS) {
        return Blame::Client;
    }
    if status.is_none_or(|status| status < 500) {
        if status == Some(403) && words.is_flagged() {
            return Blame::Client;
        }
        if matches!(status, None | Some(400 | 403 | 404 | 422)) && words.is_the_models(asked) {
            return Blame::Model;
        }
        if words.is_the_accounts() {
            return Blame::Credential;
        }
    } else if matches!(status, Some(500 | 501 | 505)) && words.is_the_callers()
        || matches!(words.status, Some(400 | 413 | 422))
    {
        // Some servers call it 500 what the caller got wrong; none calls it overloaded or out of reach.
        return Blame::Client;
    }
    match status {
        Some(_) => by_status(status),
        None if words.is_one_of(&OWN) => Blame::Channel,
        None if words.is_one_of(&LIMIT) => Blame::Limit,
        None if words.is_the_callers() => Blame::Client,
        None => Blame::Channel,
    }
}

fn by_status(status: Option<u16>) -> Blame {
    match status {
        Some(401 | 402 | 403 | 407) => Blame::Credential,
        Some(429) => Blame::Limit,
        Some(408 | 421 | 424 | 425) => Blame::Channel,
        // What is not there, or not in this version: it will not be a moment later.
        Some(400..=499 | 501 | 505) => Blame::Client,
        Some(_) | None => Blame::Channel,
    }
}

/// Whether a text has this name in it, and not as a part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text
            .get(at + found.len()..)
            .and_then(|behind| behind.chars().next());
        !before.is_some_and(goes_on) && !behind.is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests;
