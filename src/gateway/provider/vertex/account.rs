//! The exchange of a service account's key for an access token: a signed statement goes to the token service that the key names
//! (RFC 7523, section 2.1).
//! Reference: Google Identity, "Using OAuth 2.0 for Server to Server Applications".

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::crypto::RsaKey;
use crate::domain::{AttemptStatus, ServiceAccount, Timestamp};
use crate::gateway::provider::answer::Outgoing;
use crate::gateway::provider::http;
use crate::gateway::words::{cut, words};
use crate::state::{AccessToken, Denied, Upstream};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// `urn:ietf:params:oauth:grant-type:jwt-bearer`, as a form has it.
const GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
/// So long the statement holds, in seconds: the most that Google takes.
const HOLDS: i64 = 3_600;
/// So long a token lasts whose service does not say, in seconds.
const LASTS: u64 = 3_600;
/// The most that is read of an answer, in bytes.
const MOST_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Given {
    access_token: Zeroizing<String>,
    expires_in: Option<u64>,
}

/// Asks for a token, over the channel's way and within its times.
pub(super) async fn token(
    upstream: &Arc<Upstream>,
    account: &ServiceAccount,
    outgoing: &Outgoing<'_>,
) -> Result<AccessToken, Denied> {
    let statement = statement(account, outgoing.now)?;
    let form = format!("grant_type={GRANT}&assertion={statement}");
    let (url, timeouts) = (account.token_uri.clone(), outgoing.timeouts);
    let answer = http::post_form(upstream, url, form, timeouts)
        .await
        .map_err(|failure| Denied {
            status: failure.status,
            words: format!("no access token: {}", failure.words),
            refused: false,
        })?;
    let status = answer.status;
    let body = answer.body.read_up_to(MOST_BYTES, timeouts.idle).await;
    if !status.is_success() {
        return Err(denied(status, &body));
    }
    let given: Given = serde_json::from_slice(&body).map_err(|_| Denied {
        status: AttemptStatus::BrokenAnswer,
        words: "no access token: the token service's answer holds none".to_owned(),
        refused: false,
    })?;
    Ok(AccessToken {
        text: given.access_token,
        lasts: Duration::from_secs(given.expires_in.unwrap_or(LASTS)),
    })
}

/// Who asks for what, signed (RFC 7515, section 7.1).
fn statement(account: &ServiceAccount, now: Timestamp) -> Result<String, Denied> {
    let refused = |words: String| Denied {
        status: AttemptStatus::ProviderError,
        words,
        refused: true,
    };
    let key = RsaKey::from_pem(&account.private_key)
        .map_err(|error| refused(format!("the service account's private_key: {error}")))?;
    let now = now.as_millis() / 1_000;
    let mut head = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &account.private_key_id {
        head["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": account.client_email, "scope": SCOPE, "aud": account.token_uri,
        "iat": now, "exp": now.saturating_add(HOLDS),
    });
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&head), encode(&claims));
    let signature = key.rs256(signed.as_bytes()).map_err(|error| Denied {
        status: AttemptStatus::ConnectFailed,
        words: error.to_string(),
        refused: false,
    })?;
    Ok(format!(
        "{signed}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    ))
}

/// What a token service says that gives none (RFC 6749, section 5.2).
fn denied(status: StatusCode, body: &[u8]) -> Denied {
    #[derive(Deserialize)]
    struct Said {
        error: String,
        error_description: Option<String>,
    }
    let said = match serde_json::from_slice(body) {
        Ok(Said {
            error,
            error_description: Some(description),
        }) => format!("{error}: {description}"),
        Ok(Said { error, .. }) => error,
        Err(_) => words(body),
    };
    // What may pass, passes.
    let refused = status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
    let what = if refused {
        "the token service refused the service account"
    } else {
        "no access token"
    };
    Denied {
        status: AttemptStatus::ProviderError,
        words: cut(format!("{what} with status {}: {said}", status.as_u16())),
        refused,
    }
}
