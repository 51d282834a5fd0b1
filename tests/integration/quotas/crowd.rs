//! 256 clients at once, one key, one dollar a day: what is spent is at most the dollar and at least 98 % of it, nothing stays
//! set aside, and the bill is the provider's to the picodollar. Also across `kill -9`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{client, key_balance, pico, price};
use crate::integration::harness::{
    Binary, Console, Gate, KeyClient, Request, Script, TestGateway, Upstream,
};

const CLIENTS: u64 = 256;
const DOLLAR: u64 = 1_000_000_000_000;
/// Picodollars a token: $10 and $100 per million.
const INPUT: u64 = 10_000_000;
const OUTPUT: u64 = 100_000_000;

/// A provider that keeps its own books: what it has billed for each call, by the number in its `user` field.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<HashMap<String, u64>>>);

impl Books {
    fn bill(&self, call: &str, prompt: u64, completion: u64) {
        let cost = prompt * INPUT + completion * OUTPUT;
        self.0.lock().unwrap().insert(call.to_owned(), cost);
    }

    fn total(&self) -> u64 {
        self.0.lock().unwrap().values().sum()
    }

    fn of(&self, call: &str) -> u64 {
        self.0.lock().unwrap().get(call).copied().unwrap_or(0)
    }
}

/// The words that a client sends say what happens to the call.
fn provider(books: &Books, gate: &Gate) -> Upstream {
    let (books, gate) = (books.clone(), gate.clone());
    Upstream::start(move |request: &Request| {
        let body = request.json();
        let call = body["user"].as_str().unwrap();
        let fate = body["messages"][0]["content"]
            .as_str()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        let prompt = request.text.len() as u64 / 4;
        let limit = body["max_tokens"].as_u64().unwrap();
        let completion = 1 + (prompt * 7) % limit;
        match fate.as_str() {
            "fails" => Script::json(500, &json!({"error": {"message": "no"}})),
            "leaves-early" => Script::default().wait(&gate),
            "leaves" => {
                // It tells in each frame what it has counted until then.
                books.bill(call, prompt, 1);
                Script::stream()
                    .frame(&json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                        "choices": [{"index": 0, "delta": {"content": "first"}, "finish_reason": null}],
                        "usage": {"prompt_tokens": prompt, "completion_tokens": 1, "total_tokens": prompt + 1}}))
                    .wait(&gate)
            }
            _ => {
                books.bill(call, prompt, completion);
                if body["stream"] == true {
                    Script::stream().word("hi").usage(prompt, completion).done()
                } else {
                    Script::chat("hi", prompt, completion)
                }
            }
        }
    })
}

/// Numbers without a pattern, and the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What became of a call, as its client sees it.
#[derive(PartialEq)]
enum Fate {
    Served,
    Refused,
    /// The gateway was not there, or went away.
    Lost,
}

fn one_call(client: &KeyClient, number: &str, dice: &mut Dice) -> Fate {
    let fate = match dice.roll(16) {
        0 => "fails",
        1 => "leaves",
        2 if dice.roll(4) == 0 => "leaves-early",
        _ => "stays",
    };
    let words = format!(
        "{fate}{}",
        " word".repeat(usize::try_from(dice.roll(60)).unwrap())
    );
    // On a channel of their own: failures in a row take a channel out of the pool.
    let model = if fate == "fails" { "failing" } else { "m" };
    let body = json!({"model": model, "user": number, "max_tokens": 2 + dice.roll(12), "stream": fate == "leaves" || dice.roll(2) == 0,
        "messages": [{"role": "user", "content": words}]});
    let mut request = client
        .request("POST", "/v1/chat/completions")
        .header("x-request-id", number)
        .json(&body);
    if fate == "leaves-early" {
        request = request.timeout(Duration::from_millis(100));
    }
    let Ok(answer) = request.send() else {
        return if fate == "leaves-early" {
            Fate::Served
        } else {
            Fate::Lost
        };
    };
    match answer.status().as_u16() {
        402 => return Fate::Refused,
        502 | 503 if fate == "fails" => return Fate::Served,
        200 => {}
        other => panic!("{other}: {}", answer.text().unwrap_or_default()),
    }
    if fate != "leaves" {
        return if answer.text().is_ok() {
            Fate::Served
        } else {
            Fate::Lost
        };
    }
    let mut lines = BufReader::new(answer);
    let mut line = String::new();
    while !line.contains("first") {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Fate::Lost,
        }
    }
    Fate::Served
}

/// All clients call until they are refused three times in a row, or the gateway is gone.
fn spend(client: &KeyClient, round: &str) -> u64 {
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let served = &served;
            scope.spawn(move || {
                let (mut dice, mut refused, mut calls) = (Dice(number), 0, 0);
                while refused < 3 {
                    calls += 1;
                    match one_call(client, &format!("{round}-{number}-{calls}"), &mut dice) {
                        Fate::Served => {
                            refused = 0;
                            served.fetch_add(1, Ordering::SeqCst);
                        }
                        Fate::Refused => refused += 1,
                        Fate::Lost => return,
                    }
                }
            });
        }
    });
    served.into_inner()
}

