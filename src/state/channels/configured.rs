//! Channels of the configuration: made, changed and deleted as its file says, and found again by their names.

use std::sync::{Arc, PoisonError};

use super::super::audit::{self, Actor};
use super::Channels;
use super::calling::CallingChange;
use super::change::{ChannelChange, NewChannel};
use super::upstream::Ready;
use crate::domain::{ChannelSource, Code, Error, Proxy, Result};

/// What is told of a change to what the configuration says.
pub(in crate::state) fn conflict(file: &str) -> Error {
    Error::new(
        Code::Conflict,
        format!(
            "This is set in the configuration file {file}. Change it there and start the gateway again."
        ),
    )
}

impl Channels {
    /// Makes the channels of the configuration what its file says. One that is no longer there is deleted; one that comes back
    /// has its former id. Channels of other names, and those that an admin made, stay as they are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn configure(&self, file: &str, wanted: Vec<NewChannel>) -> Result<()> {
        let names: Vec<String> = wanted.iter().map(|new| new.name.clone()).collect();
        for new in wanted {
            self.configure_one(file, new).await?;
        }
        let all = self.0.all.load_full();
        for ready in all.values() {
            let channel = &ready.channel;
            let is_configured = matches!(channel.source, ChannelSource::Config { .. });
            if is_configured && channel.deleted_at.is_none() && !names.contains(&channel.name) {
                let log = audit::entry(
                    &self.0.clock,
                    &Actor::configuration(),
                    "channel.delete",
                    (channel.id, &channel.name),
                    Vec::new(),
                );
                self.put(self.deleted(channel), log).await?;
            }
        }
        Ok(())
    }

    async fn configure_one(&self, file: &str, new: NewChannel) -> Result<()> {
        let source = ChannelSource::Config {
            file: file.to_owned(),
        };
        let put = {
            let _changing = self
                .0
                .changing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let known = self.configured(&new.name);
            let (channel, action, changes) = match &known {
                Some(known) => {
                    let action = match known.channel.deleted_at {
                        None => "channel.update",
                        Some(_) => "channel.create",
                    };
                    let (mut channel, differences) = self.changed(known, change_to(known, new))?;
                    channel.source = source;
                    channel.deleted_at = None;
                    (channel, action, differences.into_changes())
                }
                None => {
                    let mut channel = self.made(new)?;
                    channel.source = source;
                    (channel, "channel.create", Vec::new())
                }
            };
            if known.is_some_and(|known| *known.channel == channel) {
                return Ok(());
            }
            let actor = Actor::configuration();
            let target = (channel.id, channel.name.clone());
            let log = audit::entry(&self.0.clock, &actor, action, target, changes);
            self.put(channel, log)
        };
        put.await.map(drop)
    }

    /// The channel of the configuration with this name, if there is or was one.
    fn configured(&self, name: &str) -> Option<Arc<Ready>> {
        let all = self.0.all.load();
        let mut same = all.values().filter(|ready| {
            ready.channel.name == name
                && matches!(ready.channel.source, ChannelSource::Config { .. })
        });
        same.next().cloned()
    }
}

/// The change that makes a channel what is wanted. A secret that is the same keeps its seal.
fn change_to(known: &Ready, new: NewChannel) -> ChannelChange {
    let (old, given) = (&known.channel, new.calling);
    let upstream = known.upstream(None);
    let mut headers = given.headers;
    for (name, value) in upstream
        .map(|upstream| upstream.headers())
        .unwrap_or_default()
    {
        match headers.get(name) {
            Some(Some(given)) if given == value => drop(headers.remove(name)),
            Some(_) => {}
            None => drop(headers.insert(name.clone(), None)),
        }
    }
    let is_same_proxy = |text: &str| {
        let known = upstream.and_then(|upstream| upstream.proxy());
        let given = Proxy::parse(text).ok();
        known.is_some_and(|proxy| given.as_ref() == Some(proxy.as_ref()))
    };
    let proxy = given.proxy.filter(|proxy| match proxy {
        Some(text) => !is_same_proxy(text),
        None => old.calling.proxy.is_some(),
    });
    ChannelChange {
        name: None,
        kind: Some(new.kind),
        base_url: Some(new.base_url),
        api_version: Some(new.api_version),
        credentials: Some(new.credentials),
        models: Some(new.models),
        model_map: Some(new.model_map),
        priority: Some(new.priority),
        weight: Some(new.weight),
        price_multiplier: Some(new.price_multiplier),
        cost_source: Some(new.cost_source),
        calling: CallingChange {
            headers,
            proxy,
            timeouts: given.timeouts,
            overrides: given.overrides,
        },
        status: Some(new.status),
    }
}
