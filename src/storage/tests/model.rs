//! Against a plain model: random entries, crashes, checkpoints cut off after any batch. Nothing lost, nothing counted twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::super::checkpoint::BeforeBatch;
use super::super::{Batch, CallFilter, Options, Setting, Store, gate::lock};
use super::samples::{call, open_with, opened, options, outcome, setting};
use crate::domain::{Call, Day, Grain, ScopeKind, Tally, TotalKey};

/// What a store should hold.
#[derive(Clone, Debug, Default)]
struct Model {
    /// How many calls there have been.
    numbers: u64,
    open: Vec<u64>,
    log: Vec<Call>,
    totals: BTreeMap<TotalKey, Tally>,
    settings: BTreeMap<String, String>,
    kept_from: Option<Day>,
}

impl Model {
    fn log(&mut self, call: Call) {
        TotalKey::each_of(&call, |key| {
            let total = self.totals.entry(key).or_default();
            *total = total.plus(Tally::of(&call));
        });
        if self.kept_from.is_none_or(|day| call.opened.day >= day) {
            self.log.push(call);
        }
    }

    fn check(&self, store: &Store) {
        let calls = store
            .calls(&CallFilter::default(), None, 100_000)
            .unwrap()
            .calls;
        let expected: Vec<Call> = self.log.iter().rev().cloned().collect();
        assert!(
            calls == expected,
            "the call log differs: {} of {}",
            calls.len(),
            expected.len()
        );
        assert_eq!(store.stats().calls, expected.len() as u64);
        assert_eq!(lock(&store.0.image).strays, 0);
        let open: Vec<_> = store.open_calls().iter().map(|call| call.id).collect();
        let mut expected: Vec<_> = self.open.iter().map(|number| opened(*number).id).collect();
        expected.sort();
        assert_eq!(open, expected);
        let mut totals = BTreeMap::new();
        for kind in [
            ScopeKind::All,
            ScopeKind::Key,
            ScopeKind::Account,
            ScopeKind::Model,
            ScopeKind::Channel,
            ScopeKind::KeyModel,
            ScopeKind::Budget,
        ] {
            for grain in [Grain::Ever, Grain::Month, Grain::Day, Grain::Hour] {
                totals.extend(store.totals(kind, grain, i32::MIN, i32::MAX, None).unwrap());
            }
        }
        assert_eq!(totals, self.totals);
        for (key, tally) in self.totals.iter().take(3) {
            assert_eq!(store.total(key).unwrap(), *tally);
        }
        let settings: BTreeMap<_, _> = store
            .load::<Setting>()
            .unwrap()
            .into_iter()
            .map(|setting| (setting.name, setting.value))
            .collect();
        assert_eq!(settings, self.settings);
    }
}

/// What callers do.
#[derive(Clone, Debug)]
enum Deed {
    Open,
    Settle(usize),
    Record(u8),
    Write(Vec<(u8, Option<u8>)>),
    Drop,
}

#[derive(Clone, Debug)]
enum Step {
    Do(Deed),
    Checkpoint,
    /// A checkpoint that a crash ends before its batch of this number. Before each batch callers go on, and look.
    Interrupted(u32, Vec<Deed>),
    Close,
    Crash,
    /// A crash while the last group was being written: its frames are cut somewhere.
    Torn,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => Just(Deed::Open),
        6 => any::<usize>().prop_map(Deed::Settle),
        3 => any::<u8>().prop_map(Deed::Record),
        3 => prop::collection::vec((0u8..20, any::<Option<u8>>()), 1..6).prop_map(Deed::Write),
        1 => Just(Deed::Drop),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        19 => deed().prop_map(Step::Do),
        2 => Just(Step::Checkpoint),
        2 => (0u32..24, prop::collection::vec(deed(), 0..8))
            .prop_map(|(batches, meanwhile)| Step::Interrupted(batches, meanwhile)),
        1 => Just(Step::Close),
        1 => Just(Step::Crash),
        1 => Just(Step::Torn),
    ]
}

fn small() -> Options {
    Options {
        segment_bytes: 8 << 10,
        ..options()
    }
}

