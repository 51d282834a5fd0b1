//! Group commit, waking, reopening, locking.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::super::{Batch, OpenError, Setting, Store, Table};
use super::samples::{call, open, open_with, opened, options, outcome, setting};
use crate::domain::Day;

#[test]
fn what_is_durable_is_there_after_a_crash_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let threads: Vec<_> = (0..8u64)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                for number in (0..200).map(|n| thread * 1000 + n) {
                    store.open_call(opened(number));
                    store
                        .wait_durable(store.settle_call(opened(number).id, outcome(number)))
                        .unwrap();
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let groups = store.stats().groups;
    assert!(
        groups < 1600,
        "{groups} groups for 1600 commits: they share syncs"
    );
    store.crash();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.stats().calls, 1600);
    assert_eq!(store.open_calls(), []);
    let all = store.calls(&Default::default(), None, 5000).unwrap();
    let mut numbers: Vec<_> = all.calls.iter().map(|call| call.opened.id).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!((numbers.len(), all.next), (1600, None));
    for found in &all.calls {
        let number = u64::try_from(found.opened.id.0.as_u128() & 0xffff).unwrap();
        assert_eq!(*found, call(number));
    }
}

#[test]
fn a_batch_is_all_or_nothing_and_reads_see_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let batch = Batch::new()
        .put(&setting("b", "1"))
        .put(&setting("a", "2"))
        .put(&setting("c", "3"));
    store.wait_durable(store.write(batch)).unwrap();
    let check = |store: &Store| {
        let names: Vec<_> = store
            .load::<Setting>()
            .unwrap()
            .into_iter()
            .map(|setting| setting.name)
            .collect();
        assert_eq!(names, ["a", "c", "d"]);
        assert_eq!(
            store.find::<Setting>(b"a").unwrap(),
            Some(setting("a", "4"))
        );
        assert_eq!(store.find::<Setting>(b"b").unwrap(), None);
        let newest = |before: Option<&[u8]>, limit| {
            store
                .newest::<Setting>(before, limit)
                .unwrap()
                .into_iter()
                .map(|s| s.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(newest(None, 2), ["d", "c"]);
        assert_eq!(newest(Some(b"c"), 2), ["a"]);
        assert_eq!(newest(None, 0), [""; 0]);
    };
    store.0.keeper.keep().unwrap();
    let batch = Batch::new()
        .delete::<Setting>("b")
        .put(&setting("a", "4"))
        .put(&setting("d", "5"));
    store.wait_durable(store.write(batch)).unwrap();
    check(&store);
    store.0.keeper.keep().unwrap();
    check(&store);
    store.close().unwrap();
    drop(store);
    check(&open(dir.path()));
    assert_eq!(Table::Settings as u8, 7);
}

#[test]
fn an_open_call_outlives_a_crash_and_a_checkpoint_and_is_settled_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.open_call(opened(1));
    store.wait_durable(store.open_call(opened(2))).unwrap();
    store.0.keeper.keep().unwrap();
    store.wait_durable(store.open_call(opened(3))).unwrap();
    store.crash();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.open_calls(), [opened(1), opened(2), opened(3)]);
    store.settle_call(opened(2).id, outcome(2));
    store
        .wait_durable(store.settle_call(opened(2).id, outcome(2)))
        .unwrap();
    assert_eq!(store.stats().calls, 1);
    store.close().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.open_calls(), [opened(1), opened(3)]);
    assert_eq!(store.call(opened(2).id).unwrap(), Some(call(2)));
    assert_eq!(store.call(opened(3).id).unwrap(), None);
}

#[test]
fn one_process_has_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path(), options(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("in use by another process; stop that one")
    );
    store.close().unwrap();
    open(dir.path()).close().unwrap();
    store.close().unwrap();
}

#[test]
fn a_closed_store_takes_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let queued = store.record_call(call(1));
    store.close().unwrap();
    store.wait_durable(queued).unwrap();
    let late = store.record_call(call(2));
    assert!(
        store
            .wait_durable(late)
            .unwrap_err()
            .to_string()
            .contains("closed")
    );
    assert!(store.load::<Setting>().is_err());
}

#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    fn check(dir: &std::path::Path) -> usize {
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir), 0o700, "{}", dir.display());
        let items = std::fs::read_dir(dir)
            .unwrap()
            .map(|item| item.unwrap().path());
        items
            .map(|path| {
                if path.is_dir() {
                    return check(&path);
                }
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                1
            })
            .sum()
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    store.wait_durable(store.record_call(call(1))).unwrap();
    store.0.keeper.keep().unwrap();
    assert!(check(&dir.path().join("data")) > 4);
}

