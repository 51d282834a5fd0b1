//! What was consumed of each budget before this start, read from the totals of the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{
    BudgetId, Consumption, Day, Error, Grain, Period, Result, Scope, ScopeKind, Tally, TotalKey,
    Windows,
};
use crate::storage::Store;

use super::quota::{Budget, Later};

/// All of it.
pub(super) struct Booked {
    today: Day,
    by_budget: HashMap<BudgetId, (Windows, Later)>,
}

impl Booked {
    pub(super) fn load(store: &Store, today: Day) -> Result<Self> {
        let mut booked = Self {
            today,
            by_budget: HashMap::new(),
        };
        // To the end of time: days after today have calls where the clock was set back in between.
        for (grain, from) in [
            (Grain::Ever, 0),
            (Grain::Month, today.month().0),
            (Grain::Day, today.0),
        ] {
            for (key, tally) in store
                .totals(ScopeKind::Budget, grain, from, i32::MAX, None)
                .map_err(Error::internal)?
            {
                booked.note(&key, &tally);
            }
        }
        Ok(booked)
    }

    fn note(&mut self, key: &TotalKey, tally: &Tally) {
        let Scope::Budget(id) = key.scope else { return };
        let (windows, later) = self
            .by_budget
            .entry(id)
            .or_insert_with(|| (Windows::new(self.today), Later::default()));
        let consumption: Consumption = tally.consumption();
        match key.period {
            Period::Ever => windows.total = consumption,
            Period::Month(month) if month == windows.month => windows.monthly = consumption,
            Period::Month(month) => later.months.push((month, consumption)),
            Period::Day(day) if day == windows.day => windows.daily = consumption,
            Period::Day(day) => later.days.push((day, consumption)),
            Period::Hour(_) => {}
        }
    }

    /// The budget, as it stands at this start.
    pub(super) fn budget(&self, id: BudgetId) -> Arc<Budget> {
        Arc::new(match self.by_budget.get(&id) {
            Some((windows, later)) => Budget::new(*windows).with_later(later),
            None => Budget::new(Windows::new(self.today)),
        })
    }
}
