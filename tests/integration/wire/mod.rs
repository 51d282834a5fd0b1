//! Nothing crosses: every answer that reaches a client carries the mark of that client's own request, or is an error.
//!
//! A provider on raw sockets (`harness/raw.rs`) says what real ones, their balancers, and broken or hostile ones say, byte by
//! byte. Each case is asked for as JSON and as a stream, by one caller and by eight at once with a key each, of one channel and
//! of three, again and again over kept connections, with right answers between. Each right answer says its request's mark and
//! reports a number of tokens that no other one has; so the call log shows a crossed bill, too: each call is booked once, on
//! its own key, with its own usage.
//!
//! | file | what is tried |
//! |---|---|
//! | `interim` | 100, 102, 103, unknown 1xx; one, several, hundreds; with headers; in one packet with the answer or byte by byte; before refusals; behind the answer; 101 that nobody asked for; cut off behind one; before a WebSocket's 101 |
//! | `framing` | lengths, chunks of every shape, bodies that end with the connection, HTTP/1.0, lengths too short, too long, twice and contradicting, bytes and whole answers left over, 204 and 304 with a body, heads that bend the grammar |
//! | `encodings` | gzip, deflate of both kinds, br, zstd, stacked, though identity was asked for; of refusals; event by event; cut off; unknown; a bomb |
//! | `bodies` | byte order marks, all line ends, events that are empty or without a colon, comments, no blank line at the end, white space before JSON |
//! | `endings` | hang-ups and resets at each phase, of kept connections too; late bytes on an idle one; a client that goes away |
//! | `stalls` | bodies that do not end, of answers and of refusals; silence at each phase |
//! | `uploads` | answers before the request is wholly sent, with large bodies and files; after an upload that was given up |
//! | `clients` | pipelined requests of two keys; `Expect: 100-continue` |
//!
//! `just wire` runs all of it 100 times.

mod answers;
mod bodies;
mod clients;
mod coding;
mod encodings;
mod endings;
mod framing;
mod interim;
mod judge;
mod stalls;
mod uploads;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use real200::clock::Clock;
use serde_json::{Value, json};

use super::harness::{
    Arrived, Console, KeyClient, Mark, Piece, RawProvider, Reply, TestGateway, eventually,
};
use judge::{Came, judge};

/// However long a provider may be silent, no call may take longer.
const IN_TIME: Duration = Duration::from_secs(10);

/// How often a caller asks for both, JSON and a stream.
const ROUNDS: usize = 1;

/// One in so many answers of a bad provider is bad: were it rested, nothing more would be tried.
const ONE_IN: usize = 3;

/// What must come of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// The right answer.
    Right,
    /// The provider's refusal with this status.
    Refused(u16),
    /// Alone an error; with other channels the right answer of one of them, but for a stream that has begun.
    Fails,
    /// Alone an error.
    Error,
    /// The right answer or an error.
    Either,
}

type Script = fn(&Arrived) -> Vec<Piece>;

/// A provider's behaviour, and what must come of it.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    script: Script,
    /// For JSON and for a stream.
    outcomes: [Outcome; 2],
    /// Whether a connection may be used again behind the answer: `None`, it does not matter.
    reused: Option<bool>,
    /// Whether its callers ask one after another. What comes behind an answer when the next request is on its way already looks
    /// like the answer to that, to every client there could be.
    in_turn: bool,
}

impl Case {
    fn new(name: &'static str, outcome: Outcome, script: Script) -> Self {
        Self {
            name,
            script,
            outcomes: [outcome; 2],
            reused: None,
            in_turn: false,
        }
    }

    fn right(name: &'static str, script: Script) -> Self {
        Self::new(name, Outcome::Right, script)
    }

    fn fails(name: &'static str, script: Script) -> Self {
        Self::new(name, Outcome::Fails, script)
    }

    fn either(name: &'static str, script: Script) -> Self {
        Self::new(name, Outcome::Either, script)
    }

