//! A key's quota and its account's: a call must fit both, and counts on both.

use serde_json::{Value, json};

use super::super::harness::{Console, KeyClient, Script, TestGateway, Upstream, chat};
use super::crowd::{Crowd, Provider};
use super::{PICO_PER_DOLLAR, PICO_PER_TOKEN, Standing, keyed, price};

/// A new account with this quota of a lifetime, in dollars; gives its id.
fn account(admin: &Console, total_usd: f64) -> Value {
    admin
        .post(
            "/api/accounts",
            &json!({"username": "bob", "password": "a long password", "role": "member", "quota": {"total_usd": total_usd}}),
        )
        .expect(201)["id"]
        .clone()
}

fn refusal(client: &KeyClient, body: &Value) -> String {
    client.chat(body).expect(402)["error"]["param"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_call_must_fit_its_keys_quota_and_its_accounts_and_the_refusal_names_the_one_it_does_not_fit() {
    const CALL: u64 = 100 * PICO_PER_TOKEN;
    let upstream = Upstream::start(|_| Script::chat("hi", 5, 100));
    let gateway = TestGateway::start();
    let (admin, base) = (gateway.admin(), gateway.url(""));
    gateway.channel(&upstream, &["m"]);
    price(&admin, "m", 0.0, 1.0);
    // Three calls for the account, two for its first key, as many as the account has for its second.
    let bob = account(&admin, 0.0003);
    let (first, _) = keyed(
        &admin,
        &base,
        &json!({"account_id": bob, "quota": {"total_usd": 0.0002}}),
    );
    let (second, _) = keyed(
        &admin,
        &base,
        &json!({"account_id": bob, "quota": {"total_usd": 1}}),
    );
    let mut body = chat("m", "hello");
    body["max_tokens"] = json!(100);

    first.chat(&body).expect(200);
    first.chat(&body).expect(200);
    assert_eq!(refusal(&first, &body), "key.total_usd");
    // What the key refused was not taken from the account.
    let left = |client: &KeyClient| Standing::of(client, "account", "total");
    assert_eq!(
        left(&first),
        Standing {
            used: 2 * CALL,
            left: CALL
        }
    );
    second.chat(&body).expect(200);
    assert_eq!(refusal(&second, &body), "account.total_usd");
    // What the account refused was not taken from the key.
    let key = Standing::of(&second, "key", "total");
    assert_eq!(
        key,
        Standing {
            used: CALL,
            left: PICO_PER_DOLLAR - CALL
        }
    );
    assert_eq!(
        left(&second),
        Standing {
            used: 3 * CALL,
            left: 0
        }
    );
}

#[test]
fn a_crowd_on_two_keys_of_one_account_does_not_spend_past_any_of_the_three_quotas() {
    const ACCOUNT: u64 = PICO_PER_DOLLAR / 5;
    const FIRST: u64 = PICO_PER_DOLLAR / 20;
    let provider = Provider::start();
    let gateway = TestGateway::start();
    let (admin, base) = (gateway.admin(), gateway.url(""));
    provider.connect(&admin);
    let bob = account(&admin, 0.2);
    let keys = [0.05, 1.0].map(|usd| {
        let settings = json!({"account_id": bob, "quota": {"total_usd": usd}});
        keyed(&admin, &base, &settings).0
    });
    let crowd = Crowd::new();
    for seed in [6, 7] {
        let windows = crowd.run(&keys, 48, seed);
        assert!(windows.contains("account.total_usd"), "{windows:?}");
        Standing::settled(&keys[0], "account", "total", ACCOUNT);
    }
    let account = Standing::settled(&keys[1], "account", "total", ACCOUNT);
    let first = Standing::settled(&keys[0], "key", "total", FIRST);
    let second = Standing::settled(&keys[1], "key", "total", PICO_PER_DOLLAR);
    println!("account {account:?}, keys {first:?} and {second:?}");
    assert_eq!(first.used + second.used, account.used);
    assert!(account.used >= ACCOUNT / 100 * 98, "{account:?}");
    let sum = provider.check(&admin.all_calls());
    assert_eq!(sum, account.used);
}
