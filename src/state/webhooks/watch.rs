//! What signs mean: whether a cap has been reached or a balance has fallen, and what webhooks are told of it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Webhooks;
use super::signs::Sign;
use crate::domain::{
    Account, AccountId, Alert, ApiKey, CallId, ChannelId, Day, Event, KeyId, Money, TimeZone, Unit,
    Window,
};
use crate::state::accounts::{AccountEntry, Accounts};
use crate::state::keys::{KeyEntry, Keys};
use crate::state::quota::Standing;

/// A day before all days, for looking at a budget: only calls move its windows on, by the gateway's own day, which never goes
/// back.
const AS_IT_IS: Day = Day(i32::MIN);

/// Looks at signs.
pub(super) struct Watch {
    pub(super) webhooks: Webhooks,
    pub(super) keys: Keys,
    pub(super) accounts: Accounts,
    pub(super) zone: TimeZone,
}

/// Whose quota it is.
enum Holder<'a> {
    Key(&'a ApiKey, &'a Account),
    Account(&'a Account),
}

impl Holder<'_> {
    fn noun(&self) -> &'static str {
        match self {
            Self::Key(..) => "key",
            Self::Account(_) => "account",
        }
    }

    /// Keys that share a budget share its alerts.
    fn subject(&self, limit: &str) -> String {
        match self {
            Self::Key(key, _) => format!("key/{}/{limit}", key.budget_id),
            Self::Account(account) => format!("account/{}/{limit}", account.id),
        }
    }

    fn named(&self) -> (Option<NamedKey>, NamedAccount) {
        match self {
            Self::Key(key, account) => (
                Some(NamedKey {
                    id: key.id.to_string(),
                    name: key.name.clone(),
                    masked: key.masked.to_string(),
                }),
                NamedAccount::from(*account),
            ),
            Self::Account(account) => (None, NamedAccount::from(*account)),
        }
    }
}

#[derive(Serialize)]
struct NamedKey {
    id: String,
    name: String,
    masked: String,
}

#[derive(Serialize)]
struct NamedAccount {
    id: String,
    username: String,
}

impl From<&Account> for NamedAccount {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            username: account.username.to_string(),
        }
    }
}

/// The `data` of `quota.exceeded`.
#[derive(Serialize)]
struct QuotaExceeded {
    /// `key` or `account`.
    holder: &'static str,
    key: Option<NamedKey>,
    account: NamedAccount,
    /// `total`, `monthly` or `daily`.
    window: &'static str,
    /// `usd`, `tokens` or `requests`.
    unit: &'static str,
    cap: Box<RawValue>,
    used: Box<RawValue>,
    /// When the window rolls over; null: never.
    resets_at: Option<String>,
}

/// The `data` of `balance.low`.
#[derive(Serialize)]
struct BalanceLow {
    account: NamedAccount,
    remaining_usd: Box<RawValue>,
    threshold_usd: Box<RawValue>,
    total_usd: Box<RawValue>,
}

/// The `data` of `channel.down` and `channel.up`.
#[derive(Serialize)]
struct ChannelTurned {
    channel: NamedChannel,
    /// Why it takes no calls; not there when it is back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The `data` of `usage.implausible`: the first such call of that day.
#[derive(Serialize)]
struct Implausible {
    call_id: String,
    channel_id: Option<String>,
    model: String,
}

#[derive(Serialize)]
struct NamedChannel {
    id: String,
    name: String,
}

impl Watch {
    /// Looks at everything that has been noticed since the last time.
    pub(super) fn look(&self) {
        let today = self.zone.day(self.webhooks.clock().now());
        for sign in self.webhooks.signs().take() {
            match sign {
                Sign::Raised(account) => {
                    self.webhooks.rearm(&balance_of(account));
                    self.account_by_id(account, today);
                }
                Sign::Changed(account) => self.account_by_id(account, today),
                Sign::Refused {
                    key,
                    account,
                    limit,
                    day,
                } => self.refused(key, account, &limit, day),
                Sign::Settled { key, account } => {
                    if let Some(entry) = self.keys.entry(key) {
                        self.key(&entry, today);
                    }
                    self.account_by_id(account, today);
                }
                Sign::Channel {
                    number,
                    id,
                    name,
                    down,
                } => self.channel(number, id, &name, down.as_deref()),
                Sign::Implausible {
                    channel,
                    model,
                    day,
                    call,
                } => self.implausible(channel, &model, day, call),
                Sign::Everything => {
                    self.keys.for_each(|entry| self.key(entry, today));
                    self.accounts.for_each(|entry| self.account(entry, today));
                }
            }
        }
    }