    fn stream(mut self, outcome: Outcome) -> Self {
        self.outcomes[1] = outcome;
        self
    }

    /// The connection is kept, and used again.
    fn reused(mut self) -> Self {
        self.reused = Some(true);
        self
    }

    /// No request may go over a connection that has carried such an answer.
    fn not_reused(mut self) -> Self {
        self.reused = Some(false);
        self
    }

    /// Eight callers, and yet no two at once.
    fn in_turn(mut self) -> Self {
        self.in_turn = true;
        self
    }

    fn expecting(&self, outcomes: [Outcome; 2]) -> Expected {
        Expected {
            outcomes,
            in_turn: self.in_turn,
        }
    }

    fn is_well(&self) -> bool {
        let well = |outcome: &Outcome| matches!(outcome, Outcome::Right | Outcome::Refused(_));
        self.outcomes.iter().all(well)
    }
}

/// What must come of calls, for JSON and for a stream.
#[derive(Clone, Copy)]
struct Expected {
    outcomes: [Outcome; 2],
    in_turn: bool,
}

impl Expected {
    fn all(outcome: Outcome) -> Self {
        Self {
            outcomes: [outcome; 2],
            in_turn: false,
        }
    }
}

struct Caller {
    client: KeyClient,
    key_id: String,
}

/// What is remembered of a call, to be found in the log.
struct Told {
    id: String,
    mark: Mark,
    caller: usize,
    came: Came,
}

/// A gateway with callers, for many cases.
struct Wire {
    gateway: TestGateway,
    admin: Console,
    callers: Vec<Caller>,
    good: RawProvider,
    models: AtomicUsize,
    /// Held by the caller whose turn it is.
    turn: Mutex<()>,
}

impl Wire {
    /// One that waits longer than any case may take.
    fn patient() -> Self {
        Self::waiting(20_000)
    }

    fn waiting(idle_ms: u64) -> Self {
        let gateway = TestGateway::with(Clock::system(), |config| {
            config.upstream.first_byte_timeout_ms = idle_ms;
            config.upstream.idle_timeout_ms = idle_ms;
        });
        let callers = (0..8).map(|number| {
            let key = gateway.key(&json!({"name": format!("caller {number}")}));
            Caller {
                client: gateway.client(key["key"].as_str().unwrap()),
                key_id: key["id"].as_str().unwrap().to_owned(),
            }
        });
        Self {
            callers: callers.collect(),
            admin: gateway.admin(),
            gateway,
            good: RawProvider::start(|arrived| answers::send(answers::good(arrived))),
            models: AtomicUsize::new(0),
            turn: Mutex::new(()),
        }
    }

    /// A new model of these channels, the first one first if `in_order`.
    fn model(&self, providers: &[&RawProvider], in_order: bool) -> String {
        let model = format!("m{}", self.models.fetch_add(1, Ordering::SeqCst));
        for (number, provider) in providers.iter().enumerate() {
            let priority = if in_order { 9 - number } else { 1 };
            let channel = json!({
                "name": format!("{model} {number}"), "kind": "openai", "base_url": provider.base_url(),
                "credential": "sk-upstream-credential", "models": [model], "priority": priority,
            });
            self.admin.post("/api/channels", &channel).expect(201);
        }
        model
    }

    /// Tries each case in all ways, and tells of all that fail.
    fn try_all(&self, cases: &[Case]) {
        let fails = |case: &&Case| {
            let tried = catch_unwind(AssertUnwindSafe(|| {
                if case.is_well() {
                    self.well(case);
                } else {
                    self.ill(case);
                }
            }));
            tried.is_err()
        };
        let failed: Vec<_> = cases.iter().filter(fails).map(|case| case.name).collect();
        assert!(failed.is_empty(), "see above: {failed:#?}");
    }

