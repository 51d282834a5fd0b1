//! A new master key for all that is sealed: one batch, so that after a crash either everything opens with the old key or
//! everything with the new one. The batch says which: it carries the key's fingerprint.

use super::audit::{self, Actor};
use super::channels::seals_of_channel;
use crate::clock::Clock;
use crate::crypto::MasterKey;
use crate::domain::{Channel, Error, Result, Sealed, Webhook};
use crate::storage::{Batch, Setting, Store};

/// The name of the setting that says which master key sealed what there is, where it was changed once.
const SETTING: &str = "master_key";

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resealed {
    /// How many secrets were sealed anew.
    pub secrets: usize,
    /// The channels and webhooks with secrets that the old key does not open; those are as they were.
    pub unreadable: Vec<String>,
}

/// The fingerprint of the master key that all was sealed with anew; `None`: the key was never changed.
///
/// # Errors
/// When the store cannot be read.
pub fn sealed_with(store: &Store) -> Result<Option<String>> {
    let setting = store.find::<Setting>(SETTING.as_bytes());
    let setting = setting.map_err(Error::internal)?;
    let value = setting.map(|setting| serde_json::from_str(&setting.value));
    value.transpose().map_err(Error::internal)
}

/// Seals everything with another master key, and returns when that is on disk. Nothing else of any record changes.
///
/// # Errors
/// When the store cannot be read or written. Nothing has changed then.
pub fn reseal(
    store: &Store,
    clock: &Clock,
    (old, new): (&MasterKey, &MasterKey),
    actor: &Actor,
) -> Result<Resealed> {
    let (mut done, mut batch) = (Resealed::default(), Batch::new());
    for mut channel in store.load::<Channel>().map_err(Error::internal)? {
        let name = channel.name.clone();
        if done.seal_anew((old, new), seals_of_channel(&mut channel), &name)? {
            batch = batch.put(&channel);
        }
    }
    for mut webhook in store.load::<Webhook>().map_err(Error::internal)? {
        let (place, name) = (webhook.id.as_bytes().to_vec(), webhook.name.clone());
        if done.seal_anew((old, new), vec![(place, &mut webhook.secret)], &name)? {
            batch = batch.put(&webhook);
        }
    }
    let setting = Setting {
        name: SETTING.to_owned(),
        value: serde_json::to_string(new.fingerprint()).map_err(Error::internal)?,
    };
    let target = (new.fingerprint(), "master key");
    let log = audit::entry(clock, actor, "master_key.rekey", target, Vec::new());
    let ticket = store.write(batch.put(&setting).put(&log));
    store.wait_durable(ticket).map_err(Error::internal)?;
    Ok(done)
}

impl Resealed {
    /// Whether any of a record's secrets was sealed anew.
    fn seal_anew(
        &mut self,
        (old, new): (&MasterKey, &MasterKey),
        seals: Vec<(Vec<u8>, &mut Sealed)>,
        name: &str,
    ) -> Result<bool> {
        let (before, all) = (self.secrets, seals.len());
        for (place, sealed) in seals {
            if let Some(secret) = old.open(sealed, &place) {
                *sealed = new.seal(&secret, &place).map_err(Error::internal)?;
                self.secrets += 1;
            }
        }
        let changed = self.secrets - before;
        if changed < all {
            self.unreadable.push(name.to_owned());
        }
        Ok(changed > 0)
    }
}
