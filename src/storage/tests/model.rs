//! Against a plain model: random entries, crashes, checkpoints cut off after any batch. Nothing lost, nothing counted twice.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::super::{Batch, CallFilter, Options, Setting, Store, gate::lock};
use super::samples::{call, open_with, opened, options, outcome, setting};
use crate::domain::{Call, Day, Grain, ScopeKind, Tally, TotalKey};

/// What a store should hold.
#[derive(Clone, Debug, Default)]
struct Model {
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

#[derive(Clone, Debug)]
enum Step {
    Open,
    Settle(usize),
    Record(u8),
    Write(Vec<(u8, Option<u8>)>),
    Drop,
    /// A checkpoint; stopped after so many batches.
    Checkpoint(Option<u32>),
    Close,
    Crash,
    /// A crash while the last group was being written: its frames are cut somewhere.
    Torn,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Open),
        6 => any::<usize>().prop_map(Step::Settle),
        3 => any::<u8>().prop_map(Step::Record),
        3 => prop::collection::vec((0u8..20, any::<Option<u8>>()), 1..6).prop_map(Step::Write),
        1 => Just(Step::Drop),
        2 => Just(Step::Checkpoint(None)),
        2 => (0u32..24).prop_map(|batches| Step::Checkpoint(Some(batches))),
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

fn run(dir: &Path, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut store = open_with(dir, small());
    let mut number = 0;
    for step in steps {
        let look = !matches!(
            step,
            Step::Open | Step::Settle(_) | Step::Record(_) | Step::Write(_)
        );
        match step {
            Step::Open => {
                store
                    .wait_durable(store.open_call(opened(number * 997)))
                    .unwrap();
                model.open.push(number * 997);
                number += 1;
            }
            Step::Settle(which) if !model.open.is_empty() => {
                let which = model.open.remove(which % model.open.len());
                store
                    .wait_durable(store.settle_call(opened(which).id, outcome(which)))
                    .unwrap();
                model.log(call(which));
            }
            Step::Settle(_) => {}
            Step::Record(many) => {
                for _ in 0..many {
                    store.record_call(call(number * 997));
                    model.log(call(number * 997));
                    number += 1;
                }
                store
                    .wait_durable(super::super::Ticket(store.0.journal.last_queued()))
                    .unwrap();
            }
            Step::Write(edits) => {
                let mut batch = Batch::new();
                for (name, value) in edits {
                    let name = name.to_string();
                    batch = match value {
                        Some(value) => {
                            model.settings.insert(name.clone(), value.to_string());
                            batch.put(&setting(&name, &value.to_string()))
                        }
                        None => {
                            model.settings.remove(&name);
                            batch.delete::<Setting>(name)
                        }
                    };
                }
                store.wait_durable(store.write(batch)).unwrap();
            }
            Step::Drop => {
                if let Some(last) = model.log.last() {
                    let day = last.opened.day;
                    let before = model.log.len();
                    if model.log.iter().any(|call| call.opened.day < day) {
                        model.log.retain(|call| call.opened.day >= day);
                        model.kept_from = model.kept_from.max(Some(day));
                    }
                    assert_eq!(
                        store.drop_calls_before(day).unwrap(),
                        before - model.log.len()
                    );
                }
            }
            Step::Checkpoint(None) => store.0.keeper.keep().unwrap(),
            Step::Checkpoint(Some(batches)) => {
                *lock(&store.0.keeper.checkpoint.stop_after) = Some(batches);
                let stopped = store.0.keeper.checkpoint.run().is_err();
                *lock(&store.0.keeper.checkpoint.stop_after) = None;
                if stopped {
                    model.check(&store);
                    store = reopen(store, dir, Step::Crash);
                }
            }
            Step::Close | Step::Crash | Step::Torn => store = reopen(store, dir, step),
        }
        if look {
            model.check(&store);
        }
    }
    model.check(&store);
}

fn reopen(store: Store, dir: &Path, how: Step) -> Store {
    match how {
        Step::Close => store.close().unwrap(),
        Step::Torn => {
            // What is queued and never synced may stand in the file in part.
            let durable = store.stats().durable;
            store.0.crash();
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
        _ => store.0.crash(),
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
    let used = segment::scan(&file, None, true, |_, _| Ok::<_, ()>(()))
        .unwrap()
        .used as usize;
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

/// Every batch of a checkpoint with everything in it, one after the other.
#[test]
fn a_checkpoint_cut_off_after_any_batch_loses_nothing_and_counts_nothing_twice() {
    for batches in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let write =
            |from: u8| Step::Write((from..from + 3).map(|name| (name, Some(name))).collect());
        run(
            dir.path(),
            vec![
                Step::Open,
                Step::Open,
                Step::Record(200),
                write(1),
                Step::Checkpoint(None),
                Step::Settle(0),
                Step::Open,
                Step::Record(250),
                write(2),
                Step::Checkpoint(Some(batches)),
                Step::Settle(0),
                Step::Record(240),
                Step::Drop,
                Step::Checkpoint(Some(batches)),
                Step::Settle(0),
                write(5),
                Step::Checkpoint(Some(batches / 2)),
                Step::Crash,
                Step::Record(100),
                Step::Close,
            ],
        );
    }
}
