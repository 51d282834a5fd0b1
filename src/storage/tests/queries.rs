//! Queries of a large call log open few pages, and find what a plain filter finds.

use std::sync::LazyLock;
use std::time::Duration;

use super::super::{CallFilter, Cursor, Store};
use super::samples::{call, id, open, opened, options};
use crate::domain::{
    Call, CallStatus, ChannelId, Grain, KeyId, Period, ScopeKind, Timestamp, TotalKey,
};

const MANY: u64 = 20_000;

/// The `number`-th call of a log in which keys and models come and go, as they do.
fn varied(number: u64) -> Call {
    let mut call = call(number);
    call.opened.key_id = KeyId(id(number / 3000));
    call.opened.model = format!("model-{}", number / 700);
    if number == 12_345 {
        call.outcome.status = CallStatus::Cancelled;
    }
    call
}

static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| (0..MANY).map(varied).collect());

fn filled() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for chunk in CALLS.chunks(7_000) {
        let last = chunk
            .iter()
            .map(|call| store.record_call(call.clone()))
            .reduce(|_, last| last)
            .unwrap();
        store.wait_durable(last).unwrap();
        store.0.keeper.keep().unwrap();
    }
    (dir, store)
}

#[test]
fn a_filter_opens_only_pages_that_can_match() {
    let (_dir, store) = filled();
    let at = |number| Some(opened(number).started_at);
    let day = Duration::from_secs(3600);
    for (most, filter) in [
        (2, CallFilter::default()),
        (
            2,
            CallFilter {
                status: Some(CallStatus::Cancelled),
                ..CallFilter::default()
            },
        ),
        (
            9,
            CallFilter {
                keys: Some(vec![KeyId(id(2))]),
                ..CallFilter::default()
            },
        ),
        (
            3,
            CallFilter {
                model: Some("model-9".into()),
                ..CallFilter::default()
            },
        ),
        (
            3,
            CallFilter {
                from: at(5_000),
                to: Some(opened(5_000).started_at.after(day)),
                ..CallFilter::default()
            },
        ),
        (
            0,
            CallFilter {
                keys: Some(vec![KeyId(id(99))]),
                ..CallFilter::default()
            },
        ),
        (
            0,
            CallFilter {
                accounts: Some(id(99).into()),
                ..CallFilter::default()
            },
        ),
        (
            0,
            CallFilter {
                channel: Some(ChannelId(id(99))),
                ..CallFilter::default()
            },
        ),
        (
            3,
            CallFilter {
                channel: Some(ChannelId(id(1))),
                ..CallFilter::default()
            },
        ),
    ] {
        let before = store.stats().pages_opened;
        let found = store.calls(&filter, None, 50).unwrap();
        let opened = store.stats().pages_opened - before;
        let expected: Vec<_> = CALLS
            .iter()
            .rev()
            .filter(|call| filter.matches(call))
            .take(50)
            .cloned()
            .collect();
        assert!(found.calls == expected, "{filter:?}");
        assert!(
            opened <= most,
            "{opened} pages opened, not {most}: {filter:?}"
        );
    }
    let before = store.stats().pages_opened;
    assert_eq!(store.call(opened(3_333).id).unwrap(), Some(varied(3_333)));
    assert_eq!(store.call(opened(MANY + 7).id).unwrap(), None);
    assert!(store.stats().pages_opened - before <= 1);
}

