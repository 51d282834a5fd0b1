//! What the gateway runs with, for admins.

use actix_web::web::{self, ServiceConfig};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;

use super::refusal::{ApiError, Refusal};
use super::viewer::Admin;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.route("/settings", web::get().to(show));
}

/// What the gateway runs with; it is set in the configuration file or the environment.
#[derive(Serialize, ToSchema)]
pub(super) struct Settings {
    version: &'static str,
    listen: String,
    data_dir: String,
    time_zone: String,
    retention_days: u32,
    body_limit_bytes: usize,
    trusted_proxies: Vec<String>,
}

/// Shows the settings.
#[utoipa::path(
    operation_id = "show_settings",get, path = "/api/settings", tag = "settings", responses((status = 200, body = Settings), (status = "default", body = ApiError)))]
pub(super) async fn show(
    state: web::Data<State>,
    _: Admin,
) -> Result<web::Json<Settings>, Refusal> {
    let settings = &state.settings;
    Ok(web::Json(Settings {
        version: env!("CARGO_PKG_VERSION"),
        listen: settings.listen.clone(),
        data_dir: settings.data_dir.display().to_string(),
        time_zone: settings.time_zone.name().to_owned(),
        retention_days: settings.retention_days,
        body_limit_bytes: settings.body_limit,
        trusted_proxies: settings
            .trusted_proxies
            .iter()
            .map(ToString::to_string)
            .collect(),
    }))
}
