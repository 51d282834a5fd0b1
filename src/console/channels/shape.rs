//! Channels as the API shows and takes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::calling::{self, ChannelTimeouts, Headers};
use super::fields::{
    address, api_version, channel_name, credentials, model_map, models, multiplier, status, weight,
};
use crate::console::accounts::Status;
use crate::console::body::nullable;
use crate::console::channel_health::{ChannelCredential, ChannelHealth};
use crate::console::refusal::Refusal;
use crate::console::tally::Tally;
use crate::domain::{self, ChannelStatus, Error, Multiplier};
use crate::state::{
    CallingChange, ChannelChange as Change, ChannelView, CredentialState as Credential,
    NewChannel as New,
};

/// A connection to a provider; its credential is never returned.
#[derive(Serialize, ToSchema)]
pub(in crate::console) struct Channel {
    pub(super) id: String,
    pub(super) name: String,
    #[schema(value_type = ChannelKind)]
    pub(super) kind: &'static str,
    /// Empty for kind `echo`.
    pub(super) base_url: String,
    /// The version of the provider's interface; null: the usual one.
    #[schema(required)]
    pub(super) api_version: Option<String>,
    #[schema(value_type = CredentialState)]
    pub(super) credential_state: &'static str,
    /// Its credentials, used in turn; empty: the provider needs none.
    pub(super) credentials: Vec<ChannelCredential>,
    pub(super) models: Vec<String>,
    /// Public name to the provider's own.
    pub(super) model_map: BTreeMap<String, String>,
    /// Higher is tried first.
    pub(super) priority: i32,
    /// Share among channels of one priority.
    pub(super) weight: u32,
    #[schema(value_type = f64)]
    pub(super) price_multiplier: Box<RawValue>,
    /// Whose dollars are booked for its calls.
    #[schema(value_type = CostSource)]
    pub(super) cost_source: &'static str,
    /// Headers that every request gets, with the end of each value.
    pub(super) headers: BTreeMap<String, String>,
    /// The proxy without its password; null: none.
    #[schema(required)]
    pub(super) proxy: Option<String>,
    pub(super) timeouts: ChannelTimeouts,
    /// Fields that go to the provider in place of the client's; null takes one out.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub(super) overrides: Map<String, Value>,
    #[schema(value_type = Status)]
    pub(super) status: &'static str,
    #[schema(value_type = ChannelSource)]
    pub(super) source: &'static str,
    /// The configuration file that sets it; null: it can be changed here.
    #[schema(required)]
    pub(super) config_file: Option<String>,
    pub(super) created_at: String,
    pub(super) health: ChannelHealth,
    /// What it has served, ever.
    pub(super) usage: Tally,
}

/// Which provider interface a channel speaks.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::console) enum ChannelKind {
    #[serde(rename = "openai")]
    OpenAi,
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    Anthropic,
    Gemini,
    Vertex,
    Bedrock,
    Ollama,
    Echo,
}

impl From<ChannelKind> for domain::ChannelKind {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::OpenAi => Self::OpenAi,
            ChannelKind::AzureOpenAi => Self::AzureOpenAi,
            ChannelKind::Anthropic => Self::Anthropic,
            ChannelKind::Gemini => Self::Gemini,
            ChannelKind::Vertex => Self::Vertex,
            ChannelKind::Bedrock => Self::Bedrock,
            ChannelKind::Ollama => Self::Ollama,
            ChannelKind::Echo => Self::Echo,
        }
    }
}

/// Who says what a channel is: an admin, or the configuration.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(in crate::console) enum ChannelSource {
    Own,
    Config,
}

/// Whether a channel's secrets can be used; `unreadable`: all credentials, a header or the proxy were sealed with another
/// master key, enter them again.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands in the API's description")]
pub(in crate::console) enum CredentialState {
    None,
    Sealed,
    Unreadable,
}

