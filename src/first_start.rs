//! What a first start makes: the admin of the environment, an `echo` channel to try the whole loop with, and a channel for
//! each provider whose credential is in the environment.

use std::collections::BTreeMap;

use crate::config::{Bootstrap, ProviderCredential};
use crate::domain::{
    ChannelKind, ChannelStatus, CostSource, Error, Multiplier, Quota, RateLimit, Result, Role,
};
use crate::state::{
    Actor, CallingChange, GivenCredential, NewAccount, NewChannel, State, catalogue,
};

/// Makes what is missing; does nothing on a later start.
///
/// # Errors
/// When it cannot be written, or the environment's admin cannot be taken.
pub async fn prepare(state: &State, bootstrap: Bootstrap) -> Result<()> {
    let actor = Actor::system();
    if let Some((username, password)) = bootstrap.admin.filter(|_| state.accounts.is_empty()) {
        state
            .accounts
            .create(
                NewAccount {
                    username,
                    password,
                    role: Role::Admin,
                    quota: Quota::default(),
                    rate_limit: RateLimit::default(),
                    balance_low_usd: None,
                },
                &actor,
            )
            .await
            .map_err(|error| Error {
                message: format!(
                    "REAL200_ADMIN_USERNAME and REAL200_ADMIN_PASSWORD make no admin: {}",
                    error.message
                ),
                ..error
            })?;
    }
    if state.channels.is_empty() {
        state.channels.create(echo(), &actor).await?;
        for provider in bootstrap.providers {
            state.channels.create(channel(provider), &actor).await?;
        }
    }
    Ok(())
}

fn echo() -> NewChannel {
    NewChannel {
        name: "echo".to_owned(),
        kind: ChannelKind::Echo,
        base_url: String::new(),
        api_version: None,
        credentials: Vec::new(),
        models: vec!["echo".to_owned()],
        model_map: BTreeMap::new(),
        priority: 0,
        weight: 1,
        price_multiplier: Multiplier::ONE,
        cost_source: CostSource::Catalogue,
        calling: CallingChange::default(),
        status: ChannelStatus::Active,
    }
}

fn channel(provider: ProviderCredential) -> NewChannel {
    NewChannel {
        name: provider.name.to_owned(),
        kind: provider.kind,
        base_url: provider.base_url,
        credentials: vec![GivenCredential::Entered(provider.credential)],
        models: catalogue::names_of(provider.provider),
        ..echo()
    }
}
