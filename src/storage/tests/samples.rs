//! Calls, records and stores to test with.

use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::super::{Options, Setting, Store};
use crate::domain::{
    BudgetId, Call, CallId, CallStatus, ChannelId, Consumption, Day, Endpoint, KeyId, Money,
    Opened, Outcome, Timestamp, Usage,
};

/// Small files, no checkpoint but those the test asks for.
pub(super) fn options() -> Options {
    Options {
        keep_bytes: 1 << 30,
        segment_bytes: 64 << 10,
        checkpoint_every: Duration::from_secs(3600),
        gather: Duration::from_micros(300),
        ..Options::default()
    }
}

pub(super) fn open(dir: &Path) -> Store {
    open_with(dir, options())
}

pub(super) fn open_with(dir: &Path, options: Options) -> Store {
    Store::open(dir, options, &mut |_| {}).unwrap()
}

pub(super) fn id(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

/// The `number`-th call; four a minute from the beginning of day 20,000 on.
pub(super) fn opened(number: u64) -> Opened {
    let at = 20_000 * 86_400_000_000 + i64::try_from(number).unwrap() * 15_000_000;
    Opened {
        id: CallId(id(number)),
        started_at: Timestamp::from_micros(at),
        day: Day(i32::try_from(at / 86_400_000_000).unwrap()),
        key_id: KeyId(id(number % 7)),
        account_id: id(number % 3).into(),
        budget_id: BudgetId(id(number % 7)),
        endpoint: Endpoint::Chat,
        model: format!("model-{}", number % 5),
        stream: number.is_multiple_of(2),
        client_ip: None,
        user_agent: Some("test/1.0".into()),
        client_request_id: None,
        reserved: Some(Consumption {
            usd: Money::from_pico(9_000),
            tokens: 900,
            requests: 1,
        }),
        priced: true,
    }
}

pub(super) fn outcome(number: u64) -> Outcome {
    Outcome {
        ended_at: opened(number).started_at.after(Duration::from_secs(2)),
        status: if number.is_multiple_of(11) {
            CallStatus::Error
        } else {
            CallStatus::Ok
        },
        http_status: Some(200),
        error_code: None,
        channel_id: (!number.is_multiple_of(4)).then(|| ChannelId(id(number % 4))),
        upstream_model: None,
        parts: Vec::new(),
        usage: Usage {
            prompt: number % 100,
            completion: 3,
            ..Usage::default()
        },
        cost: Some(Money::from_pico(number)),
        latency_us: 2_000_000,
        first_token_us: Some(100_000),
        overhead_us: 50,
        attempts: Vec::new(),
        over_reservation: false,
    }
}

pub(super) fn call(number: u64) -> Call {
    Call {
        opened: opened(number),
        outcome: outcome(number),
    }
}

pub(super) fn setting(name: &str, value: &str) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
    }
}

/// Copies a data directory.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &to.join(item.file_name()));
        } else {
            std::fs::copy(item.path(), to.join(item.file_name())).unwrap();
        }
    }
}