#[test]
fn paging_walks_the_whole_log_once_while_new_calls_come() {
    let (_dir, store) = filled();
    let filter = CallFilter {
        accounts: Some(id(1).into()),
        ..CallFilter::default()
    };
    let expected: Vec<_> = CALLS
        .iter()
        .rev()
        .filter(|call| filter.matches(call))
        .cloned()
        .collect();
    let (mut walked, mut cursor, mut number) = (Vec::new(), None, MANY);
    loop {
        let page = store.calls(&filter, cursor, 1_000).unwrap();
        walked.extend(page.calls);
        store
            .wait_durable(store.record_call(varied(number)))
            .unwrap();
        number += 1;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(walked == expected);
    assert_eq!(store.calls(&filter, Some(Cursor(1)), 10).unwrap().calls, []);
    assert_eq!(store.calls(&filter, None, 0).unwrap().calls, []);
}

#[test]
fn totals_are_found_by_kind_grain_period_and_key() {
    let (_dir, store) = filled();
    let late = varied(MANY);
    store.wait_durable(store.record_call(late.clone())).unwrap();
    let plain = |kind: ScopeKind, grain: Grain, from: i32, to: i32, of: Option<KeyId>| {
        let mut totals = std::collections::BTreeMap::new();
        for call in CALLS.iter().chain([&late]) {
            TotalKey::each_of(call, |key| {
                let in_range = (from..to).contains(&key.period.index());
                if key.scope.kind() == kind
                    && key.period.grain() == grain
                    && in_range
                    && of.is_none_or(|of| of == call.opened.key_id)
                {
                    let total: &mut crate::domain::Tally = totals.entry(key).or_default();
                    *total = total.plus(crate::domain::Tally::of(call));
                }
            });
        }
        totals
    };
    let hour = opened(9_000).started_at.hour().0;
    for (kind, grain, from, to, of) in [
        (ScopeKind::All, Grain::Ever, 0, 1, None),
        (ScopeKind::Model, Grain::Day, 20_001, 20_003, None),
        (ScopeKind::Channel, Grain::Hour, hour, hour + 5, None),
        (
            ScopeKind::Key,
            Grain::Hour,
            hour - 20,
            hour + 20,
            Some(KeyId(id(3))),
        ),
        (
            ScopeKind::KeyModel,
            Grain::Hour,
            i32::MIN,
            i32::MAX,
            Some(KeyId(id(3))),
        ),
        (
            ScopeKind::KeyModel,
            Grain::Day,
            20_000,
            20_004,
            Some(late.opened.key_id),
        ),
        (ScopeKind::KeyModel, Grain::Day, 20_000, 20_004, None),
        (ScopeKind::Budget, Grain::Month, i32::MIN, i32::MAX, None),
        (
            ScopeKind::Key,
            Grain::Day,
            20_000,
            20_004,
            Some(KeyId(id(99))),
        ),
        (ScopeKind::Key, Grain::Day, 5, 5, None),
    ] {
        let found: std::collections::BTreeMap<_, _> = store
            .totals(kind, grain, from, to, of)
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(
            found,
            plain(kind, grain, from, to, of),
            "{kind:?} {grain:?} {from} {to} {of:?}"
        );
    }
    let key = TotalKey {
        scope: crate::domain::Scope::Key(late.opened.key_id),
        period: Period::Ever,
    };
    assert_eq!(
        store.total(&key).unwrap(),
        store
            .totals(ScopeKind::Key, Grain::Ever, 0, 1, Some(late.opened.key_id))
            .unwrap()[0]
            .1
    );
}

#[test]
fn what_takes_long_reports_progress() {
    let (dir, store) = filled();
    store.close().unwrap();
    drop(store);
    let mut steps = Vec::new();
    let store = Store::open(dir.path(), options(), &mut |step| steps.push(step)).unwrap();
    for what in [
        "Verifying the database",
        "Verifying the call log",
        "Replaying the journal",
    ] {
        let last = steps.iter().rfind(|step| step.what == what).unwrap();
        assert_eq!(last.done, last.of, "{what}");
    }
    assert!(steps.iter().all(|step| step.done <= step.of));
    assert_eq!(store.stats().calls, MANY);
    assert_eq!(
        store.calls(&CallFilter::default(), None, 1).unwrap().calls[0],
        varied(MANY - 1)
    );
    let from = CallFilter {
        from: Some(Timestamp::from_micros(i64::MAX)),
        ..CallFilter::default()
    };
    assert_eq!(store.calls(&from, None, 10).unwrap().calls, []);
}
