//! A crowd of clients whose calls end in all the ways in which calls end, and a provider that keeps its own bill.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::harness::{Console, KeyClient, Request, Script, Upstream, streamed_chat};
use super::{PICO_PER_TOKEN, Standing, pico, price};

/// A quarter of a dollar a million: a prompt's bound is a little above its cost, and so weighs little.
const INPUT_PICO: u64 = PICO_PER_TOKEN / 4;
const OUTPUT_PICO: u64 = 10 * PICO_PER_TOKEN;

/// Two channels: one whose provider answers, and one whose provider fails.
const STEADY: &str = "steady";
const FLAKY: &str = "flaky";

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Whole,
    Streamed,
    /// The client goes away after it has seen the usage.
    GoneLate,
    /// The client goes away before the provider has reported any.
    GoneEarly,
    /// The provider answers 500.
    Fails,
    /// The provider says that the request is wrong.
    Rejects,
    /// The provider breaks off after it has reported the usage.
    CutLate,
    /// The provider breaks off before.
    CutEarly,
}

impl Fate {
    const ALL: [Self; 8] = [
        Self::Whole,
        Self::Streamed,
        Self::GoneLate,
        Self::GoneEarly,
        Self::Fails,
        Self::Rejects,
        Self::CutLate,
        Self::CutEarly,
    ];

    /// Two calls in three end well.
    fn draw(dice: &mut Dice) -> Self {
        match dice.roll(24) {
            0..8 => Self::Whole,
            8..16 => Self::Streamed,
            16..18 => Self::GoneLate,
            18 => Self::GoneEarly,
            19 | 20 => Self::Fails,
            21 => Self::Rejects,
            22 => Self::CutLate,
            _ => Self::CutEarly,
        }
    }

    fn of(tag: &str) -> Self {
        let word = tag.split('-').next().unwrap();
        let named = Self::ALL.into_iter().find(|fate| fate.word() == word);
        named.unwrap_or_else(|| panic!("no fate: {tag}"))
    }

    fn word(self) -> String {
        format!("{self:?}")
    }

