//! Setting aside, settling and giving back, on both budgets.

use super::*;
use crate::domain::{
    Model, ModelName, Money, Multiplier, Pieces, Price, PriceSource, ServiceTier, Timestamp,
};
use crate::state::ask::ASSUMED_MAX_OUTPUT;

const DAY: Day = Day(20_000);

fn model(output_pico: u64, max_output: Option<u32>) -> Arc<Model> {
    let price = Price {
        input: Money::from_pico(1),
        output: Money::from_pico(output_pico),
        ..Price::default()
    };
    Arc::new(Model {
        name: ModelName::from("m"),
        price: Some(price),
        context_tokens: None,
        max_output_tokens: max_output,
        source: PriceSource::Own {
            at: Timestamp::default(),
        },
    })
}

fn ask(client_limit: Option<u64>, max_output: Option<u32>) -> Ask {
    Ask {
        prompt_tokens: 10,
        hidden_tokens: 0,
        generates: true,
        least_output: 1,
        client_limit,
        choices: 1,
        pieces: Pieces::default(),
        tier: ServiceTier::default(),
        model: Some(model(2, max_output)),
        multiplier: Multiplier::ONE,
        fallbacks: Vec::new(),
    }
}

fn daily_usd(pico: u64) -> Quota {
    let mut quota = Quota::default();
    quota.daily.usd = Some(Money::from_pico(pico));
    quota
}

struct Pair {
    account: (Quota, Arc<Budget>),
    key: (Quota, Arc<Budget>),
}

impl Pair {
    fn new(account: Quota, key: Quota) -> Self {
        let budget = || Arc::new(Budget::new(Windows::new(DAY)));
        Self {
            account: (account, budget()),
            key: (key, budget()),
        }
    }

    fn reserve(&self, ask: &Ask) -> Result<Reservation> {
        let account = Holder {
            noun: "account",
            quota: &self.account.0,
            budget: &self.account.1,
        };
        let key = Holder {
            noun: "key",
            quota: &self.key.0,
            budget: &self.key.1,
        };
        reserve(&account, &key, ask, DAY, &TimeZone::UTC)
    }

    fn held(&self) -> (u64, u64) {
        let pico = |(quota, budget): &(Quota, Arc<Budget>)| {
            budget.standing(*quota, DAY).reserved.total.usd.as_pico()
        };
        (pico(&self.account), pico(&self.key))
    }
}

#[test]
fn a_bound_that_does_not_fit_the_account_leaves_nothing_on_the_key() {
    let pair = Pair::new(daily_usd(100), daily_usd(1_000));
    let error = pair.reserve(&ask(Some(60), None)).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("account.daily_usd"));
    assert_eq!(pair.held(), (0, 0));
}

#[test]
fn a_dropped_reservation_is_given_back_and_a_settled_one_booked() {
    let pair = Pair::new(Quota::default(), daily_usd(100));
    let first = pair.reserve(&ask(Some(40), None)).unwrap();
    assert_eq!(pair.held(), (90, 90));
    assert!(pair.reserve(&ask(Some(1), None)).is_err());
    drop(first);
    assert_eq!(pair.held(), (0, 0));
    let second = pair.reserve(&ask(Some(40), None)).unwrap();
    second.settle(Consumption {
        usd: Money::from_pico(30),
        tokens: 20,
        requests: 1,
    });
    assert_eq!(pair.held(), (0, 0));
    assert_eq!(
        pair.key.1.standing(pair.key.0, DAY).used.daily.usd,
        Money::from_pico(30)
    );
    assert!(pair.reserve(&ask(Some(30), None)).is_ok());
    assert!(pair.reserve(&ask(Some(31), None)).is_err());
}

#[test]
fn an_output_limit_is_lowered_to_what_fits_only_where_the_client_gave_none() {
    let pair = Pair::new(Quota::default(), daily_usd(100));
    let lowered = pair.reserve(&ask(None, Some(4_000))).unwrap();
    assert_eq!(
        (lowered.lowered_output(), lowered.amount().usd.as_pico()),
        (Some(45), 100)
    );
    assert_eq!(
        pair.reserve(&ask(None, Some(4_000))).unwrap_err().code,
        Code::InsufficientQuota
    );
}

#[test]
fn a_model_of_unknown_limits_is_told_one_under_a_quota_and_left_alone_without() {
    let capped = Pair::new(Quota::default(), daily_usd(10_000_000));
    assert_eq!(
        capped.reserve(&ask(None, None)).unwrap().lowered_output(),
        Some(ASSUMED_MAX_OUTPUT)
    );
    let free = Pair::new(Quota::default(), Quota::default());
    assert_eq!(
        free.reserve(&ask(None, None)).unwrap().lowered_output(),
        None
    );
}

#[test]
fn what_a_provider_adds_is_set_aside_beyond_the_models_context() {
    let pair = Pair::new(Quota::default(), daily_usd(100));
    let mut small = Model::clone(&model(2, None));
    small.context_tokens = Some(4);
    let hidden = Ask {
        hidden_tokens: 7,
        model: Some(Arc::new(small)),
        ..ask(Some(1), None)
    };
    let reservation = pair.reserve(&hidden).unwrap();
    assert_eq!(
        (reservation.prompt_tokens(), reservation.amount().tokens),
        (11, 12)
    );
}

#[test]
fn a_limit_below_what_the_provider_takes_is_not_sent() {
    let pair = Pair::new(Quota::default(), daily_usd(30));
    let picky = Ask {
        least_output: 16,
        ..ask(None, Some(4_000))
    };
    assert!(pair.reserve(&picky).is_err());
    let lowered = pair.reserve(&ask(None, Some(4_000))).unwrap();
    assert_eq!(
        (lowered.lowered_output(), lowered.is_squeezed()),
        (Some(10), true)
    );
}

#[test]
fn the_ceiling_is_of_the_units_that_some_cap_counts() {
    let mut tokens = Quota::default();
    tokens.monthly.tokens = Some(1_000);
    for (account, key, usd, counted) in [
        (Quota::default(), Quota::default(), None, None),
        (
            Quota::default(),
            daily_usd(100),
            Some(Money::from_pico(30)),
            None,
        ),
        (tokens, daily_usd(100), Some(Money::from_pico(30)), Some(20)),
    ] {
        let ceiling = Pair::new(account, key)
            .reserve(&ask(Some(10), None))
            .unwrap()
            .ceiling();
        assert_eq!(
            (ceiling.usd, ceiling.tokens, ceiling.requests),
            (usd, counted, None)
        );
    }
}

#[test]
fn a_panic_gives_the_reservation_back() {
    let pair = Pair::new(Quota::default(), daily_usd(100));
    let reservation = pair.reserve(&ask(Some(40), None)).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = reservation;
        panic!("in the middle of a call");
    }));
    assert!(panicked.is_err());
    assert_eq!(pair.held(), (0, 0));
}

#[test]
fn a_money_quota_refuses_a_model_without_a_price() {
    let pair = Pair::new(Quota::default(), daily_usd(100));
    let unpriced = Ask {
        model: None,
        ..ask(Some(1), None)
    };
    assert_eq!(
        pair.reserve(&unpriced).unwrap_err().code,
        Code::ModelNotPriced
    );
}
