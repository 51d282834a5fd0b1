//! What usage costs, and that no bound is below it.

use proptest::option;
use proptest::prelude::*;

use super::*;

fn usd(text: &str) -> Money {
    Money::from_usd(text).unwrap()
}

fn pico(pico: u64) -> Option<Money> {
    Some(Money::from_pico(pico))
}

fn times(text: &str) -> Multiplier {
    Multiplier::from_millionths(u32::try_from(usd(text).as_pico() / 1_000_000).unwrap())
}

#[test]
fn cached_and_reasoning_tokens_are_priced_once() {
    let price = Price {
        input: usd("0.0000025"),
        cached_input: Some(usd("0.00000125")),
        output: usd("0.00001"),
        ..Price::default()
    };
    let usage = Usage {
        prompt: 1000,
        cached: 400,
        completion: 100,
        reasoning: 60,
        ..Usage::default()
    };
    assert_eq!(price.cost(&usage, Multiplier::ONE), usd("0.003"));
}

#[test]
fn each_part_of_a_prompt_has_its_price() {
    let price = Price {
        input: Money::from_pico(1),
        cached_input: pico(10),
        cache_write: pico(100),
        cache_write_1h: pico(1_000),
        output: Money::from_pico(1),
        audio: MediaPrice {
            input: pico(10_000),
            cached_input: pico(100_000),
            output: pico(10),
        },
        image: MediaPrice {
            input: pico(1_000_000),
            cached_input: None,
            output: pico(100),
        },
        ..Price::default()
    };
    let usage = Usage {
        prompt: 60,
        cached: 15,
        cache_write: 7,
        cache_write_1h: 3,
        completion: 9,
        audio: Media {
            input: 12,
            cached: 4,
            output: 2,
        },
        image: Media {
            input: 8,
            cached: 6,
            output: 3,
        },
        ..Usage::default()
    };
    // From cache: 5 text, 4 audio, 6 image at the price of their input. Written: 4, and 3 for an hour. Fresh: 8 audio,
    // 2 image and 28 text.
    let input = 5 * 10
        + 4 * 100_000
        + 6 * 1_000_000
        + 4 * 100
        + 3 * 1_000
        + 8 * 10_000
        + 2 * 1_000_000
        + 28;
    let output = 4 + 2 * 10 + 3 * 100;
    assert_eq!(
        price.cost(&usage, Multiplier::ONE),
        Money::from_pico(input + output)
    );
}

#[test]
fn a_medium_without_a_price_costs_as_text_does() {
    let price = Price {
        input: Money::from_pico(4),
        cached_input: pico(1),
        output: Money::from_pico(8),
        ..Price::default()
    };
    let media = Media {
        input: 50,
        cached: 20,
        output: 5,
    };
    let text = Usage {
        prompt: 100,
        cached: 30,
        completion: 10,
        ..Usage::default()
    };
    let spoken = Usage {
        audio: media,
        ..text
    };
    assert_eq!(
        price.cost(&spoken, Multiplier::ONE),
        price.cost(&text, Multiplier::ONE)
    );
}

#[test]
fn what_is_billed_by_the_piece_is_added() {
    let whisper = Price {
        pieces: PiecePrice {
            second: usd("0.0001"),
            ..PiecePrice::default()
        },
        ..Price::default()
    };
    let minute = Usage {
        pieces: Pieces {
            seconds: 60,
            characters: 9,
            ..Pieces::default()
        },
        ..Usage::default()
    };
    assert_eq!(whisper.cost(&minute, Multiplier::ONE), usd("0.006"));
}

#[test]
fn a_long_prompt_makes_the_whole_call_dearer() {
    let long_context = LongContext {
        above: 272_000,
        input: times("2"),
        output: times("1.5"),
    };
    let price = Price {
        input: usd("0.000002"),
        cached_input: pico(100_000),
        output: usd("0.00001"),
        long_context: Some(long_context),
        ..Price::default()
    };
    let cost = |prompt| {
        let usage = Usage {
            prompt,
            cached: 100_000,
            completion: 1_000,
            ..Usage::default()
        };
        price.cost(&usage, Multiplier::ONE)
    };
    assert_eq!(cost(272_000), usd("0.364"));
    assert_eq!(cost(272_001), usd("0.723004"));
}