/// One client uses up what is left, with calls as small as they get.
fn use_up(client: &KeyClient) {
    for number in 0..10_000 {
        let body = json!({"model": "m", "user": format!("last-{number}"), "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]});
        let answer = client.chat(&body);
        match answer.status {
            200 => {}
            402 => {
                assert_eq!(answer.json()["error"]["param"], "key.daily_usd");
                return;
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    panic!("the quota does not hold");
}

#[test]
fn at_most_the_dollar_and_nearly_all_of_it() {
    let (books, gate) = (Books::default(), Gate::default());
    let upstream = provider(&books, &gate);
    let gateway = TestGateway::start();
    for model in ["m", "failing"] {
        gateway.channel(&upstream, &[model]);
        price(&gateway, model, 10.0, 100.0);
    }
    let client = client(&gateway, &json!({"daily_usd": 1}));
    let served = spend(&client, "crowd");
    assert!(served > CLIENTS, "{served} calls are no crowd");
    gateway.assert_nothing_reserved();
    let by_the_crowd = key_balance(&client, "used/daily/usd");
    use_up(&client);
    gateway.assert_nothing_reserved();
    let used = key_balance(&client, "used/daily/usd");
    println!(
        "{served} calls of {CLIENTS} clients; {:.3} % of the dollar by the crowd, {:.3} % in all",
        by_the_crowd as f64 * 100.0 / DOLLAR as f64,
        used as f64 * 100.0 / DOLLAR as f64
    );
    assert!(used <= DOLLAR, "{used}");
    assert!(
        used * 100 >= DOLLAR * 98,
        "only {used} of {DOLLAR} could be used"
    );
    assert_eq!(used, books.total(), "the provider's bill");
    assert_eq!(key_balance(&client, "remaining/daily/usd"), DOLLAR - used);
    gate.open();
}

#[test]
fn a_crash_in_the_middle_of_it_spends_no_more_and_forgets_nothing() {
    let (books, gate) = (Books::default(), Gate::default());
    let upstream = provider(&books, &gate);
    let dir = tempfile::tempdir().unwrap();
    let password = [
        ("REAL200_ADMIN_USERNAME", "ada"),
        ("REAL200_ADMIN_PASSWORD", "correct horse battery"),
    ];
    let mut key = None;
    let mut round = 0;
    loop {
        let gateway = Binary::serve(dir.path(), &[], &password);
        let admin = Console::log_in(gateway.base(), "ada", "correct horse battery");
        let key = key.get_or_insert_with(|| {
            let price = json!({"input_usd_per_mtok": 10, "output_usd_per_mtok": 100, "max_output_tokens": 100});
            for model in ["m", "failing"] {
                let channel = json!({"name": model, "kind": "openai", "base_url": upstream.base_url(), "credential": "sk-x", "models": [model]});
                admin.post("/api/channels", &channel).expect(201);
                admin.put(&format!("/api/models/{model}"), &price).expect(200);
            }
            admin.post("/api/keys", &json!({"quota": {"daily_usd": 1}})).expect(201)
        });
        let client = KeyClient::new(gateway.base(), key["key"].as_str().unwrap());
        if round < 2 {
            // Killed when a third more of the dollar is booked, with calls in flight.
            std::thread::scope(|scope| {
                scope.spawn(|| spend(&client, &format!("round {round}")));
                crate::integration::harness::eventually("a third of the dollar", || {
                    (key_balance(&client, "used/daily/usd") > (round + 1) * DOLLAR / 4)
                        .then_some(())
                });
                gateway.signal("KILL");
            });
            round += 1;
            continue;
        }
        spend(&client, "after the crashes");
        use_up(&client);
        crate::integration::harness::eventually("the end of all calls", || {
            (key_balance(&client, "remaining/daily/usd") + key_balance(&client, "used/daily/usd")
                == DOLLAR)
                .then_some(())
        });
        let used = key_balance(&client, "used/daily/usd");
        let (mut booked, mut interrupted) = (0, 0);
        for call in admin.all_calls() {
            let cost = pico(&call["cost_usd"]);
            booked += cost;
            let Some(number) = call["client_request_id"].as_str() else {
                continue;
            };
            if call["status"] == "interrupted" {
                interrupted += 1;
                assert!(cost >= books.of(number), "{call}");
            } else {
                assert_eq!(cost, books.of(number), "{call}");
            }
        }
        println!("{used} picodollars used, {interrupted} calls interrupted by two crashes");
        assert!(interrupted > 0, "it was killed with calls in flight");
        assert_eq!(booked, used, "the log and the budget");
        assert!(
            used >= books.total() && used <= DOLLAR,
            "{used} {}",
            books.total()
        );
        assert!(
            used * 100 >= DOLLAR * 98,
            "only {used} of {DOLLAR} could be used"
        );
        gate.open();
        return;
    }
}
