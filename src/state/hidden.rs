//! What providers add to prompts: a system prompt of their own, a template, a tokenizer that is finer than the estimate. Seen
//! when a provider reports a longer prompt than was set aside, and set aside from then on.
//!
//! By public model name, the most seen; kept across restarts, and forgotten when the model's price is set or cleared, because
//! then an operator has looked at the model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::domain::{Error, ModelName, Result};
use crate::storage::{Batch, Setting, Store};

/// Settings of this prefix hold a number of tokens each; the model's name follows.
const PREFIX: &str = "hidden_prompt_tokens/";
/// No provider adds more; a larger number is a mistake of its, which must not make the model unusable.
const MOST: u64 = 1_000_000;

/// Tokens that providers add to prompts, by model.
#[derive(Clone)]
pub(super) struct HiddenPrompts(Arc<Inner>);

struct Inner {
    store: Store,
    /// Replaced as a whole at each change: calls read it without a lock.
    by_model: ArcSwap<HashMap<ModelName, u64>>,
    changing: Mutex<()>,
}

impl HiddenPrompts {
    pub(super) fn load(store: Store) -> Result<Self> {
        let settings = store.load::<Setting>().map_err(Error::internal)?;
        let known = settings.into_iter().filter_map(|setting| {
            let model = setting.name.strip_prefix(PREFIX)?.to_owned();
            Some((model, setting.value.parse().ok()?))
        });
        Ok(Self(Arc::new(Inner {
            by_model: ArcSwap::from_pointee(known.collect()),
            store,
            changing: Mutex::default(),
        })))
    }

    /// How many tokens are added to this model's prompts.
    pub(super) fn of(&self, model: &str) -> u64 {
        self.0.by_model.load().get(model).copied().unwrap_or(0)
    }

    /// A prompt had `excess` tokens more than the `set_aside` ones that were known of. Nobody waits for the disk: what a crash
    /// makes forgotten is learnt again from the next call.
    pub(super) fn learn(&self, model: &str, set_aside: u64, excess: u64) {
        let added = set_aside.saturating_add(excess).min(MOST);
        let _changing = self.lock();
        if added <= self.of(model) {
            return;
        }
        tracing::warn!(
            model,
            added,
            "the provider counts more prompt tokens than were set aside; from now on so many more are"
        );
        self.change(|all| {
            all.insert(model.to_owned(), added);
        });
        let _ = self.0.store.write(Batch::new().put(&Setting {
            name: format!("{PREFIX}{model}"),
            value: added.to_string(),
        }));
    }

    /// Forgets what was learnt of a model.
    pub(super) fn forget(&self, model: &str) {
        let _changing = self.lock();
        if self.of(model) == 0 {
            return;
        }
        self.change(|all| {
            all.remove(model);
        });
        let _ = self
            .0
            .store
            .write(Batch::new().delete::<Setting>(format!("{PREFIX}{model}")));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<ModelName, u64>)) {
        let mut all = HashMap::clone(&self.0.by_model.load());
        change(&mut all);
        self.0.by_model.store(Arc::new(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Options;

    fn open(dir: &std::path::Path) -> Store {
        Store::open(dir, Options::default(), &mut |_| {}).unwrap()
    }

    #[test]
    fn the_most_that_was_seen_is_kept_across_a_restart_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let hidden = HiddenPrompts::load(store.clone()).unwrap();
        assert_eq!(hidden.of("m"), 0);
        hidden.learn("m", 0, 40);
        hidden.learn("m", 40, 5);
        hidden.learn("m", 0, 30);
        hidden.learn("odd", 0, u64::MAX);
        assert_eq!((hidden.of("m"), hidden.of("odd")), (45, MOST));
        store.close().unwrap();

        let store = open(dir.path());
        let hidden = HiddenPrompts::load(store.clone()).unwrap();
        assert_eq!((hidden.of("m"), hidden.of("other")), (45, 0));
        hidden.forget("m");
        store.close().unwrap();

        let store = open(dir.path());
        assert_eq!(HiddenPrompts::load(store.clone()).unwrap().of("m"), 0);
        store.close().unwrap();
    }
}