    /// Tells of a channel that went out of the pool or came back: each time is an occasion of its own.
    fn channel(&self, number: u64, id: ChannelId, name: &str, down: Option<&str>) {
        let event = match down {
            Some(_) => Event::ChannelDown,
            None => Event::ChannelUp,
        };
        let now = self.webhooks.clock().now();
        let alert = Alert {
            subject: format!("channel/{id}"),
            occasion: format!("{} {now} {number}", event.as_str()),
        };
        let data = || ChannelTurned {
            channel: NamedChannel {
                id: id.to_string(),
                name: name.to_owned(),
            },
            reason: down.map(str::to_owned),
        };
        self.webhooks.raise(event, alert, data);
    }

    /// Tells of a usage that cannot be: of each channel and model once a day.
    fn implausible(&self, channel: Option<ChannelId>, model: &str, day: Day, call: CallId) {
        let id = channel.map(|id| id.to_string());
        let alert = Alert {
            subject: format!("usage/{}/{model}", id.as_deref().unwrap_or_default()),
            occasion: day.to_string(),
        };
        let data = || Implausible {
            call_id: call.to_string(),
            channel_id: id,
            model: model.to_owned(),
        };
        self.webhooks.raise(Event::UsageImplausible, alert, data);
    }

    fn refused(&self, key: KeyId, account: AccountId, limit: &str, day: Day) {
        let Some((noun, cap)) = limit.split_once('.') else {
            return;
        };
        let Some((window, unit)) = cap_named(cap) else {
            return;
        };
        if noun == "key"
            && let Some(entry) = self.keys.entry(key)
        {
            let (key, account) = (entry.record(), entry.account.record());
            let standing = entry.budget.standing(key.quota, AS_IT_IS);
            if counts(&standing, window, day) {
                self.exceeded(&Holder::Key(&key, &account), &standing, window, unit);
            }
        } else if noun == "account"
            && let Some(entry) = self.accounts.entry(account)
        {
            let account = entry.record();
            let standing = entry.budget.standing(account.quota, AS_IT_IS);
            if counts(&standing, window, day) {
                self.exceeded(&Holder::Account(&account), &standing, window, unit);
            }
        }
    }

    fn key(&self, entry: &KeyEntry, today: Day) {
        let (key, account) = (entry.record(), entry.account.record());
        if key.deleted_at.is_none() && account.deleted_at.is_none() {
            let standing = entry.budget.standing(key.quota, AS_IT_IS);
            self.reached(&Holder::Key(&key, &account), &standing, today);
        }
    }

    fn account_by_id(&self, id: AccountId, today: Day) {
        if let Some(entry) = self.accounts.entry(id) {
            self.account(&entry, today);
        }
    }

    fn account(&self, entry: &AccountEntry, today: Day) {
        let account = entry.record();
        if account.deleted_at.is_none() {
            let standing = entry.budget.standing(account.quota, AS_IT_IS);
            self.reached(&Holder::Account(&account), &standing, today);
            self.balance(&account, &standing);
        }
    }

    /// Tells of every cap that consumption has come up to.
    fn reached(&self, holder: &Holder<'_>, standing: &Standing, today: Day) {
        let current = |window: &Window| counts(standing, *window, today);
        for window in Window::ALL.into_iter().filter(current) {
            for unit in Unit::ALL {
                if amounts(standing, window, unit)
                    .is_some_and(|(cap, used)| used > 0 && used >= cap)
                {
                    self.exceeded(holder, standing, window, unit);
                }
            }
        }
    }

