//! What a call has used so far, and the duty to settle it: exactly once, on every way out, with the provider's numbers where
//! it gave any and a tokenizer's where it did not. What a provider reports is booked, unless it cannot be
//! ([`crate::gateway::plausible`]); what is counted here never comes to more than was set aside.

mod parts;

use std::sync::Arc;

use bytes::Bytes;

use super::allowance::{Allowance, Count};
use super::dialect::{Report, Written};
use super::estimate::{self, Encoding};
use super::plausible::Limits;
use super::request::Request;
use super::tariff::Tariff;
use super::words;
use crate::domain::{
    AttemptStatus, CallStatus, Code, CostSource, Error, Model, Money, Multiplier, Pieces, Result,
    Usage,
};
use crate::state::{Candidate, Draft, Models, OpenCall, Timeouts, Upstream};
use parts::{Priced, Prices};

/// The bill of a call in flight. Dropped before it is settled, it means that the client went away.
pub(crate) struct Bill {
    /// Taken when it is settled: there is no second time.
    open: Option<OpenCall>,
    tab: Tab,
    /// The channel to the provider that has accepted the request, and its name of the model.
    upstream: Option<Arc<Upstream>>,
    upstream_model: String,
    /// The prices of models that serve parts of it.
    models: Models,
}

/// What the amount depends on.
#[derive(Default)]
struct Tab {
    tariff: Tariff,
    /// How the model that answers cuts text into tokens, where it is known.
    encoding: Option<Encoding>,
    request: Bytes,
    /// What the request alone tells of what is used, beside prompt and words.
    asked: Usage,
    /// The provider has accepted the request (status 2xx): from then on the prompt counts.
    accepted: bool,
    /// Whether the provider's own dollars are booked where it tells any.
    by_provider: bool,
    /// The model that was asked for, and what the numbers of the one that answers can be.
    model: Option<Arc<Model>>,
    limits: Limits,
    /// All that the provider has said, put together.
    reported: Report,
    /// The provider's numbers.
    usage: Option<Usage>,
    /// Their parts that are priced each by itself, with their prices.
    parts: Vec<Priced>,
    /// What the model wrote since the provider last gave numbers.
    written: Written,
    /// How much more it may write before that has to be counted.
    allowance: Allowance,
}

impl Bill {
    /// How long to wait for the provider that answers, where for all it is so long.
    pub(crate) fn timeouts(&self, all: Timeouts) -> Timeouts {
        let upstream = self.upstream.as_ref();
        upstream.map_or(all, |upstream| upstream.timeouts(all))
    }

    pub(crate) fn new(
        open: OpenCall,
        model: Option<Arc<Model>>,
        request: &Request,
        models: &Models,
    ) -> Self {
        let tariff = Tariff {
            price: model.as_ref().and_then(|model| model.price),
            multiplier: Multiplier::ONE,
            ceiling: open.ceiling(),
        };
        let mut bill = Self {
            open: Some(open),
            upstream: None,
            upstream_model: String::new(),
            models: models.clone(),
            tab: Tab {
                model,
                tariff,
                request: request.body.clone(),
                asked: Usage {
                    tier: request.scan.tier,
                    ..request.scan.guess
                },
                ..Tab::default()
            },
        };
        let free = bill.tab.tariff.price.map(|_| Money::ZERO);
        bill.draft(|draft| draft.cost = free);
        bill
    }

    /// Adds to what will be written down.
    pub(crate) fn draft(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(open) = &mut self.open {
            change(open.draft());
        }
    }

    /// The last attempt, which had an answer, came to nothing in the end.
    pub(crate) fn fail_attempt(&mut self, status: AttemptStatus, words: &str) {
        self.draft(|draft| {
            if let Some(attempt) = draft.attempts.last_mut() {
                attempt.status = status;
                attempt.error = Some(words.to_owned());
            }
        });
    }

    /// The same, for what the provider said in the middle of its answer.
    pub(crate) fn fail_attempt_as_said(&mut self, said: &[u8]) {
        let said = self.without_secrets(Bytes::copy_from_slice(said));
        self.fail_attempt(AttemptStatus::ProviderError, &words::words(&said));
    }

    /// The same, for an answer that cannot be read, as its reader said.
    pub(crate) fn break_attempt(&mut self, words: String) {
        let words = words::scrubbed(words, self.secrets());
        self.fail_attempt(AttemptStatus::BrokenAnswer, &words);
    }

    /// What the provider said without the operator's secrets, should it repeat them.
    pub(crate) fn without_secrets(&self, said: Bytes) -> Bytes {
        words::scrub(said, self.secrets())
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        let upstreams = self.upstream.iter();
        upstreams.flat_map(|upstream| upstream.secrets())
    }

