//! Files cut, flipped and removed: recovered, made again, or refused with words; never served with anything missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::segment::{self, Content, HEAD};
use super::super::{Batch, CallFilter, OpenError, Options, Setting, Store};
use super::samples::{call, copy, open, open_with, opened, options, outcome, setting};

/// The last journal file that is in use, where its frames stand, and where the last one ends.
fn frames(dir: &Path) -> (PathBuf, Vec<u64>, u64) {
    let found = segment::list(&dir.join("journal")).unwrap();
    let path = found
        .iter()
        .rfind(|segment| segment.content != Content::Empty)
        .unwrap()
        .path
        .clone();
    let mut offsets = Vec::new();
    let scan = segment::scan(&fs::read(&path).unwrap(), None, true, |_, offset| {
        offsets.push(offset);
        Ok::<_, ()>(())
    });
    (path, offsets, scan.unwrap().used)
}

/// What can be seen of a store.
fn sight(store: &Store) -> impl PartialEq + std::fmt::Debug + use<> {
    let calls = store
        .calls(&CallFilter::default(), None, 100_000)
        .unwrap()
        .calls;
    let all = crate::domain::TotalKey {
        scope: crate::domain::Scope::All,
        period: crate::domain::Period::Ever,
    };
    (
        calls.len(),
        calls.last().cloned(),
        store.open_calls(),
        store.load::<Setting>().unwrap(),
        store.total(&all).unwrap(),
    )
}

fn small() -> Options {
    Options {
        segment_bytes: 16 << 10,
        ..options()
    }
}

/// A store with a checkpoint in the middle, two open calls and a deleted record, crashed.
fn filled(dir: &Path, options: Options) {
    let store = open_with(dir, options);
    store.write(
        Batch::new()
            .put(&setting("gone", "1"))
            .put(&setting("stays", "1")),
    );
    for number in 0..600 {
        store.open_call(opened(number));
        let ticket = store.settle_call(opened(number).id, outcome(number));
        if number % 50 == 0 {
            store.wait_durable(ticket).unwrap();
        }
    }
    store
        .wait_durable(store.write(Batch::new().delete::<Setting>("gone")))
        .unwrap();
    store.0.keeper.keep().unwrap();
    store.open_call(opened(1000));
    for number in 600..620 {
        store.wait_durable(store.record_call(call(number))).unwrap();
    }
    store.wait_durable(store.open_call(opened(1001))).unwrap();
    store.crash();
}

#[test]
fn the_journal_cut_at_every_byte_of_its_last_frames() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.wait_durable(store.record_call(call(0))).unwrap();
    store.0.keeper.keep().unwrap();
    for number in 1..4 {
        store.wait_durable(store.record_call(call(number))).unwrap();
    }
    store.crash();
    drop(store);
    let (path, offsets, end) = frames(dir.path());
    let whole = fs::read(&path).unwrap();
    let first = offsets[offsets.len() - 3];
    for cut in first..=end {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let mut bytes = whole.clone();
        bytes[usize::try_from(cut).unwrap()..].fill(0);
        let file = copied
            .path()
            .join("journal")
            .join(path.file_name().unwrap());
        // Half of the time the file itself is shorter, as after a crash of the file system.
        if cut % 2 == 0 {
            bytes.truncate(usize::try_from(cut).unwrap());
        }
        fs::write(&file, bytes).unwrap();
        let store = open(copied.path());
        // A frame may end in zeros: cutting those changes nothing.
        let kept = offsets
            .iter()
            .skip(1)
            .filter(|offset| **offset <= cut)
            .count() as u64
            - 1
            + u64::from(cut == end);
        let calls = store.stats().calls;
        assert!(
            calls == kept || calls == kept + 1,
            "cut at {cut}: {calls} calls, {kept} expected"
        );
        // It goes on from there.
        store.wait_durable(store.record_call(call(77))).unwrap();
        store.crash();
        drop(store);
        assert_eq!(open(copied.path()).stats().calls, calls + 1, "cut at {cut}");
    }
}

#[test]
fn a_byte_flipped_at_every_position_of_a_middle_frame_is_an_error_that_names_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..5 {
        store.wait_durable(store.record_call(call(number))).unwrap();
    }
    store.crash();
    drop(store);
    let (path, offsets, _) = frames(dir.path());
    let whole = fs::read(&path).unwrap();
    for at in offsets[2]..offsets[3] {
        let mut bytes = whole.clone();
        bytes[usize::try_from(at).unwrap()] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let error = Store::open(dir.path(), options(), &mut |_| {})
            .map(drop)
            .unwrap_err();
        match &error {
            OpenError::Journal {
                path: named,
                offset,
                ..
            } => assert_eq!((named, *offset), (&path, offsets[2]), "byte {at}"),
            _ => panic!("byte {at}: {error}"),
        }
        assert!(error.to_string().contains("nothing is served"));
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(open(dir.path()).stats().calls, 5);
}

