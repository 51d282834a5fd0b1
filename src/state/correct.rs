//! Setting right what a call was booked at: the ledger's entry, and the budgets that it is booked on.

use crate::domain::{Booking, Call, CallId, Error, Opened, Result};

use super::State;
use super::audit::Actor;
use super::write;

impl State {
    /// Corrects a call: totals and quotas follow, the call shows both, and the audit log who and why.
    ///
    /// # Errors
    /// `not_found` for a call that is not in the log; what `change` says; `api_error` when it cannot be written.
    pub async fn correct_call(
        &self,
        id: CallId,
        actor: Actor,
        reason: String,
        change: impl FnOnce(&Call) -> Result<Booking> + Send + 'static,
    ) -> Result<()> {
        let (ledger, keys, accounts) = (
            self.ledger.clone(),
            self.keys.clone(),
            self.accounts.clone(),
        );
        let budgets = move |opened: &Opened| {
            let account = accounts.entry(opened.account_id);
            let key = keys.entry(opened.key_id);
            let key = key.map(|entry| entry.budget.clone());
            account
                .map(|entry| entry.budget.clone())
                .into_iter()
                .chain(key)
                .collect()
        };
        let work = move || ledger.correct(id, &actor, reason, change, budgets);
        let ticket = tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::internal)??;
        write(&self.store, ticket).await
    }
}