    /// The call, while it is open.
    pub(crate) fn open(&self) -> Option<&OpenCall> {
        self.open.as_ref()
    }

    /// The provider behind this channel has accepted the request, for its model of that name.
    /// Where it serves in another's place, its own price holds.
    pub(crate) fn accept(&mut self, candidate: &Candidate, upstream_model: &str) {
        let upstream = &candidate.upstream;
        self.tab.accepted = true;
        let model = match &candidate.fallback {
            None => self.tab.model.as_deref(),
            Some(fallback) => fallback.model.as_deref(),
        };
        let price = model.and_then(|model| model.price);
        if let Some(open) = &self.open {
            self.tab.limits = Limits::new(open.opened().reserved, open.prompt_tokens(), model);
        }
        self.tab.tariff.price = price;
        self.tab.by_provider = upstream.channel.cost_source == CostSource::Provider;
        self.tab.reported = Report::default();
        let served = candidate
            .fallback
            .as_ref()
            .map(|fallback| fallback.name.clone());
        self.draft(|draft| draft.served_model = served);
        self.tab.tariff.multiplier = upstream.channel.price_multiplier;
        self.upstream = Some(Arc::clone(upstream));
        upstream_model.clone_into(&mut self.upstream_model);
        self.tab.encoding = estimate::encoding(upstream_model);
        if let Some(open) = &self.open {
            self.tab.allowance = Allowance::after_prompt(Usage {
                prompt: open.prompt_tokens(),
                ..self.tab.asked
            });
        }
    }

    /// Whether what was written could by now have come to what is set aside, so that the stream must wait for a count.
    pub(crate) fn must_wait(&mut self, choices: u64) -> bool {
        let exact = self.counts_exactly(choices);
        let tab = &mut self.tab;
        if !tab.allowance.is_used_up(&tab.tariff, &tab.written) {
            return false;
        }
        let counted = tab
            .allowance
            .count_quickly(&tab.tariff, tab.encoding, exact, &tab.written);
        let Some(allowance) = counted else {
            return true;
        };
        tab.allowance = allowance;
        false
    }

    /// Pieces of several answers are mixed, so that their tokens are no model's.
    fn counts_exactly(&self, choices: u64) -> bool {
        self.tab.encoding.is_some() && choices <= 1
    }

    /// The counting of what was written so far. Slow: not for a worker thread.
    pub(crate) fn counting(&self, choices: u64) -> impl FnOnce() -> Count + Send + use<> {
        let tab = &self.tab;
        let (tariff, encoding, allowance) = (tab.tariff, tab.encoding, tab.allowance);
        let (request, written) = (tab.request.clone(), tab.written.clone());
        let exact = self.counts_exactly(choices);
        move || {
            let prompt = || estimate::prompt(encoding, &request);
            allowance.count(&tariff, encoding, exact, &written, prompt)
        }
    }

    /// Takes over a count; whether the stream may go on.
    pub(crate) fn counted(&mut self, count: Count) -> bool {
        let (goes_on, allowance) = count.into_allowance();
        self.tab.allowance = allowance;
        goes_on
    }

    /// The stream ends here, at what is set aside; gives what it has used.
    pub(crate) fn cut_off(&mut self) -> Usage {
        let usage = self.tab.within(self.tab.allowance.usage());
        self.tab.usage = Some(usage);
        self.tab.written = Written::default();
        usage
    }

    /// The answer could not be used and nothing of it went to the client: it costs nothing.
    pub(crate) fn waive(&mut self) {
        self.tab.accepted = false;
        self.tab.tariff.price = self.tab.model.as_ref().and_then(|model| model.price);
        self.tab.reported = Report::default();
        self.tab.usage = None;
        self.tab.parts = Vec::new();
    }

    /// Where text that the model wrote is collected.
    pub(crate) fn written(&mut self) -> &mut Written {
        &mut self.tab.written
    }

    /// The answer holds so much of what is billed by the piece, or about so much; none: it does not say.
    pub(crate) fn deliver(&mut self, pieces: Pieces, exactly: bool) {
        if pieces != Pieces::default() {
            self.tab.asked.pieces = pieces;
            self.tab.asked.estimated &= !exactly;
        }
    }

