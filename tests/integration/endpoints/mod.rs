//! The endpoints beside chat: what goes in and out of each, what is set aside for it, and what it is charged.

mod images;
mod judged;
mod speech;
mod uploads;

use serde_json::{Value, json};

use super::harness::{TestGateway, Upstream};

/// A gateway whose only channel is this upstream, with a model `m` at this price.
fn gateway(upstream: &Upstream, price: &Value) -> TestGateway {
    let gateway = TestGateway::start();
    gateway.channel(upstream, &["m"]);
    set_price(&gateway, price);
    gateway
}

/// Sets the price of `m`: what is not named costs nothing.
fn set_price(gateway: &TestGateway, price: &Value) {
    let mut whole = json!({"input_usd_per_mtok": 0, "output_usd_per_mtok": 0});
    for (name, value) in price.as_object().unwrap() {
        whole[name] = value.clone();
    }
    gateway.admin().put("/api/models/m", &whole).expect(200);
}

/// The newest call of the log.
fn last_call(gateway: &TestGateway) -> Value {
    super::harness::eventually("the call", || gateway.admin().calls().into_iter().next())
}
