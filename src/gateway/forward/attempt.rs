//! One try at a candidate, in the call's record.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::clock::Tick;
use crate::domain::{Attempt, AttemptStatus, Endpoint};
use crate::gateway::bill::Bill;
use crate::gateway::words::cut;
use crate::state::{State, Upstream};

/// One try, noted as cancelled until it has ended: that is how it ended if the client goes away in the middle.
pub(super) struct Try {
    started: Tick,
}

impl Try {
    pub(super) fn begin(
        state: &State,
        upstream: &Upstream,
        wire: Endpoint,
        model: &str,
        bill: &mut Bill,
    ) -> Self {
        let channel_id = upstream.channel.id;
        bill.draft(|draft| {
            draft.channel_id = Some(channel_id);
            draft.upstream_model = Some(model.to_owned());
            draft.attempts.push(Attempt {
                channel_id,
                credential: upstream.credential_number(),
                endpoint: wire,
                status: AttemptStatus::Cancelled,
                http_status: None,
                latency_us: 0,
                error: None,
            });
        });
        Self {
            started: state.clock.tick(),
        }
    }

    pub(super) fn started(&self) -> Tick {
        self.started
    }

    pub(super) fn end(
        self,
        state: &State,
        bill: &mut Bill,
        status: AttemptStatus,
        http_status: Option<StatusCode>,
        error: Option<String>,
    ) -> Duration {
        let latency_us = state.clock.tick().micros_since(self.started);
        bill.draft(|draft| {
            if let Some(attempt) = draft.attempts.last_mut() {
                attempt.status = status;
                attempt.http_status = http_status.map(|status| status.as_u16());
                attempt.latency_us = latency_us;
                attempt.error = error.map(cut);
            }
        });
        Duration::from_micros(latency_us)
    }
}
