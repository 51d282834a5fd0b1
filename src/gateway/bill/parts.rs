//! The parts of a call that are priced each by itself (iterations, compactions, advisors, fallbacks at a provider): which
//! price each has, and what they cost together.

use crate::domain::{Money, Price, Usage, UsagePart};
use crate::gateway::tariff::Tariff;
use crate::state::{Models, Upstream};

/// A part, with its model's price if that has one.
pub(super) type Priced = (UsagePart, Option<Price>);

/// Where the prices of parts are found.
pub(super) struct Prices<'a> {
    /// Of the model that serves the call.
    pub(super) serves: Option<Price>,
    /// The provider's name of that model.
    pub(super) served_by: &'a str,
    pub(super) upstream: Option<&'a Upstream>,
    pub(super) models: &'a Models,
}

impl Prices<'_> {
    /// A part with its model's price; of a model that is not known, that of the one that serves the call.
    pub(super) fn of(&self, part: UsagePart) -> Priced {
        let Some(name) = &part.model else {
            return (part, self.serves);
        };
        if undated(name) == undated(self.served_by) {
            return (part, self.serves);
        }
        let public = self.upstream.and_then(|upstream| {
            let mut map = upstream.channel.model_map.iter();
            map.find(|(_, theirs)| *theirs == name)
                .map(|(public, _)| public.as_str())
        });
        let known = [public, Some(name), Some(undated(name))]
            .into_iter()
            .flatten()
            .find_map(|name| self.models.find(name)?.price);
        (part, known.or(self.serves))
    }
}

/// The parts, and as one more what was used beyond them, at the price of the model that serves the call. A call without parts
/// has none.
pub(super) fn with_rest(mut parts: Vec<Priced>, all: &Usage, serves: Option<Price>) -> Vec<Priced> {
    if !parts.is_empty() {
        let rest = UsagePart::rest(all, parts.iter().map(|(part, _)| part));
        parts.extend(rest.map(|part| (part, serves)));
    }
    parts
}

/// What a call costs by the catalogue, each part at its own model's price.
pub(super) fn cost(tariff: &Tariff, usage: &Usage, parts: &[Priced]) -> Option<Money> {
    if parts.is_empty() {
        return tariff.cost(usage);
    }
    let each = parts.iter().enumerate().map(|(at, (part, price))| {
        let price = price.map(|price| Price {
            // It is one request.
            per_request: if at == 0 {
                price.per_request
            } else {
                Money::ZERO
            },
            ..price
        });
        Tariff { price, ..*tariff }.cost(&part.usage)
    });
    each.sum()
}

/// A model's name without the date of its version.
fn undated(name: &str) -> &str {
    let dated = name
        .rsplit_once('-')
        .filter(|(_, date)| date.len() == 8 && date.bytes().all(|digit| digit.is_ascii_digit()));
    dated.map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::undated;

    #[test]
    fn a_date_is_no_part_of_a_models_name() {
        for (name, bare) in [
            ("claude-opus-5-20260701", "claude-opus-5"),
            ("claude-opus-5", "claude-opus-5"),
            ("gpt-5", "gpt-5"),
            ("20260701", "20260701"),
        ] {
            assert_eq!(undated(name), bare);
        }
    }
}
