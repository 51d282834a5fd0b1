//! Operations: is it alive, can it take calls, what has it counted. Read without a key.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::state::State;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// `GET /readyz`: calls can be taken.
pub(crate) async fn readyz(state: Data<State>) -> HttpResponse {
    match state.failure() {
        None => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ready\n"),
        Some(why) => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body(format!("{why}\n")),
    }
}

/// `GET /metrics`: all counters (OpenMetrics 1.0 text).
pub(crate) async fn metrics(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(state.metrics())
}