impl Model {
    fn act(&mut self, store: &Store, deed: Deed) {
        match deed {
            Deed::Open => {
                let number = self.next();
                store.wait_durable(store.open_call(opened(number))).unwrap();
                self.open.push(number);
            }
            Deed::Settle(which) if !self.open.is_empty() => {
                let which = self.open.remove(which % self.open.len());
                store
                    .wait_durable(store.settle_call(opened(which).id, outcome(which)))
                    .unwrap();
                self.log(call(which));
            }
            Deed::Settle(_) => {}
            Deed::Record(many) => {
                for _ in 0..many {
                    let number = self.next();
                    store.record_call(call(number));
                    self.log(call(number));
                }
                store
                    .wait_durable(super::super::Ticket(store.0.journal.last_queued()))
                    .unwrap();
            }
            Deed::Write(edits) => {
                let mut batch = Batch::new();
                for (name, value) in edits {
                    let name = name.to_string();
                    batch = match value {
                        Some(value) => {
                            self.settings.insert(name.clone(), value.to_string());
                            batch.put(&setting(&name, &value.to_string()))
                        }
                        None => {
                            self.settings.remove(&name);
                            batch.delete::<Setting>(name)
                        }
                    };
                }
                store.wait_durable(store.write(batch)).unwrap();
            }
            Deed::Drop => {
                if let Some(last) = self.log.last() {
                    let day = last.opened.day;
                    let before = self.log.len();
                    if self.log.iter().any(|call| call.opened.day < day) {
                        self.log.retain(|call| call.opened.day >= day);
                        self.kept_from = self.kept_from.max(Some(day));
                    }
                    assert_eq!(
                        store.drop_calls_before(day).unwrap(),
                        before - self.log.len()
                    );
                }
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers * 997
    }
}

/// Takes the steps; says how many checkpoints were cut off.
fn run(dir: &Path, steps: Vec<Step>) -> usize {
    let mut cut_off = 0;
    let model = Arc::new(Mutex::new(Model::default()));
    let mut store = open_with(dir, small());
    for step in steps {
        match step {
            Step::Do(deed) => {
                lock(&model).act(&store, deed);
                continue;
            }
            Step::Checkpoint => store.0.keeper.keep().unwrap(),
            Step::Interrupted(batches, meanwhile) => {
                let (mut left, mut meanwhile) = (batches, meanwhile.into_iter());
                let (model, of_store) = (model.clone(), store.clone());
                let before_batch: BeforeBatch = Box::new(move || {
                    if left == 0 {
                        return Err("stopped by the test".into());
                    }
                    left -= 1;
                    if let Some(deed) = meanwhile.next() {
                        let mut model = lock(&model);
                        model.act(&of_store, deed);
                        model.check(&of_store);
                    }
                    Ok(())
                });
                *lock(&store.0.keeper.checkpoint.before_batch) = Some(before_batch);
                let stopped = store.0.keeper.checkpoint.run().is_err();
                *lock(&store.0.keeper.checkpoint.before_batch) = None;
                if stopped {
                    cut_off += 1;
                    store = reopen(store, dir, Step::Crash);
                }
            }
            Step::Close | Step::Crash | Step::Torn => store = reopen(store, dir, step),
        }
        lock(&model).check(&store);
    }
    lock(&model).check(&store);
    cut_off
}

fn reopen(store: Store, dir: &Path, how: Step) -> Store {
    match how {
        Step::Close => store.close().unwrap(),
        Step::Torn => {
            // What is queued and never synced may stand in the file in part.
            let durable = store.stats().durable;
            store.crash();
            let mut frames = Vec::new();
            for sequence in durable + 1..durable + 4 {
                let entry = super::super::Entry::Recorded(Box::new(call(sequence)));
                super::super::frame::append(&mut frames, sequence, durable, |out| {
                    super::super::codec::encode_into(&entry, out)
                })
                .unwrap();
            }
            // The first frame is broken; the others may be whole.
            frames[10] ^= 1;
            append(dir, &frames);
        }
        _ => store.crash(),
    }
    drop(store);
    open_with(dir, small())
}

/// Writes behind the last frame of the journal, where there is room.
fn append(dir: &Path, bytes: &[u8]) {
    use super::super::segment::{self, Content};
    let found = segment::list(&dir.join("journal")).unwrap();
    let Some(last) = found
        .iter()
        .rfind(|segment| segment.content != Content::Empty)
    else {
        return;
    };
    let mut file = std::fs::read(&last.path).unwrap();
    let scanned = segment::scan(&file, None, true, |_, _| Ok::<_, ()>(())).unwrap();
    let used = usize::try_from(scanned.used).unwrap();
    let end = (used + bytes.len()).min(file.len());
    file[used..end].copy_from_slice(&bytes[..end - used]);
    std::fs::write(&last.path, file).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_plain_model_holds(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), steps);
    }
}

/// Every batch of a checkpoint with everything in it, one after the other, while callers go on.
#[test]
fn a_checkpoint_cut_off_after_any_batch_loses_nothing_and_counts_nothing_twice() {
    let write = |from: u8| Deed::Write((from..from + 3).map(|name| (name, Some(name))).collect());
    let meanwhile = || {
        vec![
            Deed::Settle(1),
            Deed::Open,
            Deed::Record(9),
            write(8),
            Deed::Settle(0),
            Deed::Open,
            Deed::Record(1),
            Deed::Drop,
        ]
    };
    for batches in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let cut_off = run(
            dir.path(),
            vec![
                Step::Do(Deed::Open),
                Step::Do(Deed::Open),
                Step::Do(Deed::Record(25)),
                Step::Do(write(1)),
                Step::Checkpoint,
                Step::Do(Deed::Settle(0)),
                Step::Do(Deed::Open),
                Step::Do(Deed::Record(30)),
                Step::Do(write(2)),
                Step::Interrupted(batches, meanwhile()),
                Step::Do(Deed::Settle(0)),
                Step::Do(Deed::Record(30)),
                Step::Do(Deed::Drop),
                Step::Interrupted(batches, Vec::new()),
                Step::Do(Deed::Settle(0)),
                Step::Do(write(5)),
                Step::Interrupted(batches, meanwhile()),
                Step::Crash,
                Step::Do(Deed::Record(9)),
                Step::Close,
            ],
        );
        if cut_off == 0 {
            break;
        }
    }
}