    /// The provider's numbers, of all so far. Without a word on the prompt, or with nothing but zeros, all is counted here.
    pub(crate) fn report(&mut self, report: Report) {
        let counted = report.says_output();
        self.tab.reported.merge(report);
        let Some(usage) = self.tab.reported.usage() else {
            return;
        };
        if self.tab.reported.is_empty() {
            // What was guessed until it said that it is nothing.
            self.tab.usage = self.tab.usage.filter(|usage| !usage.estimated);
            return;
        }
        let usage = self.kept_long(usage);
        let parts = self.tab.reported.parts();
        let told = usage.pieces != Pieces::default();
        let usage = Usage {
            // Providers that bill by the piece do not always say how many: the request does.
            pieces: if told {
                usage.pieces
            } else {
                self.tab.asked.pieces
            },
            ..usage
        };
        let tab = &self.tab;
        let usage = tab
            .limits
            .hold(usage, parts.len(), &tab.asked.pieces, &tab.tariff);
        self.tab.parts = if usage.implausible {
            Vec::new()
        } else {
            let prices = self.prices();
            parts.into_iter().map(|part| prices.of(part)).collect()
        };
        self.tab.usage = Some(usage);
        if counted {
            self.tab.written = Written::default();
            self.tab.allowance = Allowance::after_report(usage);
        }
    }

    /// What was written to the cache, where the provider does not say for how long: for the longest time that the request, or
    /// our translation of it, asked for.
    fn kept_long(&self, usage: Usage) -> Usage {
        let asks = |ttl: &[u8]| memchr::memmem::find(&self.tab.request, ttl).is_some();
        if !self.tab.reported.leaves_out_how_long() || !(asks(b"\"12h\"") || asks(b"\"1h\"")) {
            return usage;
        }
        // Claude's caches know an hour, OpenAI's twelve; the translation makes one of the other.
        if self.upstream_model.contains("claude") {
            Usage {
                cache_write_1h: usage.cache_write,
                ..usage
            }
        } else {
            Usage {
                cache_write_12h: usage.cache_write,
                ..usage
            }
        }
    }

    /// The provider says in a header at which tier it served.
    pub(crate) fn served_at(&mut self, tier: &str) {
        self.tab.reported.merge(Report::at_tier(tier));
    }

    /// The prices that its parts may have.
    fn prices(&self) -> Prices<'_> {
        Prices {
            serves: self.tab.tariff.price,
            served_by: &self.upstream_model,
            upstream: self.upstream.as_deref(),
            models: &self.models,
        }
    }

    /// What has been used as far as it shows from here, until the provider reports; no more than is set aside.
    pub(crate) fn guess(&mut self, usage: Usage) {
        let guess = Usage {
            estimated: true,
            ..usage
        };
        self.tab.usage = Some(self.tab.tariff.within(guess, None));
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
        if self.usage.is_none()
            && self.written.bytes() == 0
            && self.reported.usage().is_some()
            && self.reported.is_empty()
        {
            // Nothing was used, and nothing came.
            return Some(Usage {
                pieces: self.asked.pieces,
                tier: self.reported.usage().unwrap_or_default().tier,
                ..Usage::default()
            });
        }
        if self.usage.is_none() && self.tariff.price.is_some_and(|price| price.is_by_piece()) {
            // Its tokens say nothing of its cost, and nobody has counted them.
            return Some(Usage {
                pieces: self.asked.pieces,
                tier: self.asked.tier,
                estimated: self.asked.estimated,
                ..Usage::default()
            });
        }
        self.usage.filter(|_| self.written.bytes() == 0)
    }

    /// The usage with what a tokenizer counts. Slow.
    fn count(&self) -> Usage {
        let written = estimate::text(self.encoding, &self.written, 0);
        self.within(self.with(|| estimate::prompt(self.encoding, &self.request), written))
    }

    fn guess(&self) -> Usage {
        let guess = estimate::guess(&self.request, &self.written);
        self.within(self.with(|| guess.prompt, guess.completion))
    }

    /// What the provider reported, else the prompt, and what was written beyond.
    fn with(&self, prompt: impl FnOnce() -> u64, written: u64) -> Usage {
        let base = self.usage.unwrap_or_else(|| Usage {
            prompt: prompt().saturating_add(self.asked.prompt),
            pieces: self.asked.pieces.max(self.reported.made()),
            ..self.asked
        });
        Usage {
            completion: base.completion.saturating_add(written),
            estimated: true,
            ..base
        }
    }

    /// What is counted here comes to no more than is set aside; what the provider reported stands.
    fn within(&self, counted: Usage) -> Usage {
        self.tariff.within(counted, self.usage.as_ref())
    }

    fn fill(&self, open: &mut OpenCall, usage: Usage) {
        let parts = parts::with_rest(self.parts.clone(), &usage, self.tariff.price);
        let cost = if self.accepted {
            usage
                .reported_cost
                .filter(|_| self.by_provider)
                .or_else(|| parts::cost(&self.tariff, &usage, &parts))
        } else {
            self.tariff.price.map(|_| Money::ZERO)
        };
        let draft = open.draft();
        draft.usage = usage;
        draft.parts = parts.into_iter().map(|(part, _)| part).collect();
        draft.cost = cost;
    }
}