    /// A case whose outcome is the same however often it comes.
    fn well(&self, case: &Case) {
        let script = case.script;
        let alone = RawProvider::start(script);
        let model = self.model(&[&alone], true);
        let what = format!("{}, alone", case.name);
        let mut told = self.ask(
            &what,
            &model,
            &[&alone],
            1,
            2 * ROUNDS,
            case.expecting(case.outcomes),
        );
        match case.reused {
            // Each of the gateway's two workers has its own.
            Some(true) => assert!(
                alone.connections() <= 2,
                "{what}: {} connections for {} requests",
                alone.connections(),
                alone.requests()
            ),
            Some(false) => assert_eq!(alone.most_on_one(), 1, "{what}: a connection was reused"),
            None => {}
        }
        let what = format!("{}, eight callers", case.name);
        told.extend(self.ask(
            &what,
            &model,
            &[&alone],
            8,
            ROUNDS,
            case.expecting(case.outcomes),
        ));
        self.is_booked(case.name, &model, &told);

        let others = [RawProvider::start(script), RawProvider::start(script)];
        let all = [&alone, &others[0], &others[1]];
        let model = self.model(&all, false);
        let what = format!("{}, three channels", case.name);
        let told = self.ask(
            &what,
            &model,
            &all,
            8,
            ROUNDS,
            case.expecting(case.outcomes),
        );
        self.is_booked(&what, &model, &told);
    }

    /// A case that fails or may fail: by itself, and with right answers between.
    fn ill(&self, case: &Case) {
        let script = case.script;
        let only = RawProvider::start(script);
        let model = self.model(&[&only], true);
        let what = format!("{}, alone", case.name);
        let alone = case.outcomes.map(|outcome| match outcome {
            Outcome::Fails => Outcome::Error,
            other => other,
        });
        let told = self.ask(&what, &model, &[&only], 1, 1, case.expecting(alone));
        if case.reused == Some(false) {
            assert_eq!(only.most_on_one(), 1, "{what}: a connection was reused");
        }
        self.is_booked(&what, &model, &told);

        let mixed = move |arrived: &Arrived| {
            if arrived.before % ONE_IN == 0 {
                script(arrived)
            } else {
                answers::send(answers::good(arrived))
            }
        };
        let (first, second) = (RawProvider::start(mixed), RawProvider::start(mixed));
        let model = self.model(&[&first], true);
        let what = format!("{}, between right answers", case.name);
        let either = case.expecting([Outcome::Either; 2]);
        let mut told = self.ask(&what, &model, &[&first], 1, 2 * ROUNDS, either);
        let all = self.ask(&what, &model, &[&first], 8, ROUNDS, either);
        told.extend(all);
        self.is_booked(&what, &model, &told);

        let all = [&first, &second, &self.good];
        let model = self.model(&all, true);
        let what = format!("{}, before other channels", case.name);
        let failover = case.outcomes.map(|outcome| match outcome {
            Outcome::Fails => Outcome::Right,
            Outcome::Refused(_) | Outcome::Right | Outcome::Either | Outcome::Error => {
                Outcome::Either
            }
        });
        // A stream that has begun cannot be given to another channel.
        let failover = case.expecting([failover[0], Outcome::Either]);
        let mut told = self.ask(&what, &model, &all, 1, ROUNDS, failover);
        told.extend(self.ask(&what, &model, &all, 8, ROUNDS, failover));
        self.is_booked(&what, &model, &told);
    }