#[test]
fn a_newer_format_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close().unwrap();
    std::fs::write(dir.path().join("format"), "2\n").unwrap();
    let error = Store::open(dir.path(), options(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[test]
fn segments_rotate_and_old_ones_go_when_the_database_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let small = || super::super::Options {
        segment_bytes: 4096,
        keep_bytes: 20_000,
        ..options()
    };
    let store = open_with(dir.path(), small());
    for number in 0..500 {
        store.open_call(opened(number));
        let ticket = store.settle_call(opened(number).id, outcome(number));
        if number % 10 == 0 {
            store.wait_durable(ticket).unwrap();
        }
        if number == 250 {
            assert!(store.stats().segments > 10);
            store.0.keeper.keep().unwrap();
            assert!(store.stats().segments < 7, "{:?}", store.stats());
        }
    }
    store.close().unwrap();
    let stats = store.stats();
    assert!(stats.journal_bytes <= 20_000 + 4096, "{stats:?}");
    drop(store);
    let store = open_with(dir.path(), small());
    assert_eq!(store.stats().calls, 500);
    // An entry larger than a segment has one of its own.
    let large = setting("large", &"x".repeat(20_000));
    store
        .wait_durable(store.write(Batch::new().put(&large)))
        .unwrap();
    store.wait_durable(store.record_call(call(1000))).unwrap();
    store.crash();
    drop(store);
    let store = open_with(dir.path(), small());
    assert_eq!(store.load::<Setting>().unwrap(), [large]);
    assert_eq!(store.stats().calls, 501);
}

#[test]
fn dropped_days_leave_the_call_log_and_stay_in_the_totals() {
    use crate::domain::{Period, Scope, Tally, TotalKey};
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all = TotalKey {
        scope: Scope::All,
        period: Period::Ever,
    };
    for number in 0..12_000 {
        store.record_call(call(number));
    }
    store.0.keeper.keep().unwrap();
    store.wait_durable(store.record_call(call(12_000))).unwrap();
    let total: Tally = store.total(&all).unwrap();
    assert_eq!(store.drop_calls_before(Day(20_001)).unwrap(), 5760);
    assert_eq!(store.drop_calls_before(Day(20_001)).unwrap(), 0);
    for round in 0..4 {
        let stats = store.stats();
        assert_eq!(
            (stats.calls, store.total(&all).unwrap()),
            (12_001 - 5760, total),
            "round {round}"
        );
        assert_eq!(store.call(opened(5759).id).unwrap(), None);
        assert!(store.call(opened(5760).id).unwrap().is_some());
        assert_eq!(
            store
                .calls(&Default::default(), None, 20_000)
                .unwrap()
                .calls
                .len(),
            12_001 - 5760
        );
        store.0.keeper.keep().unwrap();
    }
    store.crash();
    drop(store);
    let store = open(dir.path());
    assert_eq!(
        (store.stats().calls, store.total(&all).unwrap()),
        (12_001 - 5760, total)
    );
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waiters of one thread: one is woken across threads, the others when it is polled or dropped, or after a moment.
#[test]
fn one_wake_a_thread_and_group() {
    for way in ["polled", "dropped", "neither"] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let counts: Vec<_> = (0..5)
            .map(|_| Arc::new(Count(AtomicUsize::new(0))))
            .collect();
        let total = || {
            counts
                .iter()
                .map(|count| count.0.load(Ordering::SeqCst))
                .sum::<usize>()
        };
        let image = super::super::lock(&store.0.image);
        let ticket = store.record_call(call(1));
        let mut waiting: Vec<_> = counts.iter().map(|_| Some(store.durable(ticket))).collect();
        for (durable, count) in waiting.iter_mut().zip(&counts) {
            let waker = Waker::from(count.clone());
            assert!(
                std::pin::Pin::new(durable.as_mut().unwrap())
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        // The writer publishes only when it has the image: until then nobody is woken.
        assert_eq!(total(), 0);
        drop(image);
        let patience = || std::thread::sleep(Duration::from_micros(200));
        while total() == 0 {
            patience();
        }
        let first = counts
            .iter()
            .position(|count| count.0.load(Ordering::SeqCst) == 1)
            .unwrap();
        match way {
            "polled" => {
                let waker = Waker::from(counts[first].clone());
                let polled = std::pin::Pin::new(waiting[first].as_mut().unwrap())
                    .poll(&mut Context::from_waker(&waker));
                assert_eq!(polled, Poll::Ready(Ok(())));
                assert_eq!(total(), 5);
            }
            "dropped" => {
                waiting[first] = None;
                assert_eq!(total(), 5);
            }
            _ => {
                while total() < 5 {
                    patience();
                }
            }
        }
    }
}
