//! The credentials of clouds, looked at before they are sealed: what is mistyped shows here and not at the first call.

use actix_web::http::Uri;

use crate::console::refusal::Refusal;
use crate::crypto::RsaKey;
use crate::domain::{AwsCredential, ChannelKind, Error, GoogleCredential};

/// Whether a credential has a form that the kind knows.
pub(super) fn check(kind: ChannelKind, credential: &str) -> Result<(), Refusal> {
    let refuse = |words: String| Err(Error::invalid_field("credential", words).into());
    match kind {
        ChannelKind::Vertex => match GoogleCredential::read(credential) {
            None => refuse("This JSON is no service account's key: paste the whole file, with private_key, client_email and token_uri.".to_owned()),
            Some(GoogleCredential::ServiceAccount(account)) => {
                if let Err(error) = RsaKey::from_pem(&account.private_key) {
                    return refuse(format!("The private_key in it cannot be used: {error}."));
                }
                let uri: Option<Uri> = account.token_uri.parse().ok();
                if uri.is_none_or(|uri| !matches!(uri.scheme_str(), Some("http" | "https"))) {
                    return refuse("The token_uri in it is no address.".to_owned());
                }
                Ok(())
            }
            Some(GoogleCredential::ApiKey(_) | GoogleCredential::AccessToken(_)) => Ok(()),
        },
        ChannelKind::Bedrock if AwsCredential::read(credential).is_none() => refuse("Write an access key as ACCESS_KEY_ID:SECRET, a temporary one as ACCESS_KEY_ID:SECRET:SESSION_TOKEN, or a Bedrock API key; @REGION behind the former where the base URL names none.".to_owned()),
        ChannelKind::Bedrock
        | ChannelKind::OpenAi
        | ChannelKind::AzureOpenAi
        | ChannelKind::Anthropic
        | ChannelKind::Gemini
        | ChannelKind::Ollama
        | ChannelKind::Echo => Ok(()),
    }
}
