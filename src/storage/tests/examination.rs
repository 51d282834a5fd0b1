//! The doctor finds what is wrong, and nothing where nothing is.

use std::path::Path;

use super::super::database::{Change, kind};
use super::super::segment;
use super::super::totals::{self, Stored};
use super::super::{Batch, Examination, Options, Store, codec, examine};
use super::samples::{call, open, open_with, opened, options, outcome, setting};
use crate::domain::{Day, Period, Scope, TotalKey};

fn doctor(dir: &Path) -> Examination {
    examine(dir, &options(), &mut |_| {})
}

fn filled(dir: &Path) -> Store {
    let store = open(dir);
    for number in 0..13_000 {
        store.record_call(call(number));
    }
    store.open_call(opened(20_000));
    store.settle_call(opened(20_000).id, outcome(20_000));
    store
        .wait_durable(store.write(Batch::new().put(&setting("a", "1"))))
        .unwrap();
    store
}

fn assert_finds(found: &Examination, words: &[&str]) {
    assert!(!found.is_sound(), "{found:#?}");
    for words in words {
        assert!(
            found
                .findings
                .iter()
                .any(|finding| finding.text.contains(words)),
            "no {words:?}: {found:#?}"
        );
    }
}

#[test]
fn a_sound_store_is_sound_after_closing_a_crash_and_retention() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    store.close().unwrap();
    drop(store);
    let found = doctor(dir.path());
    assert_eq!(found.findings, []);
    assert!(
        found.facts.iter().any(|fact| fact.contains("13001 calls")),
        "{found:#?}"
    );
    let store = open(dir.path());
    store.drop_calls_before(Day(20_001)).unwrap();
    store.wait_durable(store.open_call(opened(20_001))).unwrap();
    store.wait_durable(store.record_call(call(20_002))).unwrap();
    store.crash();
    drop(store);
    let found = doctor(dir.path());
    assert!(found.is_sound(), "{found:#?}");
    assert!(
        found
            .findings
            .iter()
            .any(|finding| finding.text.contains("1 calls are open")),
        "{found:#?}"
    );
    assert!(
        found.facts.iter().any(|fact| fact.contains("none differs")),
        "{found:#?}"
    );
    assert!(doctor(dir.path()).is_sound());
}

#[test]
fn a_trimmed_journal_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(
        dir.path(),
        Options {
            segment_bytes: 8192,
            keep_bytes: 0,
            ..options()
        },
    );
    for number in 0..300 {
        store.open_call(opened(number));
        if number % 100 == 50 {
            store
                .wait_durable(super::super::Ticket(store.0.journal.last_queued()))
                .unwrap();
            store.0.keeper.keep().unwrap();
        }
        if number > 20 {
            store.settle_call(opened(number - 20).id, outcome(number - 20));
        }
    }
    store.close().unwrap();
    drop(store);
    let found = doctor(dir.path());
    assert!(found.is_sound(), "{found:#?}");
}

#[test]
fn a_running_gateway_is_said_to_be_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path());
    assert_finds(&doctor(dir.path()), &["in use by another process"]);
    assert_finds(
        &doctor(&dir.path().join("nowhere")),
        &["not a data directory"],
    );
}

/// Changes behind the digest's back would be noticed by the digest; these are mistakes of the program itself.
#[test]
fn totals_that_are_wrong_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    store.0.keeper.keep().unwrap();
    let tamper = |total: TotalKey, more: u64| {
        let key = [&[kind::TOTAL], &totals::encode_key(&total)[..]].concat();
        let bytes = store.0.database.get(&key).unwrap();
        let mut stored: Stored = bytes
            .map(|bytes| codec::decode(&bytes).unwrap())
            .unwrap_or_default();
        stored.tally.prompt_tokens += more;
        let value = Some(codec::encode(&stored).unwrap());
        store
            .0
            .database
            .commit(&[Change { key, value }], |_| {})
            .unwrap();
    };
    let hour = opened(100).started_at.hour();
    tamper(
        TotalKey {
            scope: Scope::Key(opened(1).key_id),
            period: Period::Day(Day(20_001)),
        },
        7,
    );
    tamper(
        TotalKey {
            scope: Scope::Model("model-2".into()),
            period: Period::Hour(hour),
        },
        1,
    );
    tamper(
        TotalKey {
            scope: Scope::Budget(opened(1).budget_id),
            period: Period::Month(Day(20_000).month()),
        },
        1,
    );
    tamper(
        TotalKey {
            scope: Scope::Model("never".into()),
            period: Period::Day(Day(20_000)),
        },
        1,
    );
    store.close().unwrap();
    drop(store);
    let found = doctor(dir.path());
    assert_finds(
        &found,
        &["Day(Day(20001))", "Hour(Hour", "Month(Month", "never"],
    );
    // The day's total is wrong, so what was counted since the beginning is not the sum of its days, either.
    assert_finds(&found, &["its days add up to"]);
}

#[test]
fn calls_that_are_missing_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    store.0.keeper.keep().unwrap();
    let page = super::super::lock(&store.0.image).days[&Day(20_001)].pages[2].clone();
    let key = [
        &[kind::SUMMARY],
        &super::super::checkpoint::summary_key(&page)[..],
    ]
    .concat();
    store
        .0
        .database
        .commit(&[Change { key, value: None }], |_| {})
        .unwrap();
    store
        .0
        .database
        .write_pages(Day(20_001), [(page.key(), None)].into_iter())
        .unwrap();
    store.close().unwrap();
    drop(store);
    let found = doctor(dir.path());
    assert_finds(
        &found,
        &[
            "is not in the call log",
            "the call log has",
            "492 more differences",
        ],
    );
}

#[test]
fn damage_is_told_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    store.close().unwrap();
    drop(store);
    let path = segment::list(&dir.path().join("journal")).unwrap()[1]
        .path
        .clone();
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[5000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_finds(
        &doctor(dir.path()),
        &["000000000002.journal is damaged at byte"],
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::write(&path, &whole).unwrap();
    // sled opens a file that was cut short as if nothing had been lost; the journal knows better.
    let file = dir.path().join("db").join("db");
    let database = std::fs::read(&file).unwrap();
    std::fs::write(&file, &database[..database.len() / 2]).unwrap();
    assert_finds(
        &doctor(dir.path()),
        &["but had reached entry 13003", "the next start completes it"],
    );
    let mut bytes = database.clone();
    bytes[database.len() / 3] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_finds(&doctor(dir.path()), &["the next start"]);
    assert!(!dir.path().join("db.broken-1").exists());
    let store = open(dir.path());
    assert_eq!(store.warnings().len(), 1);
    store.close().unwrap();
    drop(store);
    assert_eq!(doctor(dir.path()).findings, []);
}