#[test]
fn a_broken_frame_in_a_file_that_others_follow_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(dir.path(), small());
    for number in 0..200 {
        store.wait_durable(store.record_call(call(number))).unwrap();
    }
    store.crash();
    drop(store);
    let found = segment::list(&dir.path().join("journal")).unwrap();
    assert!(found.len() > 3);
    for (place, at) in [(0, 30), (0, 3000), (1, HEAD + 4), (1, 9000)] {
        let path = &found[place].path;
        let whole = fs::read(path).unwrap();
        let mut bytes = whole.clone();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        fs::write(path, bytes).unwrap();
        let error = Store::open(dir.path(), small(), &mut |_| {})
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(&error, OpenError::Journal { path: named, .. } if named == path),
            "{error}"
        );
        fs::write(path, whole).unwrap();
    }
    fs::rename(&found[1].path, dir.path().join("elsewhere")).unwrap();
    let error = Store::open(dir.path(), small(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("000000000002.journal is missing"),
        "{error}"
    );
    fs::rename(dir.path().join("elsewhere"), &found[1].path).unwrap();
    assert_eq!(open_with(dir.path(), small()).stats().calls, 200);
}

#[test]
fn a_journal_that_ends_before_the_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), options());
    for item in fs::read_dir(dir.path().join("journal")).unwrap() {
        fs::remove_file(item.unwrap().path()).unwrap();
    }
    let error = Store::open(dir.path(), options(), &mut |_| {})
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, OpenError::Incomplete { .. }), "{error}");
}

/// Damages a file of the database in many ways, and hands each damaged copy to `check`.
fn each_damage(dir: &Path, mut check: impl FnMut(&str, &Path)) {
    let mut files = Vec::new();
    collect(&dir.join("db"), &mut files);
    assert!(files.len() >= 2);
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let name = file.strip_prefix(dir).unwrap();
        let mut damaged = |what: String, bytes: Option<&[u8]>| {
            let copied = tempfile::tempdir().unwrap();
            copy(dir, copied.path());
            let file = copied.path().join(name);
            match bytes {
                Some(bytes) => fs::write(file, bytes).unwrap(),
                None => fs::remove_file(file).unwrap(),
            }
            check(&format!("{} {what}", name.display()), copied.path());
        };
        damaged("removed".into(), None);
        for length in [
            0,
            1,
            bytes.len() / 7,
            bytes.len() / 3,
            bytes.len() / 2,
            bytes.len() * 9 / 10,
            bytes.len().saturating_sub(1),
        ] {
            damaged(
                format!("cut to {length} of {}", bytes.len()),
                Some(&bytes[..length]),
            );
        }
        // Where the file holds anything, at many places.
        let used: Vec<usize> = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte != 0)
            .map(|(at, _)| at)
            .collect();
        for at in used.iter().step_by((used.len() / 24).max(1)) {
            let mut flipped = bytes.clone();
            flipped[*at] ^= 0x20;
            damaged(format!("flipped at {at}"), Some(&flipped));
        }
    }
    let copied = tempfile::tempdir().unwrap();
    copy(dir, copied.path());
    fs::remove_dir_all(copied.path().join("db")).unwrap();
    check("removed", copied.path());
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            collect(&path, files)
        } else {
            files.push(path)
        }
    }
}

#[test]
fn a_damaged_database_is_made_again_from_a_whole_journal() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), options());
    let expected = {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        sight(&open(copied.path()))
    };
    let mut rebuilt = 0;
    each_damage(dir.path(), |what, damaged| {
        let store = open(damaged);
        assert!(sight(&store) == expected, "{what}: {:?}", store.warnings());
        rebuilt += store.warnings().len();
        store.close().unwrap();
        drop(store);
        assert!(sight(&open(damaged)) == expected, "{what}, opened again");
    });
    assert!(rebuilt > 10, "{rebuilt}");
}

#[test]
fn a_damaged_database_is_refused_when_the_journal_was_trimmed() {
    let trimmed = || Options {
        segment_bytes: 16 << 10,
        keep_bytes: 0,
        ..options()
    };
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), trimmed());
    let expected = {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        sight(&open_with(copied.path(), trimmed()))
    };
    let mut refused = 0;
    each_damage(dir.path(), |what, damaged| {
        match Store::open(damaged, trimmed(), &mut |_| {}) {
            Ok(store) => assert!(
                sight(&store) == expected,
                "{what}: served with something missing"
            ),
            Err(error @ OpenError::Database { .. }) => {
                refused += 1;
                let words = error.to_string();
                assert!(
                    words.contains("/db ") && words.contains("from a backup"),
                    "{words}"
                );
            }
            Err(error) => panic!("{what}: {error}"),
        }
    });
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_directory_that_lost_both_journal_and_database_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), options());
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    fs::remove_dir_all(dir.path().join("db")).unwrap();
    for _ in 0..2 {
        let error = Store::open(dir.path(), options(), &mut |_| {})
            .map(drop)
            .unwrap_err();
        assert!(matches!(error, OpenError::Incomplete { .. }), "{error}");
        assert!(error.to_string().contains("journal is missing"), "{error}");
    }
}

#[test]
fn a_database_whose_lock_somebody_has_for_a_moment_is_waited_for_and_not_made_again() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), options());
    let file = fs::File::open(dir.path().join("db/db")).unwrap();
    file.lock().unwrap();
    let path = dir.path().to_owned();
    let (send, opened) = std::sync::mpsc::channel();
    let opening = std::thread::spawn(move || send.send(open(&path)));
    assert!(opened.recv_timeout(Duration::from_millis(100)).is_err());
    file.unlock().unwrap();
    let store = opened.recv().unwrap();
    opening.join().unwrap().unwrap();
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    store.close().unwrap();
}