    fn model(self) -> &'static str {
        match self {
            Self::Whole | Self::Streamed | Self::GoneLate | Self::GoneEarly | Self::Rejects => {
                STEADY
            }
            Self::Fails | Self::CutLate | Self::CutEarly => FLAKY,
        }
    }

    fn is_streamed(self) -> bool {
        match self {
            Self::Whole | Self::Fails | Self::Rejects => false,
            Self::Streamed | Self::GoneLate | Self::GoneEarly | Self::CutLate | Self::CutEarly => {
                true
            }
        }
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// A provider with its own bill: what each call cost in truth, by the client's name for it.
pub(super) struct Provider {
    upstream: Upstream,
    bill: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Provider {
    pub(super) fn start() -> Self {
        let bill = Arc::<Mutex<BTreeMap<String, u64>>>::default();
        let booked = Arc::clone(&bill);
        let upstream = Upstream::start(move |request| answer(request, &booked));
        Self { upstream, bill }
    }

    /// Makes the channels to it, with their prices.
    pub(super) fn connect(&self, admin: &Console) {
        for model in [STEADY, FLAKY] {
            admin
                .post(
                    "/api/channels",
                    &json!({"name": model, "kind": "openai", "base_url": self.upstream.base_url(), "models": [model]}),
                )
                .expect(201);
            price(admin, model, 0.25, 10.0);
        }
    }

    /// Holds the ledger against the bill, call by call to the picodollar, and gives the sum of the ledger.
    pub(super) fn check(&self, calls: &[Value]) -> u64 {
        let (sum, unknown) = self.compare(calls);
        assert!(unknown.is_empty(), "not in the log: {unknown:?}");
        sum
    }

    /// The same where the gateway was killed: what that interrupted costs at least what was billed for it, and what the
    /// provider has billed and the log does not know was answered to nobody. Gives how many were interrupted, too.
    pub(super) fn check_killed(&self, calls: &[Value], crowd: &Crowd) -> (u64, usize) {
        let (sum, unknown) = self.compare(calls);
        let answered = crowd.answered.lock().unwrap();
        let lost: Vec<_> = unknown.intersection(&answered).collect();
        assert!(lost.is_empty(), "answered and not in the log: {lost:?}");
        let interrupted = calls.iter().filter(|call| is_interrupted(call));
        (sum, interrupted.count())
    }

    /// The sum of the ledger, and whose calls it does not know.
    fn compare(&self, calls: &[Value]) -> (u64, BTreeSet<String>) {
        let mut bill = self.bill.lock().unwrap().clone();
        let mut sum = 0;
        for call in calls {
            let tag = call["client_request_id"].as_str().unwrap();
            let billed = bill.remove(tag);
            if call["http_status"] == 402 {
                assert_eq!(billed, None, "a refused call was forwarded: {call}");
                continue;
            }
            let cost = pico(&call["cost_usd"]);
            sum += cost;
            if is_interrupted(call) {
                assert!(cost >= billed.unwrap_or(0), "{call}");
                continue;
            }
            let usage = &call["usage"];
            let tokens = |field: &str| usage[field].as_u64().unwrap();
            if usage["estimated"] == true {
                assert!(
                    matches!(Fate::of(tag), Fate::GoneEarly | Fate::CutEarly),
                    "{call}"
                );
                assert_eq!(billed, None, "{call}");
                // Two words were sent, and a prompt of so many bytes, with what is counted around a message.
                let sent: u64 = tag.split('-').nth(1).unwrap().parse().unwrap();
                assert!(tokens("completion_tokens") <= 2, "{call}");
                assert!((1..=sent + 8).contains(&tokens("prompt_tokens")), "{call}");
                let expected = tokens("prompt_tokens") * INPUT_PICO
                    + tokens("completion_tokens") * OUTPUT_PICO;
                assert_eq!(cost, expected, "{call}");
            } else {
                assert_eq!(cost, billed.unwrap_or(0), "{call}");
            }
        }
        (sum, bill.into_keys().collect())
    }
}

/// The gateway was killed while it was under way.
fn is_interrupted(call: &Value) -> bool {
    call["status"] == "interrupted"
}

/// Answers as the call's fate wants it, using all of the output that it may or a few tokens less.
fn answer(request: &Request, bill: &Mutex<BTreeMap<String, u64>>) -> Script {
    let body = request.json();
    let tag = body["user"].as_str().unwrap();
    let prompt = body["messages"][0]["content"].as_str().unwrap().len() as u64;
    let limit = ["max_tokens", "max_completion_tokens"]
        .iter()
        .find_map(|field| body[field].as_u64())
        .unwrap();
    let completion = if tag.contains("-all-") {
        limit
    } else {
        limit - prompt % 6
    };
    let booked = |script: Script| {
        let cost = prompt * INPUT_PICO + completion * OUTPUT_PICO;
        *bill.lock().unwrap().entry(tag.to_owned()).or_default() += cost;
        script
    };
    let words = || Script::stream().word("one").word(" two");
    match Fate::of(tag) {
        Fate::Whole => booked(Script::chat("one two", prompt, completion)),
        Fate::Streamed => booked(words().usage(prompt, completion).done()),
        Fate::GoneLate => booked(words().usage(prompt, completion).hold()),
        Fate::GoneEarly => words().hold(),
        Fate::Fails => Script::json(500, &json!({"error": {"message": "out of order"}})),
        Fate::Rejects => Script::json(400, &json!({"error": {"message": "too long"}})),
        Fate::CutLate => booked(words().usage(prompt, completion).cut()),
        Fate::CutEarly => words().cut(),
    }
}

/// What a call came to, for its client.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It was forwarded; how it ended is its fate.
    Done,
    /// The quota refused it: the window's name.
    Refused(String),
    /// The gateway is gone.
    Unreachable,
}

/// The clients' side of a run.
pub(super) struct Crowd {
    numbered: AtomicU64,
    /// Calls that were answered, at least in part.
    answered: Mutex<BTreeSet<String>>,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            numbered: AtomicU64::new(0),
            answered: Mutex::default(),
        }
    }

    /// So many clients at once, a thread each, taking turns of the keys; each calls until it is refused or the gateway is
    /// gone. Gives the windows that refused them.
    pub(super) fn run(&self, keys: &[KeyClient], clients: u64, seed: u64) -> BTreeSet<String> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..clients)
                .zip(keys.iter().cycle())
                .map(|(number, client)| {
                    scope.spawn(move || {
                        let mut dice = Dice(seed ^ (number << 32));
                        loop {
                            match self.call(client, &mut dice) {
                                Outcome::Done => {}
                                Outcome::Refused(window) => return Some(window),
                                Outcome::Unreachable => return None,
                            }
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap())
                .collect()
        })
    }

    /// As [`Self::run`], until a quota of one window is used up. A refusal may be owed to calls in flight, which give back what
    /// they do not use; those who were refused for them come again when all is settled.
    #[expect(
        clippy::print_stdout,
        reason = "what was measured is shown with --nocapture"
    )]
    pub(super) fn exhaust(
        &self,
        client: &KeyClient,
        clients: u64,
        seed: u64,
        window: &str,
        quota: u64,
    ) -> Standing {
        self.run(std::slice::from_ref(client), clients, seed);
        let first = Standing::settled(client, "key", window, quota);
        self.run(std::slice::from_ref(client), clients, !seed);
        let second = Standing::settled(client, "key", window, quota);
        println!("at first {first:?}, then {second:?}");
        assert!(second.used >= quota / 100 * 98, "{second:?} of {quota}");
        second
    }

    /// Spends what is left: the output limit is left to the gateway, and all of it is used.
    pub(super) fn drain(&self, client: &KeyClient) -> u64 {
        let mut calls = 0;
        loop {
            let body = self.body(Fate::Whole, "x", "all");
            match self.send(client, Fate::Whole, &body) {
                Outcome::Done => calls += 1,
                Outcome::Refused(_) => return calls,
                Outcome::Unreachable => panic!("the gateway is gone"),
            }
        }
    }

    fn call(&self, client: &KeyClient, dice: &mut Dice) -> Outcome {
        let fate = Fate::draw(dice);
        let words = usize::try_from(3 + dice.roll(54)).unwrap();
        let mut body = self.body(fate, &"prompt ".repeat(words), "some");
        body["max_tokens"] = json!(30 + dice.roll(31));
        self.send(client, fate, &body)
    }

    /// A call whose name, which the provider and the log get to see, says its fate and how long its prompt is.
    fn body(&self, fate: Fate, words: &str, amount: &str) -> Value {
        let number = self.numbered.fetch_add(1, Ordering::Relaxed);
        let mut body = streamed_chat(fate.model(), words);
        body["user"] = json!(format!("{}-{}-{amount}-{number}", fate.word(), words.len()));
        body["stream"] = json!(fate.is_streamed());
        if fate == Fate::GoneLate {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    fn send(&self, client: &KeyClient, fate: Fate, body: &Value) -> Outcome {
        let tag = body["user"].as_str().unwrap();
        let request = client
            .request("POST", "/v1/chat/completions")
            .header("x-request-id", tag)
            .json(body);
        let Ok(response) = request.send() else {
            return Outcome::Unreachable;
        };
        let status = response.status().as_u16();
        self.answered.lock().unwrap().insert(tag.to_owned());
        let (expected, until) = match fate {
            Fate::Whole | Fate::Streamed | Fate::CutLate | Fate::CutEarly => (200, None),
            Fate::GoneLate => (200, Some("\"prompt_tokens\":")),
            Fate::GoneEarly => (200, Some(" two")),
            Fate::Fails => (502, None),
            Fate::Rejects => (400, None),
        };
        let mut text = String::new();
        for line in BufReader::new(response).lines() {
            // The provider was to break off.
            let Ok(line) = line else { break };
            text.push_str(&line);
            if until.is_some_and(|until| line.contains(until)) {
                return Outcome::Done;
            }
        }
        if status == 402 {
            let error: Value = serde_json::from_str(&text).unwrap();
            return Outcome::Refused(error["error"]["param"].as_str().unwrap().to_owned());
        }
        // A channel that fails too often may be left alone for a while, and a gateway that stops takes no calls.
        let out = status == 503;
        assert!(status == expected || out, "{tag}: {status} {text}");
        if out && fate.model() == STEADY {
            Outcome::Unreachable
        } else {
            Outcome::Done
        }
    }
}
