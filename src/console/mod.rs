//! The control plane: `/api`, `/openapi.json` and the console's pages. Handlers extract, make one call into `state/`, render.

mod accounts;
pub mod as_code;
mod assets;
mod audit;
mod balance;
mod body;
mod calls;
mod channel_health;
mod channels;
mod corrected;
mod correction;
mod endpoint;
mod export;
mod guard;
mod keys;
mod models;
mod openapi;
mod quota;
mod refusal;
mod resource;
mod session;
mod settings;
mod tally;
mod usage;
mod usd;
mod viewer;
mod webhooks;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use crate::domain::{Code, Error};

use refusal::Refusal;
use resource::at;

/// Mounts everything of the control plane.
pub fn routes(config: &mut ServiceConfig) {
    let api = web::scope("/api")
        .wrap(from_fn(guard::same_site))
        .wrap(from_fn(guard::api_headers))
        .configure(session::routes)
        .configure(keys::routes)
        .configure(calls::routes)
        .configure(correction::routes)
        .configure(usage::routes)
        .configure(accounts::routes)
        .configure(channels::routes)
        .configure(models::routes)
        .configure(webhooks::routes)
        .configure(settings::routes)
        .configure(audit::routes)
        .default_service(web::to(no_such_route));
    let pages = web::scope("/console")
        .wrap(from_fn(guard::page_headers))
        .configure(assets::routes);
    config
        .service(api)
        .service(pages)
        .service(at("/").get(assets::to_console))
        .service(at("/openapi.json").get(openapi::serve));
}

async fn no_such_route() -> Result<&'static str, Refusal> {
    Err(Error::new(
        Code::NotFound,
        "There is no such route. GET /openapi.json describes all of them.",
    )
    .into())
}
