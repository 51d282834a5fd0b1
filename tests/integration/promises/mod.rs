//! The promises of quotas, shown over HTTP: each test is named after the sentence that it proves. Money is compared in
//! picodollars, the provider's own bill against the ledger call by call.

mod accounts;
mod burst;
mod crowd;
mod release;
mod windows;

use real200::domain::Money;
use serde_json::{Value, json};

use super::harness::{Console, KeyClient, eventually};

/// Picodollars in a million-token price of one dollar, a token.
const PICO_PER_TOKEN: u64 = 1_000_000;
const PICO_PER_DOLLAR: u64 = 1_000_000_000_000;

/// A number of dollars in JSON, exactly.
#[track_caller]
fn pico(usd: &Value) -> u64 {
    Money::from_usd(&usd.to_string()).unwrap().as_pico()
}

/// Picodollars as the number of dollars that is sent: the gateway reads its shortest decimal, which up to $1,000 is exact.
fn dollars(pico: u64) -> Value {
    let digits = Money::from_pico(pico).to_string();
    let number = serde_json::from_str(&digits).unwrap();
    assert_eq!(self::pico(&number), pico);
    number
}

/// How a holder of a quota stands in one window, in picodollars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Standing {
    used: u64,
    left: u64,
}

impl Standing {
    /// Of `key` or `account`, as the key itself sees it.
    fn of(client: &KeyClient, holder: &str, window: &str) -> Self {
        let balance = client.get("/v1/balance").expect(200);
        let standing = &balance[holder];
        Self {
            used: pico(&standing["used"][window]["usd"]),
            left: pico(&standing["remaining"][window]["usd"]),
        }
    }

    /// How it stands once all that was set aside is given back, which a client that goes away makes happen a moment later.
    /// At no time is this quota passed.
    #[track_caller]
    fn settled(client: &KeyClient, holder: &str, window: &str, quota: u64) -> Self {
        eventually("all reservations to be given back", || {
            let standing = Self::of(client, holder, window);
            assert!(standing.used <= quota, "{standing:?} of {quota}");
            (standing.held(quota) == 0).then_some(standing)
        })
    }

    /// What of this quota is neither used nor left: set aside for calls in flight.
    fn held(self, quota: u64) -> u64 {
        quota - self.used - self.left
    }
}

/// Gives a model its price, in dollars a million tokens.
fn price(admin: &Console, model: &str, input: f64, output: f64) {
    admin
        .put(
            &format!("/api/models/{model}"),
            &json!({"input_usd_per_mtok": input, "output_usd_per_mtok": output, "max_output_tokens": 1_000}),
        )
        .expect(200);
}

/// A new key with these settings, as a client, and its path in the console's API.
fn keyed(admin: &Console, base: &str, settings: &Value) -> (KeyClient, String) {
    let key = admin.post("/api/keys", settings).expect(201);
    let client = KeyClient::new(base, key["key"].as_str().unwrap());
    (client, format!("/api/keys/{}", key["id"].as_str().unwrap()))
}