#[test]
fn a_tier_is_a_factor_on_the_tokens() {
    let price = Price {
        input: usd("0.000002"),
        per_request: usd("0.01"),
        flex: Some(times("0.5")),
        priority: Some(times("1.75")),
        ..Price::default()
    };
    let cost = |tier| {
        price.cost(
            &Usage {
                prompt: 1_000_000,
                tier,
                ..Usage::default()
            },
            Multiplier::ONE,
        )
    };
    let tiers = [
        ServiceTier::Standard,
        ServiceTier::Flex,
        ServiceTier::Priority,
    ];
    assert_eq!(tiers.map(cost), ["2.01", "1.01", "3.51"].map(usd));
}

#[test]
fn a_fraction_of_a_picodollar_is_rounded_up() {
    let price = Price {
        input: Money::from_pico(1),
        ..Price::default()
    };
    let usage = Usage {
        prompt: 1,
        ..Usage::default()
    };
    assert_eq!(
        price.cost(&usage, Multiplier::from_millionths(1)),
        Money::from_pico(1)
    );
}

fn amount() -> impl Strategy<Value = Money> {
    (0u64..1_000_000_000).prop_map(Money::from_pico)
}

fn factor() -> impl Strategy<Value = Multiplier> {
    (0u32..5_000_000).prop_map(Multiplier::from_millionths)
}

prop_compose! {
    fn media_prices()(input in option::of(amount()), cached_input in option::of(amount()), output in option::of(amount())) -> MediaPrice {
        MediaPrice { input, cached_input, output }
    }
}

prop_compose! {
    fn long_contexts()(above in 0u32..1_000_000, input in factor(), output in factor()) -> LongContext {
        LongContext { above, input, output }
    }
}

prop_compose! {
    fn prices()(input in amount(), cached_input in option::of(amount()), cache_write in option::of(amount()),
                cache_write_1h in option::of(amount()), output in amount(), reasoning in option::of(amount()),
                audio in media_prices(), image in media_prices(),
                [per_request, per_image, second, character, search] in [amount(), amount(), amount(), amount(), amount()],
                long_context in option::of(long_contexts()), [flex, priority] in [option::of(factor()), option::of(factor())]) -> Price {
        let pieces = PiecePrice { image: per_image, second, character, search };
        Price { input, cached_input, cache_write, cache_write_1h, output, reasoning, audio, image, per_request, pieces, long_context, flex, priority }
    }
}

/// Also parts that are more than the whole: some provider will tell them.
fn count() -> impl Strategy<Value = u64> {
    0u64..1_200_000
}

prop_compose! {
    fn media()([input, cached, output] in [count(), count(), count()]) -> Media {
        Media { input, cached, output }
    }
}

prop_compose! {
    fn usages()([prompt, cached, cache_write, cache_write_1h, completion, reasoning] in [count(), count(), count(), count(), count(), count()],
                audio in media(), image in media(), [images, seconds, characters, searches] in [0u64..1_000, 0..1_000, 0..1_000, 0..1_000],
                tier in prop::sample::select(vec![ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Priority])) -> Usage {
        let pieces = Pieces { images, seconds, characters, searches, ..Pieces::default() };
        Usage { prompt, cached, cache_write, cache_write_1h, completion, reasoning, audio, image, pieces, tier, ..Usage::default() }
    }
}

proptest! {
    #[test]
    fn the_bound_is_never_below_the_cost(price in prices(), usage in usages(), [prompt, completion] in [0u64..500_000, 0..500_000], asked_more: bool, multiplier in factor()) {
        let most = Most {
            prompt: usage.prompt + prompt,
            completion: usage.completion + completion,
            pieces: usage.pieces.plus(usage.pieces),
            tier: usage.tier,
        };
        prop_assert!(price.cost(&usage, multiplier) <= price.bound(&most, multiplier));
        // Who asks for a tier may be served at the list price.
        let usage = if asked_more { Usage { tier: ServiceTier::Standard, ..usage } } else { usage };
        prop_assert!(price.cost(&usage, multiplier) <= price.bound(&most, multiplier));
    }

    #[test]
    fn more_of_anything_never_has_a_lower_bound(price in prices(), [prompt, completion] in [count(), count()], [more_prompt, more_completion] in [count(), count()]) {
        let most = Most { prompt, completion, ..Most::default() };
        let more = Most { prompt: prompt + more_prompt, completion: completion + more_completion, ..most };
        prop_assert!(price.bound(&most, Multiplier::ONE) <= price.bound(&more, Multiplier::ONE));
    }
}
