//! A disk that fails: final, told to everyone, and nothing that was acknowledged is lost.

use std::io::{Error, ErrorKind};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::super::disk::Fault;
use super::super::gate::lock;
use super::super::words::Words;
use super::super::{OpenError, Options, Store};
use super::samples::{call, open, open_with, options};

/// Writes until the fault strikes; returns how many calls were acknowledged.
fn until_it_fails(store: &Store) -> u64 {
    let (tell, told) = channel();
    store.on_failure(move |failure| tell.send(failure).unwrap());
    let mut acknowledged = 0;
    let failure = loop {
        match store.wait_durable(store.record_call(call(acknowledged))) {
            Ok(()) => acknowledged += 1,
            Err(failure) => break failure,
        }
        assert!(acknowledged < 10_000, "the fault never struck");
    };
    assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), failure);
    assert_eq!(store.failed(), Some(failure.clone()));
    let (tell, told) = channel();
    store.on_failure(move |failure| tell.send(failure).unwrap());
    assert_eq!(told.recv().unwrap(), failure);
    // Final: nothing is tried again, nothing more is taken, closing says so.
    assert_eq!(
        store.wait_durable(store.record_call(call(9999))),
        Err(failure.clone())
    );
    assert_eq!(store.close(), Err(failure));
    acknowledged
}

fn recovers(which: impl Fn(&Options) -> Fault, kind: ErrorKind, words: &str) {
    for successes in [0, 1, 5, 17] {
        let dir = tempfile::tempdir().unwrap();
        let faulty = Options {
            segment_bytes: 4096,
            ..options()
        };
        let store = open_with(dir.path(), faulty.clone());
        which(&faulty).after(successes, kind);
        let acknowledged = until_it_fails(&store);
        let failure = store.failed().unwrap().to_string();
        assert!(
            failure.contains(words) && failure.contains("What was acknowledged is safe"),
            "{failure}"
        );
        drop(store);
        let calls = open(dir.path()).stats().calls;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&calls),
            "{calls} calls, {acknowledged} acknowledged"
        );
    }
}

#[test]
fn a_write_that_fails_is_final() {
    recovers(
        |options| options.faults.write.clone(),
        ErrorKind::Other,
        "the journal",
    );
}

#[test]
fn a_sync_that_fails_is_final() {
    recovers(
        |options| options.faults.sync.clone(),
        ErrorKind::Other,
        "the journal",
    );
}

#[test]
fn a_full_disk_is_noticed_while_there_is_room_in_the_current_file() {
    recovers(
        |options| options.faults.preallocate.clone(),
        ErrorKind::StorageFull,
        "free space on that disk",
    );
}

#[test]
fn all_who_wait_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let faulty = options();
    let store = open_with(dir.path(), faulty.clone());
    faulty.faults.sync.after(0, ErrorKind::Other);
    let waiting: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            std::thread::spawn(move || store.wait_durable(store.record_call(call(number))))
        })
        .collect();
    assert!(
        waiting
            .into_iter()
            .all(|thread| thread.join().unwrap().is_err())
    );
}

#[test]
fn a_failing_callback_may_close_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let faulty = options();
    let store = open_with(dir.path(), faulty.clone());
    faulty.faults.write.after(0, ErrorKind::Other);
    let (tell, told) = channel();
    let handle = store.clone();
    store.on_failure(move |_| tell.send(handle.close().is_err()).unwrap());
    store.wait_durable(store.record_call(call(1))).unwrap_err();
    assert_eq!(told.recv_timeout(Duration::from_secs(5)), Ok(true));
}

#[test]
fn a_checkpoint_that_fails_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.wait_durable(store.record_call(call(1))).unwrap();
    let mut batches = 0;
    *super::super::lock(&store.0.keeper.checkpoint.before_batch) = Some(Box::new(move || {
        batches += 1;
        if batches > 1 {
            return Err("stopped by the test".into());
        }
        Ok(())
    }));
    assert!(store.0.keeper.keep().is_err());
    assert!(
        store
            .failed()
            .unwrap()
            .to_string()
            .contains("safe in the journal")
    );
    drop(store);
    assert_eq!(open(dir.path()).stats().calls, 1);
}

/// EMFILE: nothing has been lost, so the checkpoint waits, and goes on where it was.
#[test]
fn a_checkpoint_without_descriptors_waits_for_some() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..50 {
        store.wait_durable(store.record_call(call(number))).unwrap();
    }
    let mut batches = 0;
    *lock(&store.0.keeper.checkpoint.before_batch) = Some(Box::new(move || {
        batches += 1;
        // In the midst of it, at another place each time.
        if [2, 5, 9].contains(&batches) {
            return Err(Words::of_io("open", &Error::from_raw_os_error(24)));
        }
        Ok(())
    }));
    store.0.keeper.keep().unwrap();
    assert_eq!(store.failed(), None);
    store.wait_durable(store.record_call(call(50))).unwrap();
    store.0.keeper.keep().unwrap();
    store.close().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.stats().calls, 51);
    assert_eq!(store.warnings(), &[] as &[String]);
}

/// The journal's next file is made when there are descriptors again.
#[test]
fn a_journal_file_without_descriptors_waits_for_some() {
    let path = std::path::Path::new("journal");
    let mut tries = 0;
    let made = super::super::writer::at_last(path, || {
        tries += 1;
        if tries < 3 {
            return Err(Error::from_raw_os_error(24));
        }
        Ok(tries)
    });
    assert_eq!(made.unwrap(), 3);
    let full = super::super::writer::at_last(path, || {
        tries += 1;
        Err::<(), _>(Error::from_raw_os_error(28))
    });
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(tries, 4);
}