    /// So many callers at once ask so often, for JSON and for a stream in turn.
    fn ask(
        &self,
        what: &str,
        model: &str,
        providers: &[&RawProvider],
        callers: usize,
        rounds: usize,
        expected: Expected,
    ) -> Vec<Told> {
        let together = Barrier::new(callers);
        let turn = |number: usize| {
            let mut told = Vec::new();
            together.wait();
            for round in 0..2 * rounds {
                let streamed = (number + round) % 2 == 1;
                let lock = || self.turn.lock().unwrap_or_else(PoisonError::into_inner);
                let _turn = expected.in_turn.then(lock);
                let expected = expected.outcomes[usize::from(streamed)];
                told.push(self.call(what, model, providers, number, streamed, expected));
            }
            told
        };
        let turn = &turn;
        std::thread::scope(|scope| {
            let turns: Vec<_> = (0..callers)
                .map(|number| scope.spawn(move || turn(number)))
                .collect();
            let told = turns.into_iter().flat_map(|turn| {
                turn.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            told.collect()
        })
    }

    fn call(
        &self,
        what: &str,
        model: &str,
        providers: &[&RawProvider],
        number: usize,
        streamed: bool,
        expected: Outcome,
    ) -> Told {
        let mark = Mark::new();
        let what = format!("{what}, {}", if streamed { "stream" } else { "JSON" });
        let body = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {mark}")}]});
        let began = Instant::now();
        let reply = self.callers[number].client.chat(&body);
        assert!(began.elapsed() < IN_TIME, "{what}: {:?}", began.elapsed());
        let came = judge(&what, mark, streamed, &reply);
        let (status, said) = (reply.status, &reply.body);
        match expected {
            Outcome::Right => assert_eq!(came, Came::Right, "{what}: {status} {said}"),
            Outcome::Refused(as_) => {
                assert_eq!(came, Came::Refused(as_), "{what}: {status} {said}");
            }
            Outcome::Fails | Outcome::Error => {
                assert_ne!(came, Came::Right, "{what}: {status} {said}");
            }
            Outcome::Either => {}
        }
        for provider in providers {
            provider.answered(mark);
        }
        Told::of(&reply, mark, number, came)
    }

    /// Each call is in the log once, on its own key, with its own usage.
    fn is_booked(&self, what: &str, model: &str, told: &[Told]) {
        let calls = eventually("the records of the calls", || {
            let page = self
                .admin
                .get(&format!("/api/logs?model={model}&limit=200"));
            let calls = page.expect(200)["items"].as_array().unwrap().clone();
            (calls.len() >= told.len()).then_some(calls)
        });
        assert_eq!(calls.len(), told.len(), "{what}: calls of the log");
        let calls: HashMap<_, _> = calls
            .iter()
            .map(|call| (call["id"].as_str().unwrap(), call))
            .collect();
        for told in told {
            let call = calls
                .get(told.id.as_str())
                .unwrap_or_else(|| panic!("{what}: {} is not in the log", told.id));
            let key = &self.callers[told.caller].key_id;
            assert_eq!(call["key_id"], *key, "{what}: {call}");
            let usage = &call["usage"];
            let own = usage["prompt_tokens"] == told.mark.tokens();
            if told.came == Came::Right {
                assert_eq!(call["status"], "ok", "{what}: {call}");
                assert!(
                    own && usage["estimated"] == false,
                    "{what}: the bill of {}: {call}",
                    told.mark
                );
            } else {
                assert_eq!(call["status"], "error", "{what}: {call}");
                // Nobody's reported number but its own; an estimate is smaller than all of them.
                let few = usage["prompt_tokens"].as_u64().is_none_or(|n| n < 10_000);
                assert!(own || few, "{what}: another's bill: {call}");
            }
        }
    }
}

impl Told {
    fn of(reply: &Reply, mark: Mark, caller: usize, came: Came) -> Self {
        let id = reply.header("x-request-id");
        Self {
            id: id.expect("each answer says its id").to_owned(),
            mark,
            caller,
            came,
        }
    }
}

/// The answer to a call that a test makes by itself must be the right one.
fn is_right(what: &str, client: &KeyClient, model: &str, streamed: bool) -> (Mark, Reply) {
    let mark = Mark::new();
    let body: Value = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": format!("say {mark}")}]});
    let reply = client.chat(&body);
    let came = judge(what, mark, streamed, &reply);
    assert_eq!(came, Came::Right, "{what}: {} {}", reply.status, reply.body);
    (mark, reply)
}
