//! When a channel is out, and for whom.

use proptest::prelude::*;

use super::record::LONGEST_COOL_DOWN;
use super::*;

const M: Place<'_> = Place {
    endpoint: Endpoint::Chat,
    model: "model",
};
const EMBEDS: Place<'_> = Place {
    endpoint: Endpoint::Embeddings,
    ..M
};
const PROBE: Claim = Claim {
    channel: true,
    part: false,
};

fn claim(probe: bool) -> Claim {
    if probe { PROBE } else { Claim::default() }
}

/// The channel as a whole fails.
fn fail(health: &mut Health, now: Duration, probe: bool) -> Turned {
    health.fail(now, claim(probe), M, Failed::Channel)
}

fn succeed(health: &mut Health, now: Duration, probe: bool, took: Took) -> Turned {
    health.succeed(now, claim(probe), M, Some(1), took)
}

fn begin(health: &mut Health, now: Duration) -> Admits {
    health.begin(now, M).0
}

fn complaint(caller: u64, call: u64) -> Failed {
    Failed::Call(Complaint { caller, call })
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn cooling(until: u64) -> Admits {
    Admits::Out(Out::Cooling(at(until)))
}

fn down() -> Health {
    let mut health = Health::default();
    for _ in 0..4 {
        fail(&mut health, at(0), false);
    }
    health
}

#[test]
fn the_fourth_failure_in_a_row_takes_it_out() {
    let mut health = Health::default();
    for _ in 0..3 {
        assert_eq!(fail(&mut health, at(0), false), Turned::None);
    }
    assert_eq!(health.admits(at(0), M), Admits::Call);
    assert_eq!(
        fail(&mut health, at(0), false),
        Turned::Down(DownReason::Failures)
    );
    assert_eq!(health.admits(at(4), M), cooling(5));
}

#[test]
fn more_than_half_of_at_least_ten_failing_takes_it_out() {
    let mut health = Health::default();
    let mut reasons = Vec::new();
    for _ in 0..5 {
        reasons.push(fail(&mut health, at(0), false));
        reasons.push(fail(&mut health, at(0), false));
        if reasons.last() != Some(&Turned::Down(DownReason::ErrorRate)) {
            succeed(&mut health, at(0), false, Took::Unknown);
        }
    }
    let first = reasons.iter().position(|change| *change != Turned::None);
    // Two of three fail: the tenth outcome is the seventh failure.
    assert_eq!(first, Some(6), "{reasons:?}");
}

#[test]
fn one_probe_at_a_time_and_a_longer_wait_after_each_that_fails() {
    let mut health = down();
    assert_eq!(begin(&mut health, at(5)), Admits::Probe);
    assert_eq!(begin(&mut health, at(5)), cooling(5));
    health.release(PROBE, M);
    assert_eq!(begin(&mut health, at(5)), Admits::Probe);
    fail(&mut health, at(6), true);
    assert_eq!(health.admits(at(15), M), cooling(16));
    assert_eq!(begin(&mut health, at(16)), Admits::Probe);
    assert_eq!(
        succeed(&mut health, at(16), true, Took::Unknown),
        Turned::Back
    );
    assert_eq!(health.admits(at(16), M), Admits::Call);
}

#[test]
fn failures_of_calls_that_began_before_do_not_add_up() {
    let mut health = down();
    for _ in 0..50 {
        assert_eq!(fail(&mut health, at(1), false), Turned::None);
    }
    assert_eq!(health.admits(at(1), M), cooling(5));
}

#[test]
fn a_slow_channel_is_the_last_resort_until_a_stream_begins_in_time() {
    let mut health = Health::default();
    let slow = Took::ToFirstEvent(at(11));
    assert_eq!(succeed(&mut health, at(0), false, slow), Turned::None);
    assert_eq!(succeed(&mut health, at(0), false, slow), Turned::None);
    assert_eq!(
        succeed(&mut health, at(0), false, slow),
        Turned::Down(DownReason::Slow)
    );
    assert_eq!(health.admits(at(4), M), Admits::LastResort);
    // Neither another slow one nor one that was not streamed tells that it is better.
    succeed(&mut health, at(4), false, slow);
    succeed(&mut health, at(4), false, Took::Unknown);
    assert_eq!(health.admits(at(4), M), Admits::LastResort);
    // A slow probe makes the rest longer.
    assert_eq!(begin(&mut health, at(5)), Admits::Probe);
    assert_eq!(succeed(&mut health, at(5), true, slow), Turned::None);
    assert_eq!(health.condition(at(14)).until, Some(at(15)));
    assert_eq!(health.condition(at(14)).state, HealthState::Slow);
    assert_eq!(
        succeed(&mut health, at(14), false, Took::ToFirstEvent(at(1))),
        Turned::Back
    );
    assert_eq!(health.admits(at(14), M), Admits::Call);
}

#[test]
fn a_slow_channel_that_fails_is_out_like_any_other() {
    let mut health = Health::default();
    for _ in 0..3 {
        succeed(&mut health, at(0), false, Took::ToFirstEvent(at(11)));
    }
    for _ in 0..3 {
        assert_eq!(fail(&mut health, at(1), false), Turned::None);
    }
    assert_eq!(
        fail(&mut health, at(1), false),
        Turned::Down(DownReason::Failures)
    );
    assert!(matches!(
        health.admits(at(2), M),
        Admits::Out(Out::Cooling(_))
    ));
}

proptest! {
    #[test]
    fn no_history_keeps_it_out_for_longer_than_a_minute(outcomes in prop::collection::vec((0u64..90, any::<bool>()), 0..200)) {
        let (mut health, mut now) = (Health::default(), at(0));
        for (passed, good) in outcomes {
            now += at(passed);
            match begin(&mut health, now) {
                Admits::Out(Out::Cooling(until)) => {
                    prop_assert!(until <= now + LONGEST_COOL_DOWN);
                    prop_assert_eq!(health.admits(until, M), Admits::Probe);
                }
                Admits::Call | Admits::Probe if good => { succeed(&mut health, at(0), false, Took::Unknown); prop_assert_eq!(health.admits(now, M), Admits::Call); }
                Admits::LastResort | Admits::Out(Out::Limited(_) | Out::Refused | Out::Barred(_)) => prop_assert!(false, "nothing here is slow, limited or refused"),
                admits @ (Admits::Call | Admits::Probe) => { fail(&mut health, now, admits == Admits::Probe); }
            }
        }
    }
}

#[test]
fn a_part_that_fails_takes_nothing_else_out() {
    let mut health = Health::default();
    for _ in 0..4 {
        health.fail(at(0), Claim::default(), EMBEDS, Failed::Part);
    }
    assert_eq!(health.admits(at(4), EMBEDS), cooling(5));
    assert_eq!(health.admits(at(4), M), Admits::Call);
    let other = Place {
        model: "other",
        ..EMBEDS
    };
    assert_eq!(health.admits(at(4), other), Admits::Call);
    let condition = health.condition(at(4));
    assert_eq!(condition.state, HealthState::Cooling);
    assert_eq!(condition.parts[0].endpoint, Endpoint::Embeddings);
    // Chats that go well do not bring it back, its own do.
    succeed(&mut health, at(4), false, Took::Unknown);
    assert_eq!(health.admits(at(4), EMBEDS), cooling(5));
    let (admits, claim) = health.begin(at(5), EMBEDS);
    assert_eq!((admits, claim.part), (Admits::Probe, true));
    assert_eq!(health.begin(at(5), EMBEDS).0, cooling(5));
    let turned = health.succeed(at(5), claim, EMBEDS, Some(1), Took::Unknown);
    assert_eq!(turned, Turned::Back);
    assert!(health.parts.is_empty());
}

#[test]
fn one_callers_bad_calls_take_nothing_from_the_others() {
    let mut health = Health::default();
    succeed(&mut health, at(0), false, Took::Unknown);
    for call in 0..100 {
        let turned = health.fail(at(0), Claim::default(), M, complaint(2, call));
        assert_eq!(turned, Turned::None);
    }
    assert_eq!(health.admits(at(0), M), Admits::Call);
    // The same call over and over tells nothing, whoever makes it.
    let mut health = Health::default();
    for _ in 0..100 {
        health.fail(at(0), Claim::default(), M, complaint(1, 1));
    }
    assert_eq!(health.admits(at(0), M), Admits::Call);
}

#[test]
fn errors_at_once_for_several_callers_make_it_the_last_resort_and_no_more() {
    let mut health = Health::default();
    succeed(&mut health, at(0), false, Took::Unknown);
    for call in 0..3 {
        let turned = health.fail(at(0), Claim::default(), M, complaint(2, call));
        assert_eq!(turned, Turned::None);
    }
    let turned = health.fail(at(0), Claim::default(), M, complaint(3, 3));
    assert_eq!(turned, Turned::Down(DownReason::Errors));
    assert_eq!(health.admits(at(1), M), Admits::LastResort);
    assert_eq!(health.admits(at(1), EMBEDS), Admits::Call);
    assert_eq!(health.condition(at(1)).state, HealthState::Failing);
    assert_eq!(
        succeed(&mut health, at(2), false, Took::Unknown),
        Turned::Back
    );
}

#[test]
fn a_probe_that_is_answered_at_all_shows_a_live_server() {
    let mut health = down();
    let (admits, claim) = health.begin(at(5), M);
    assert_eq!(admits, Admits::Probe);
    assert_eq!(health.fail(at(5), claim, M, complaint(1, 1)), Turned::Back);
    assert_eq!(health.admits(at(5), M), Admits::Call);
    let mut health = down();
    let (_, claim) = health.begin(at(5), M);
    assert_eq!(health.answer(claim, M), Turned::Back);
    assert_eq!(health.admits(at(5), M), Admits::Call);
}