impl Channel {
    pub(super) fn new(view: &ChannelView) -> Result<Self, Refusal> {
        let channel = &view.channel;
        Ok(Self {
            id: channel.id.to_string(),
            name: channel.name.clone(),
            kind: channel.kind.as_str(),
            base_url: channel.base_url.clone(),
            api_version: channel.api_version.clone(),
            credential_state: match view.credential {
                Credential::None => "none",
                Credential::Sealed => "sealed",
                Credential::Unreadable => "unreadable",
            },
            credentials: view
                .credentials
                .iter()
                .map(ChannelCredential::from)
                .collect(),
            models: channel.models.clone(),
            model_map: channel.model_map.clone(),
            priority: channel.priority,
            weight: channel.weight,
            price_multiplier: RawValue::from_string(channel.price_multiplier.to_string())
                .map_err(Error::internal)?,
            cost_source: channel.cost_source.as_str(),
            headers: view.calling.headers.clone(),
            proxy: view.calling.proxy.clone(),
            timeouts: channel.calling.timeouts.into(),
            overrides: calling::shown(&channel.calling.overrides)?,
            status: match channel.status {
                ChannelStatus::Active => "active",
                ChannelStatus::Disabled => "disabled",
            },
            source: match channel.source {
                domain::ChannelSource::Own => "own",
                domain::ChannelSource::Config { .. } => "config",
            },
            config_file: match &channel.source {
                domain::ChannelSource::Own => None,
                domain::ChannelSource::Config { file } => Some(file.clone()),
            },
            created_at: channel.created_at.to_string(),
            health: ChannelHealth::from(&view.health),
            usage: Tally::from(&view.tally),
        })
    }
}

/// All channels, the first to be tried first.
#[derive(Serialize, ToSchema)]
pub(in crate::console) struct Channels {
    pub(super) items: Vec<Channel>,
    pub(super) total: usize,
}

/// What a channel is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct NewChannel {
    pub(super) name: String,
    pub(super) kind: ChannelKind,
    /// Default: where the kind's own provider is; required for `azure-openai`, `vertex`
    /// (`https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}`) and `bedrock`
    /// (`https://bedrock-runtime.{region}.amazonaws.com`).
    pub(super) base_url: Option<String>,
    /// The version of the provider's interface (`azure-openai`, and where Claude is spoken to: `anthropic`, `vertex`, `bedrock`).
    /// Default: the usual one.
    pub(super) api_version: Option<String>,
    /// Stored sealed, never returned. For `vertex` a service account's JSON key, an API key or an access token; for `bedrock`
    /// `ACCESS_KEY_ID:SECRET`, `ACCESS_KEY_ID:SECRET:SESSION_TOKEN` or an API key.
    #[schema(value_type = Option<String>)]
    pub(super) credential: Option<Zeroizing<String>>,
    /// In place of `credential` where there are several, used in turn.
    pub(super) credentials: Option<Vec<NewCredential>>,
    pub(super) models: Vec<String>,
    #[serde(default)]
    #[schema(required = false)]
    pub(super) model_map: BTreeMap<String, String>,
    /// Default 0.
    pub(super) priority: Option<i32>,
    /// Default 1.
    pub(super) weight: Option<u32>,
    /// Default 1.
    #[schema(value_type = Option<f64>)]
    pub(super) price_multiplier: Option<Number>,
    /// Default `catalogue`.
    pub(super) cost_source: Option<CostSource>,
    /// Headers that every request gets; stored sealed, shown masked. `Host`, `Authorization` and what belongs to the
    /// connection or the body cannot be set.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, Option<String>>)]
    pub(super) headers: Headers,
    /// `http://host:port` or `http://user:password@host:port`; stored sealed.
    #[schema(value_type = Option<String>)]
    pub(super) proxy: Option<Zeroizing<String>>,
    #[serde(default)]
    #[schema(required = false)]
    pub(super) timeouts: ChannelTimeouts,
    /// Fields that go to the provider in place of the client's; null takes one out. Not in multipart bodies.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, Value>)]
    pub(super) overrides: Map<String, Value>,
    pub(super) status: Option<Status>,
}

impl NewChannel {
    /// Checked, field by field.
    pub(in crate::console) fn checked(self) -> Result<New, Refusal> {
        Ok(New {
            name: channel_name(&self.name)?,
            kind: self.kind.into(),
            base_url: address(self.kind.into(), self.base_url.as_deref())?,
            api_version: self.api_version.as_deref().map_or(Ok(None), api_version)?,
            credentials: credentials(
                self.kind.into(),
                self.credential.map(Some),
                self.credentials,
            )?
            .unwrap_or_default(),
            models: models(&self.models)?,
            model_map: model_map(self.model_map)?,
            priority: self.priority.unwrap_or(0),
            weight: weight(self.weight.unwrap_or(1))?,
            price_multiplier: self
                .price_multiplier
                .as_ref()
                .map_or(Ok(Multiplier::ONE), multiplier)?,
            cost_source: self.cost_source.map(Into::into).unwrap_or_default(),
            calling: CallingChange {
                headers: calling::headers(self.headers)?,
                proxy: Some(calling::proxy(self.proxy)?),
                timeouts: Some(self.timeouts.checked()?),
                overrides: Some(calling::overrides(&self.overrides)?),
            },
            status: self.status.map_or(ChannelStatus::Active, status),
        })
    }
}

