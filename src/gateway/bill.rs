//! What a call has used so far, and the duty to settle it: exactly once, on every way out, with the provider's numbers where
//! it gave any and a tokenizer's where it did not.

use std::sync::Arc;

use bytes::Bytes;

use super::dialect::Written;
use super::estimate;
use crate::domain::{CallStatus, Code, Error, Model, Money, Multiplier, Result, Usage};
use crate::state::{Draft, OpenCall};

/// The bill of a call in flight. Dropped before it is settled, it means that the client went away.
pub(crate) struct Bill {
    /// Taken when it is settled: there is no second time.
    open: Option<OpenCall>,
    tab: Tab,
}

/// What the amount depends on.
#[derive(Default)]
struct Tab {
    model: Option<Arc<Model>>,
    multiplier: Option<Multiplier>,
    request: Bytes,
    /// The provider has accepted the request (status 2xx): from then on the prompt counts.
    accepted: bool,
    /// The provider's numbers.
    usage: Option<Usage>,
    /// What the model wrote since the provider last gave numbers.
    written: Written,
}

impl Bill {
    pub(crate) fn new(open: OpenCall, model: Option<Arc<Model>>, request: Bytes) -> Self {
        let mut bill = Self {
            open: Some(open),
            tab: Tab {
                model,
                request,
                ..Tab::default()
            },
        };
        let free = bill.tab.cost(None);
        bill.draft(|draft| draft.cost = free);
        bill
    }

    /// Adds to what will be written down.
    pub(crate) fn draft(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(open) = &mut self.open {
            change(open.draft());
        }
    }

    /// The call, while it is open.
    pub(crate) fn open(&self) -> Option<&OpenCall> {
        self.open.as_ref()
    }

    /// The provider behind a channel with this multiplier has accepted the request.
    pub(crate) fn accept(&mut self, multiplier: Multiplier) {
        self.tab.accepted = true;
        self.tab.multiplier = Some(multiplier);
    }

    /// The answer could not be used and nothing of it went to the client: it costs nothing.
    pub(crate) fn waive(&mut self) {
        self.tab.accepted = false;
        self.tab.usage = None;
    }

    /// Where text that the model wrote is collected.
    pub(crate) fn written(&mut self) -> &mut Written {
        &mut self.tab.written
    }

    /// The provider's numbers for all that was written so far.
    pub(crate) fn report(&mut self, usage: Usage) {
        self.tab.usage = Some(usage);
        self.tab.written = Written::default();
    }

    /// Settles, and waits until that is on disk.
    pub(crate) async fn settle(mut self, status: CallStatus, error: Option<Code>) -> Result<()> {
        let Some((mut open, tab)) = self.close(status, error) else {
            return Ok(());
        };
        if let Some(usage) = tab.known() {
            tab.fill(&mut open, usage);
            return open.settle().await;
        }
        let counted = tokio::task::spawn_blocking(move || {
            let usage = tab.count();
            tab.fill(&mut open, usage);
            open
        });
        counted.await.map_err(Error::internal)?.settle().await
    }

    /// Settles; the disk may take its time. Once: a second call does nothing.
    pub(crate) fn settle_detached(&mut self, status: CallStatus, error: Option<Code>) {
        let Some((mut open, tab)) = self.close(status, error) else {
            return;
        };
        if let Some(usage) = tab.known() {
            tab.fill(&mut open, usage);
            drop(open);
            return;
        }
        // Should the count never come to run, because the gateway stops, the guess stands.
        let guess = tab.guess();
        tab.fill(&mut open, guess);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || {
                let usage = tab.count();
                tab.fill(&mut open, usage);
                drop(open);
            });
        }
    }

    fn close(&mut self, status: CallStatus, error: Option<Code>) -> Option<(OpenCall, Tab)> {
        let mut open = self.open.take()?;
        let draft = open.draft();
        draft.status = status;
        draft.error_code = error;
        Some((open, std::mem::take(&mut self.tab)))
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.settle_detached(CallStatus::Cancelled, None);
    }
}

impl Tab {
    /// The usage, if no tokenizer is needed to know it.
    fn known(&self) -> Option<Usage> {
        if !self.accepted {
            return Some(Usage::default());
        }
        self.usage.filter(|_| self.written.bytes() == 0)
    }

    /// The usage with what a tokenizer counts. Slow.
    fn count(&self) -> Usage {
        let model = self.model.as_ref().map_or("", |model| model.name.as_str());
        self.with(|request, written| estimate::count(model, request, written))
    }

    fn guess(&self) -> Usage {
        self.with(estimate::guess)
    }

    fn with(&self, estimate: impl FnOnce(&[u8], &Written) -> Usage) -> Usage {
        match self.usage {
            None => estimate(&self.request, &self.written),
            Some(reported) => {
                let beyond = estimate(&[], &self.written);
                Usage {
                    completion: reported.completion.saturating_add(beyond.completion),
                    estimated: true,
                    ..reported
                }
            }
        }
    }

    /// What it costs; `None`: not priced. Without usage: nothing.
    fn cost(&self, usage: Option<&Usage>) -> Option<Money> {
        let price = self.model.as_ref()?.price?;
        Some(match usage {
            Some(usage) if self.accepted => {
                price.cost(usage, self.multiplier.unwrap_or(Multiplier::ONE))
            }
            _ => Money::ZERO,
        })
    }

    fn fill(&self, open: &mut OpenCall, usage: Usage) {
        let cost = self.cost(Some(&usage));
        let draft = open.draft();
        draft.usage = usage;
        draft.cost = cost;
    }
}
