//! The change of the master key, cut off at each step.

use std::collections::BTreeMap;

use super::*;
use crate::domain::{ChannelKind, ChannelStatus, CostSource, Multiplier};
use crate::state::{
    CallingChange, CredentialState, GivenCredential, NewChannel, NewWebhook, State,
};
use crate::storage::Options;

const OLD: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const NEW: &str = "0202020202020202020202020202020202020202020202020202020202020202";

fn open(dir: &Path) -> Store {
    Store::open(dir, Options::default(), &mut |_| {}).unwrap()
}

fn key(text: &str) -> MasterKey {
    MasterKey::from_hex(text, "test").unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(future)
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn state(dir: &Path, store: &Store, variable: Option<&str>) -> anyhow::Result<State> {
    let clock = Clock::system();
    let settings = crate::config::Config::default()
        .settings(([127, 0, 0, 1], 0).into())
        .unwrap();
    let key = master_key(dir, variable, store)?;
    Ok(State::open(settings, store.clone(), key, clock).unwrap())
}

/// A data directory with a channel and a webhook, sealed with the old key.
fn directory(variable: Option<&str>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    if variable.is_none() {
        write_private(&current(dir.path()), OLD).unwrap();
    }
    let state = state(dir.path(), &store, variable).unwrap();
    let actor = Actor::system();
    let calling = CallingChange {
        headers: BTreeMap::from([("x-key".to_owned(), Some(secret("the header")))]),
        proxy: Some(Some(secret("http://ada:word@proxy:1"))),
        ..CallingChange::default()
    };
    let channel = NewChannel {
        name: "c".to_owned(),
        kind: ChannelKind::OpenAi,
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        api_version: None,
        credentials: vec![
            GivenCredential::Entered(secret("the credential")),
            GivenCredential::Entered(secret("another credential")),
        ],
        models: vec!["m".to_owned()],
        model_map: BTreeMap::new(),
        priority: 0,
        weight: 1,
        price_multiplier: Multiplier::ONE,
        cost_source: CostSource::Catalogue,
        calling,
        status: ChannelStatus::Disabled,
    };
    let webhook = NewWebhook {
        name: "w".to_owned(),
        url: "https://example.com/".to_owned(),
        secret: Some(secret("the-secret-of-the-webhook")),
        events: Vec::new(),
        status: crate::domain::WebhookStatus::Active,
    };
    block_on(async {
        state.channels.create(channel, &actor).await.unwrap();
        state.webhooks.create(webhook, &actor).await.unwrap();
    });
    drop(state);
    store.close().unwrap();
    dir
}

/// Opens the directory as a start does; everything must open, with the key that is there afterwards.
fn check(dir: &Path, variable: Option<&str>, expected: &str) {
    let store = open(dir);
    let state = state(dir, &store, variable).unwrap();
    let view = &state.channels.list().unwrap()[0];
    assert_eq!(view.channel.status, ChannelStatus::Disabled);
    let states: Vec<_> = view.credentials.iter().map(|one| one.state).collect();
    assert_eq!(states, [CredentialState::Sealed; 2]);
    let upstream = state.channels.upstream(view.channel.id, None).unwrap();
    assert_eq!(upstream.credential(), Some("the credential"));
    assert_eq!(upstream.headers()[0].1.as_str(), "the header");
    assert_eq!(upstream.proxy().unwrap().authority(), "proxy:1");
    assert!(state.webhooks.unreadable().is_empty());
    let used = master_key(dir, variable, &store).unwrap();
    assert_eq!(used.fingerprint(), key(expected).fingerprint());
    assert!(!exists(&next(dir)).unwrap() && !exists(&unfinished(dir)).unwrap());
    drop(state);
    store.close().unwrap();
}

fn commit(store: &Store) {
    let clock = Clock::system();
    let keys = (&key(OLD), &key(NEW));
    let done = state::reseal(store, &clock, keys, &Actor::command_line()).unwrap();
    assert_eq!((done.secrets, done.unreadable), (5, Vec::new()));
}

#[test]
fn cut_off_at_any_step_it_is_undone_or_finished_at_the_next_start() {
    type Until = fn(&Path, &Store);
    let steps: [(&str, Until, &str); 5] = [
        ("before anything", |_, _| {}, OLD),
        (
            "in the middle of the new key's file",
            |dir, _| fs::write(unfinished(dir), &NEW[..20]).unwrap(),
            OLD,
        ),
        (
            "with the new key beside the old one",
            |dir, _| stage(dir, NEW).unwrap(),
            OLD,
        ),
        (
            "when all is sealed anew",
            |dir, store| {
                stage(dir, NEW).unwrap();
                commit(store);
            },
            NEW,
        ),
        (
            "at its end",
            |dir, store| {
                stage(dir, NEW).unwrap();
                commit(store);
                put_in_place(dir).unwrap();
            },
            NEW,
        ),
    ];
    for (when, until, expected) in steps {
        let dir = directory(None);
        let store = open(dir.path());
        until(dir.path(), &store);
        store.crash();
        drop(store);
        println!("cut off {when}");
        check(dir.path(), None, expected);
        // And a second start finds nothing left to do.
        check(dir.path(), None, expected);
    }
}

#[test]
fn a_key_of_the_environment_is_asked_for_until_it_is_the_new_one() {
    let dir = directory(Some(OLD));
    let store = open(dir.path());
    stage(dir.path(), NEW).unwrap();
    store.crash();
    drop(store);
    check(dir.path(), Some(OLD), OLD);
    let store = open(dir.path());
    let done = rekey(dir.path(), Some(OLD), None, &store, &Clock::system()).unwrap();
    assert_eq!(done.to_set, Some(next(dir.path())));
    store.crash();
    drop(store);
    let made = fs::read_to_string(next(dir.path())).unwrap();
    let store = open(dir.path());
    let refused = state(dir.path(), &store, Some(OLD))
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("master.key.new"), "{refused}");
    store.close().unwrap();
    drop(store);
    check(dir.path(), Some(made.trim()), made.trim());
    // The environment no longer names a key that the directory needs.
    assert!(!exists(&current(dir.path())).unwrap());
}

#[test]
fn a_given_key_is_taken_and_the_same_one_refused() {
    let dir = directory(None);
    let file = dir.path().join("given");
    fs::write(&file, format!("{NEW}\n")).unwrap();
    let store = open(dir.path());
    let clock = Clock::system();
    let done = rekey(dir.path(), None, Some(&file), &store, &clock).unwrap();
    assert_eq!((done.resealed.secrets, done.to_set), (5, None));
    let again = rekey(dir.path(), None, Some(&file), &store, &clock).unwrap_err();
    assert!(again.to_string().contains("already"), "{again}");
    fs::write(&file, "short").unwrap();
    assert!(rekey(dir.path(), None, Some(&file), &store, &clock).is_err());
    store.close().unwrap();
    drop(store);
    check(dir.path(), None, NEW);
}

#[test]
fn what_the_old_key_does_not_open_is_named_and_stays() {
    let dir = directory(None);
    fs::remove_file(current(dir.path())).unwrap();
    write_private(&current(dir.path()), NEW).unwrap();
    let store = open(dir.path());
    let done = rekey(dir.path(), None, None, &store, &Clock::system()).unwrap();
    assert_eq!(done.resealed.secrets, 0);
    assert_eq!(done.resealed.unreadable, ["c", "w"]);
    store.close().unwrap();
}