    fn exceeded(&self, holder: &Holder<'_>, standing: &Standing, window: Window, unit: Unit) {
        // A cap that was taken away meanwhile is not told of.
        let Some((cap, used)) = amounts(standing, window, unit) else {
            return;
        };
        let (day, month) = (standing.used.day, standing.used.month);
        let (period, resets_at) = match window {
            Window::Total => (String::new(), None),
            Window::Monthly => (month.0.to_string(), Some(self.zone.end_of_month(month))),
            Window::Daily => (day.to_string(), Some(self.zone.end_of_day(day))),
        };
        let alert = Alert {
            subject: holder.subject(&format!("{}_{}", window.as_str(), unit.as_str())),
            occasion: format!("{period} {cap}"),
        };
        let number = |amount| match unit {
            Unit::Usd => raw(Money::from_pico(amount)),
            Unit::Tokens | Unit::Requests => raw(amount),
        };
        let (key, account) = holder.named();
        let data = || QuotaExceeded {
            holder: holder.noun(),
            key,
            account,
            window: window.as_str(),
            unit: unit.as_str(),
            cap: number(cap),
            used: number(used),
            resets_at: resets_at.map(|at| at.to_string()),
        };
        self.webhooks.raise(Event::QuotaExceeded, alert, data);
    }

    /// Tells of a balance that has fallen below its threshold; one that is above it may fall again.
    fn balance(&self, account: &Account, standing: &Standing) {
        let subject = balance_of(account.id);
        let Some(remaining) = account.low_balance(standing.used.total.usd) else {
            self.webhooks.rearm(&subject);
            return;
        };
        let alert = Alert {
            subject,
            occasion: "low".to_owned(),
        };
        let data = || BalanceLow {
            account: NamedAccount::from(account),
            remaining_usd: raw(remaining),
            threshold_usd: raw(account.balance_low_usd.unwrap_or_default()),
            total_usd: raw(account.quota.total.usd.unwrap_or_default()),
        };
        self.webhooks.raise(Event::BalanceLow, alert, data);
    }
}

fn balance_of(account: AccountId) -> String {
    format!("account/{account}/balance")
}

/// Whether what has been used is that of the window in which `day` lies. It is not when the window was over before anybody
/// looked: nothing is told of it then.
fn counts(standing: &Standing, window: Window, day: Day) -> bool {
    match window {
        Window::Total => true,
        Window::Monthly => standing.used.month == day.month(),
        Window::Daily => standing.used.day == day,
    }
}

/// The window and the unit of `daily_usd`.
fn cap_named(name: &str) -> Option<(Window, Unit)> {
    let (window, unit) = name.split_once('_')?;
    Window::ALL
        .into_iter()
        .find(|w| w.as_str() == window)
        .zip(Unit::ALL.into_iter().find(|u| u.as_str() == unit))
}

/// Cap and booked consumption, money in picodollars; `None`: no cap.
fn amounts(standing: &Standing, window: Window, unit: Unit) -> Option<(u64, u64)> {
    let (caps, used) = (standing.quota.of(window), standing.used.of(window));
    match unit {
        Unit::Usd => caps.usd.map(|cap| (cap.as_pico(), used.usd.as_pico())),
        Unit::Tokens => caps.tokens.map(|cap| (cap, used.tokens)),
        Unit::Requests => caps.requests.map(|cap| (cap, used.requests)),
    }
}

/// A number in JSON digit by digit, so that no binary fraction comes between.
fn raw(number: impl std::fmt::Display) -> Box<RawValue> {
    RawValue::from_string(number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quota, Windows};

    #[test]
    fn every_cap_is_found_by_its_name() {
        for window in Window::ALL {
            for unit in Unit::ALL {
                let name = format!("{}_{}", window.as_str(), unit.as_str());
                assert_eq!(cap_named(&name), Some((window, unit)));
            }
        }
        assert_eq!(cap_named("daily"), None);
        assert_eq!(cap_named("weekly_usd"), None);
    }

    #[test]
    fn a_window_that_is_over_counts_no_more() {
        let standing = Standing {
            quota: Quota::default(),
            used: Windows::new(Day(20_000)),
            reserved: Windows::new(Day(20_000)),
        };
        let month = Day(20_000).month();
        let next_month = (20_000..)
            .map(Day)
            .find(|day| day.month() != month)
            .unwrap();
        for (day, expected) in [
            (Day(20_000), [true, true, true]),
            (Day(20_001), [true, true, false]),
            (next_month, [true, false, false]),
        ] {
            let found = Window::ALL.map(|window| counts(&standing, window, day));
            assert_eq!(found, expected, "{day}");
        }
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(raw(Money::from_usd("0.1").unwrap()).get(), "0.1");
        assert_eq!(raw(u64::MAX).get(), "18446744073709551615");
    }
}