/// Who takes `lock` for a leftover does not get a second process into the directory.
#[test]
fn a_removed_lock_file_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.wait_durable(store.record_call(call(0))).unwrap();
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    let second = Store::open(dir.path(), options(), &mut |_| {}).map(drop);
    assert!(matches!(second, Err(OpenError::Locked(_))), "{second:?}");
    store.wait_durable(store.record_call(call(1))).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.stats().calls, 2);
    assert_eq!(store.warnings(), &[] as &[String]);
}

/// sled's own lock, held by another process that minds no other.
#[test]
fn a_database_in_use_is_not_taken_for_damage() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let file = std::fs::File::open(dir.path().join("db/db")).unwrap();
    file.try_lock().unwrap();
    let refused = Store::open(dir.path(), options(), &mut |_| {}).map(drop);
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("another process") && error.contains("not damaged"),
        "{error}"
    );
    assert_eq!(broken_databases(dir.path()), 0);
    drop(file);
    assert_eq!(open(dir.path()).warnings(), &[] as &[String]);
}

fn broken_databases(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().starts_with("db.broken-"))
        .count()
}

#[test]
fn of_databases_that_break_one_after_the_other_the_latest_three_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    for number in 1..=6 {
        std::fs::write(dir.path().join("db/conf"), "no configuration of sled's").unwrap();
        let store = open(dir.path());
        assert_eq!(store.warnings().len(), 1, "{:?}", store.warnings());
        assert_eq!(broken_databases(dir.path()), number.min(3));
    }
    assert!(dir.path().join("db.broken-6").exists());
}

#[test]
fn an_unwritable_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    std::fs::write(&file, "not a directory").unwrap();
    let error = Store::open(&file, options(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(error, OpenError::Io { .. }) && error.to_string().contains("data"),
        "{error}"
    );
}

/// A disk that is really full, where this user may mount one.
#[test]
fn a_disk_that_is_really_full() {
    let dir = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new("mount")
            .args(args)
            .arg(dir.path())
            .output()
    };
    if !mount(&["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped: this user may not mount a tmpfs");
        return;
    }
    let result = std::panic::catch_unwind(|| {
        let store = open_with(
            dir.path(),
            Options {
                segment_bytes: 1 << 20,
                ..options()
            },
        );
        // Some hundred at once: what is waited for is the disk, not each call.
        let mut last = store.record_call(call(0));
        for number in 1.. {
            last = store.record_call(call(number));
            if number % 500 == 0 && store.wait_durable(last).is_err() {
                break;
            }
        }
        assert!(store.wait_durable(last).is_err());
        let failure = store.failed().unwrap().to_string();
        assert!(
            failure.contains("No space left") && failure.contains("free space on that disk"),
            "{failure}"
        );
        let durable = store.stats().durable;
        drop(store);
        // Still full: a clear error, and no harm: nothing is taken for damage. With room again: everything is there.
        if let Err(error) = Store::open(dir.path(), options(), &mut |_| {}).map(drop) {
            assert!(
                error.to_string().contains("space") || error.to_string().contains("os error 28"),
                "{error}"
            );
        }
        assert_eq!(broken_databases(dir.path()), 0);
        assert!(mount(&["-o", "remount,size=64m"]).unwrap().status.success());
        let store = open_with(
            dir.path(),
            Options {
                segment_bytes: 1 << 20,
                ..options()
            },
        );
        assert!(
            store.stats().calls >= durable && durable > 1000,
            "{} of {durable}",
            store.stats().calls
        );
    });
    std::process::Command::new("umount")
        .arg(dir.path())
        .output()
        .unwrap();
    result.unwrap();
}

#[test]
fn a_thread_that_panics_is_told_to_those_who_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(store.wait_durable(store.record_call(call(0))).is_ok());
    let journal = store.0.journal.clone();
    let ended = std::thread::spawn(move || {
        let _watch = journal.watch("test");
        panic!("as a fault of the store would");
    });
    assert!(ended.join().is_err());
    let failure = store.wait_durable(store.record_call(call(1))).unwrap_err();
    assert!(failure.to_string().contains("test thread"), "{failure}");
    assert_eq!(store.close(), Err(failure));
}

#[test]
fn a_checkpoint_without_an_end_holds_up_no_stop_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        checkpoint_every: Duration::from_millis(1),
        patience: Duration::from_millis(50),
        ..options()
    };
    let store = open_with(dir.path(), options);
    let (begin, begun) = channel();
    let (end, ended) = channel::<()>();
    *lock(&store.0.keeper.checkpoint.before_batch) = Some(Box::new(move || {
        let _ = begin.send(());
        // Until the test ends.
        let _ = ended.recv();
        Err("the test has ended".into())
    }));
    assert!(store.wait_durable(store.record_call(call(0))).is_ok());
    begun.recv().unwrap();
    let failure = store.close().unwrap_err();
    assert!(failure.to_string().contains("checkpoint"), "{failure}");
    // Still this process's: the thread may yet write.
    let second = Store::open(dir.path(), super::samples::options(), &mut |_| {});
    assert!(matches!(second.map(drop), Err(OpenError::Locked(_))));
    drop(end);
}