/// Whose dollars are booked for a call.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CostSource {
    /// What the catalogue's price makes of its usage.
    Catalogue,
    /// What the provider says that it cost, as it stands; where it says nothing, the catalogue's.
    Provider,
}

impl From<CostSource> for domain::CostSource {
    fn from(source: CostSource) -> Self {
        match source {
            CostSource::Catalogue => Self::Catalogue,
            CostSource::Provider => Self::Provider,
        }
    }
}

/// What to change; a field that is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct ChannelChange {
    pub(super) name: Option<String>,
    pub(super) kind: Option<ChannelKind>,
    pub(super) base_url: Option<String>,
    /// Null: the usual one.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) api_version: Option<Option<String>>,
    /// Null: none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub(super) credential: Option<Option<Zeroizing<String>>>,
    /// In place of `credential`: all that it is to have from now on, used in turn; none: an empty list.
    pub(super) credentials: Option<Vec<NewCredential>>,
    pub(super) models: Option<Vec<String>>,
    pub(super) model_map: Option<BTreeMap<String, String>>,
    pub(super) priority: Option<i32>,
    pub(super) weight: Option<u32>,
    #[schema(value_type = Option<f64>)]
    pub(super) price_multiplier: Option<Number>,
    pub(super) cost_source: Option<CostSource>,
    /// Sets the headers that are there, takes those out that are null, and leaves the others.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, Option<String>>)]
    pub(super) headers: Headers,
    /// Null: none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub(super) proxy: Option<Option<Zeroizing<String>>>,
    /// All of them.
    pub(super) timeouts: Option<ChannelTimeouts>,
    /// All of them.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    pub(super) overrides: Option<Map<String, Value>>,
    pub(super) status: Option<Status>,
}

impl ChannelChange {
    /// Checked, field by field; `old` is the kind of the channel that is changed.
    pub(super) fn checked(self, old: domain::ChannelKind) -> Result<Change, Refusal> {
        let kind = self.kind.map_or(old, Into::into);
        // A channel whose kind changes is with another provider: its address goes with it, unless a new one is given.
        let moves = self.base_url.is_some() || old != kind;
        let address = moves
            .then(|| address(kind, self.base_url.as_deref()))
            .transpose()?;
        let api_version = |text: Option<String>| text.as_deref().map_or(Ok(None), api_version);
        let overrides = self.overrides.as_ref().map(calling::overrides);
        Ok(Change {
            name: self.name.map(|text| channel_name(&text)).transpose()?,
            kind: Some(kind),
            base_url: address,
            api_version: self.api_version.map(api_version).transpose()?,
            credentials: credentials(kind, self.credential, self.credentials)?,
            models: self.models.map(|list| models(&list)).transpose()?,
            model_map: self.model_map.map(model_map).transpose()?,
            priority: self.priority,
            weight: self.weight.map(weight).transpose()?,
            price_multiplier: self.price_multiplier.as_ref().map(multiplier).transpose()?,
            cost_source: self.cost_source.map(Into::into),
            calling: CallingChange {
                headers: calling::headers(self.headers)?,
                proxy: self.proxy.map(calling::proxy).transpose()?,
                timeouts: self.timeouts.map(ChannelTimeouts::checked).transpose()?,
                overrides: overrides.transpose()?,
            },
            status: self.status.map(status),
        })
    }
}

/// A credential that a channel is to have: its text, or the id of one that it has.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::console) enum NewCredential {
    /// Stored sealed, never returned. One that the channel has already stays as it is.
    Entered(String),
    /// One that stays.
    Kept {
        /// Its id.
        id: String,
    },
}

/// What to test with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct NewChannelTest {
    /// Default: the channel's first.
    pub(super) model: Option<String>,
    /// The id of one of the channel's credentials. Default: its first.
    pub(super) credential: Option<String>,
}

/// What came of a test call.
#[derive(Serialize, ToSchema)]
pub(in crate::console) struct ChannelTest {
    pub(super) ok: bool,
    /// The provider's status; null: none came.
    #[schema(required)]
    pub(super) http_status: Option<u16>,
    pub(super) latency_ms: u64,
    pub(super) model: String,
    /// As the provider said it.
    #[schema(required)]
    pub(super) error: Option<String>,
    /// The body of the provider's error, its first 8 KiB; null: none came.
    #[schema(required)]
    pub(super) body: Option<String>,
}
