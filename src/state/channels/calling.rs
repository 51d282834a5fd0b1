//! How a channel's provider is called: what is set, what is changed, and the secrets in it opened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::audit::Differences;
use super::seals::{header_place, proxy_place};
use crate::crypto::{MasterKey, NoRandomness};
use crate::domain::{Calling, ChannelId, ChannelTimeouts, Proxy, Sealed, masked};
use crate::state::Timeouts;

/// What to change; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct CallingChange {
    /// Headers by lower-case name; `None` takes one out, and those that are not there stay.
    pub headers: BTreeMap<String, Option<Zeroizing<String>>>,
    /// A proxy's address; `Some(None)`: none.
    pub proxy: Option<Option<Zeroizing<String>>>,
    /// How long to wait, all of it.
    pub timeouts: Option<ChannelTimeouts>,
    /// Fields of the request body, all of them.
    pub overrides: Option<BTreeMap<String, String>>,
}

impl CallingChange {
    /// What there is with this change. What is not given anew keeps its seal.
    pub(super) fn apply(
        self,
        old: &Calling,
        id: ChannelId,
        master_key: &MasterKey,
    ) -> Result<Calling, NoRandomness> {
        let mut new = old.clone();
        for (name, value) in self.headers {
            match value {
                Some(value) => {
                    let sealed = master_key.seal(&value, &header_place(id, &name))?;
                    new.headers.insert(name, sealed);
                }
                None => drop(new.headers.remove(&name)),
            }
        }
        if let Some(proxy) = self.proxy {
            let seal = |text| master_key.seal(text, &proxy_place(id));
            new.proxy = proxy.as_deref().map(|text| seal(text)).transpose()?;
        }
        new.timeouts = self.timeouts.unwrap_or(new.timeouts);
        new.overrides = self.overrides.unwrap_or(new.overrides);
        Ok(new)
    }
}

/// Notes what is different, without any secret.
pub(super) fn note_differences(differences: &mut Differences, old: &Calling, new: &Calling) {
    let shown = |there: Option<&Sealed>| match there {
        Some(_) => "(changed)",
        None => "none",
    };
    let names = old.headers.keys().chain(new.headers.keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let (old, new) = (old.headers.get(name), new.headers.get(name));
        if old != new {
            differences.note(&format!("headers.{name}"), "(not shown)", shown(new));
        }
    }
    if old.proxy != new.proxy {
        differences.note("proxy", "(not shown)", shown(new.proxy.as_ref()));
    }
    let (from, to) = (old.timeouts, new.timeouts);
    differences.note_option("timeouts.connect_ms", from.connect_ms, to.connect_ms);
    differences.note_option(
        "timeouts.first_byte_ms",
        from.first_byte_ms,
        to.first_byte_ms,
    );
    differences.note_option("timeouts.idle_ms", from.idle_ms, to.idle_ms);
    let overrides = |calling: &Calling| {
        let each = calling.overrides.iter();
        let each: Vec<_> = each
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        each.join(", ")
    };
    differences.note("overrides", overrides(old), overrides(new));
}

/// The secrets in it, opened.
#[derive(Default)]
pub(super) struct Opened {
    /// Lower-case name and value.
    pub(super) headers: Vec<(String, Zeroizing<String>)>,
    pub(super) proxy: Option<Arc<Proxy>>,
    /// Some of it was sealed with another master key.
    pub(super) unreadable: bool,
}

impl Opened {
    pub(super) fn open(master_key: &MasterKey, id: ChannelId, calling: &Calling) -> Self {
        let mut opened = Self::default();
        for (name, sealed) in &calling.headers {
            match master_key.open(sealed, &header_place(id, name)) {
                Some(value) => opened.headers.push((name.clone(), value)),
                None => opened.unreadable = true,
            }
        }
        if let Some(sealed) = &calling.proxy {
            let text = master_key.open(sealed, &proxy_place(id));
            opened.proxy = text.and_then(|text| Proxy::parse(&text).ok()).map(Arc::new);
            opened.unreadable |= opened.proxy.is_none();
        }
        opened
    }

    /// What is shown of them.
    pub(super) fn view(&self, calling: &Calling) -> CallingView {
        let value = |name: &String| {
            let mut opened = self.headers.iter();
            let value = opened.find(|(own, _)| own == name);
            value.map_or_else(|| masked(""), |(_, value)| masked(value))
        };
        let headers = calling.headers.keys();
        CallingView {
            headers: headers.map(|name| (name.clone(), value(name))).collect(),
            proxy: calling.proxy.as_ref().map(|_| {
                let readable = self.proxy.as_deref();
                readable.map_or_else(|| masked(""), ToString::to_string)
            }),
        }
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened(…)")
    }
}

/// What is shown of the secrets in how a channel's provider is called.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallingView {
    /// The names of its headers, and the ends of their values.
    pub headers: BTreeMap<String, String>,
    /// The proxy without its password.
    pub proxy: Option<String>,
}

/// How long to wait for a channel's provider, where for all it is so long.
pub(super) fn timeouts(own: ChannelTimeouts, all: Timeouts) -> Timeouts {
    let or =
        |own: Option<u32>, all: Duration| own.map_or(all, |own| Duration::from_millis(own.into()));
    Timeouts {
        connect: or(own.connect_ms, all.connect),
        first_byte: or(own.first_byte_ms, all.first_byte),
        idle: or(own.idle_ms, all.idle),
    }
}
