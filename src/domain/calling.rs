//! How a channel's provider is called: with which headers, through which proxy, how long it is waited for, and which
//! parameters every call gets.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::channel::Sealed;

/// What an operator has set of how a channel's provider is called; nothing by default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calling {
    /// Headers that every request gets: lower-case name to sealed value.
    pub headers: BTreeMap<String, Sealed>,
    /// The proxy's address, sealed because a password may be in it.
    pub proxy: Option<Sealed>,
    /// How long to wait.
    pub timeouts: ChannelTimeouts,
    /// Fields of the request body that go to the provider in place of the client's: name to JSON text. `null` takes the
    /// field out.
    pub overrides: BTreeMap<String, String>,
}

impl Calling {
    /// How much the overrides may add to a prompt, in bytes and so in tokens.
    pub fn added(&self) -> u64 {
        let bytes = self.overrides.iter().map(|(name, value)| {
            u64::try_from(name.len().saturating_add(value.len())).unwrap_or(u64::MAX)
        });
        bytes.fold(0, u64::saturating_add)
    }
}

/// How long to wait for a channel's provider, in milliseconds; `None`: as long as for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ChannelTimeouts {
    /// For a connection.
    pub connect_ms: Option<u32>,
    /// From the request to the head of the answer.
    pub first_byte_ms: Option<u32>,
    /// Between two pieces of the answer.
    pub idle_ms: Option<u32>,
}

/// Fields that no override may touch. What is set aside for a call, what is counted and what is charged follow from what the
/// client asked for: its model, its prompt, how much may be written, in how many choices, at which rate of price.
const FIXED: &[&str] = &[
    // Which model, and how it answers.
    "model",
    "models",
    "stream",
    "stream_options",
    "background",
    "n",
    "best_of",
    "candidateCount",
    // How much it may write.
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "options",
    "num_predict",
    // The prompt, and what adds to it.
    "messages",
    "input",
    "prompt",
    "suffix",
    "system",
    "instructions",
    "contents",
    "systemInstruction",
    "system_instruction",
    "cachedContent",
    "previous_response_id",
    "conversation",
    "documents",
    "query",
    "tools",
    "functions",
    "mcp_servers",
    "container",
    "plugins",
    "web_search_options",
    "prediction",
    // What is charged otherwise.
    "modalities",
    "audio",
    "size",
    "quality",
    "input_fidelity",
    "partial_images",
    "service_tier",
    "speed",
    "inference_geo",
];

/// The most that the overrides of a channel hold, in bytes.
const MOST_OVERRIDES: usize = 4096;

/// Whether these overrides may be, by name and JSON text.
///
/// # Errors
/// The name of the wrong one, and a sentence that says why.
pub fn check_overrides(overrides: &BTreeMap<String, String>) -> Result<(), (String, String)> {
    for name in overrides.keys() {
        // Some providers read names in any case.
        if FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name)) {
            return Err((
                name.clone(),
                format!(
                    "{name} cannot be overridden: what a call may cost is set aside and counted by what the client asked for."
                ),
            ));
        }
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err((
                name.clone(),
                "A parameter's name has 1 to 100 characters.".to_owned(),
            ));
        }
    }
    let bytes: usize = overrides.iter().map(|(n, v)| n.len() + v.len()).sum();
    if bytes > MOST_OVERRIDES {
        return Err((
            String::new(),
            format!("Overrides have at most {MOST_OVERRIDES} bytes together."),
        ));
    }
    Ok(())
}

/// Headers that are the gateway's own: they carry the call itself, its credential, or hold for one connection only
/// (RFC 9110, section 7.6.1).
const OWN_HEADERS: &[&str] = &[
    "host",
    "authorization",
    "content-length",
    "content-type",
    "content-encoding",
    "accept-encoding",
    "expect",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "cookie",
];

/// The most headers that a channel may have of its own.
pub const MOST_HEADERS: usize = 32;

/// Whether a channel may set this header, by its lower-case name.
pub fn may_set_header(name: &str) -> bool {
    !OWN_HEADERS.contains(&name)
}

/// What is shown of a secret that is not shown: its end, where that gives nothing away.
pub fn masked(secret: &str) -> String {
    let (length, hidden) = (secret.chars().count(), "···");
    if length < 16 {
        return hidden.to_owned();
    }
    let end: String = secret.chars().skip(length - 4).collect();
    format!("{hidden}{end}")
}

/// Where a proxy is, and who one is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User name and password.
    pub login: Option<(String, Zeroizing<String>)>,
}

impl Proxy {
    /// Reads an address such as `http://user:password@proxy.example:3128`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "Write the proxy as http://host:port or http://user:password@host:port.";
        if text.len() > 2_000 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(FORM);
        }
        let rest = text.strip_prefix("http://").ok_or(
            "The gateway speaks HTTP with proxies: write an address that begins with http://.",
        )?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (host, port) = place.rsplit_once(':').ok_or(FORM)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(FORM)?;
        let bare = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or(FORM)?,
            None if host.contains(':') => return Err(FORM),
            None => host,
        };
        if bare.is_empty() || bare.contains(['/', '?', '#', '@', '[', ']', '\\']) {
            return Err(FORM);
        }
        let decode = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| FORM)
        };
        let login = match login {
            None => None,
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                if user.is_empty() {
                    return Err(FORM);
                }
                Some((decode(user)?, Zeroizing::new(decode(password)?)))
            }
        };
        Ok(Self {
            host: bare.to_owned(),
            port,
            login,
        })
    }

    /// `host:port`, as it stands in an address.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Proxy {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            Some((user, _)) => write!(f, "http://{user}:···@{}", self.authority()),
            None => write!(f, "http://{}", self.authority()),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_shown_without_its_password() {
        for (text, authority, login, shown) in [
            ("http://p:3128", "p:3128", None, "http://p:3128"),
            (
                "http://ada:s%40c@p.example:80/",
                "p.example:80",
                Some(("ada", "s@c")),
                "http://ada:···@p.example:80",
            ),
            ("http://[::1]:9", "[::1]:9", None, "http://[::1]:9"),
            (
                "http://only@p:1",
                "p:1",
                Some(("only", "")),
                "http://only:···@p:1",
            ),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!(proxy.authority(), authority, "{text}");
            assert_eq!(proxy.to_string(), shown);
            let read = proxy.login.as_ref().map(|(u, p)| (u.as_str(), p.as_str()));
            assert_eq!(read, login, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for bad in [
            "",
            "p:3128",
            "https://p:443",
            "socks5://p:1080",
            "http://p",
            "http://p:0",
            "http://p:99999",
            "http://:3128",
            "http://p:3128/path",
            "http://::1:80",
            "http://:pw@p:1",
            "http://a b:1",
            "http://u:%ff@p:1",
        ] {
            assert!(Proxy::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mask_gives_nothing_of_a_short_secret() {
        assert_eq!(masked("secret"), "···");
        assert_eq!(masked("0123456789abcdef"), "···cdef");
    }

    #[test]
    fn what_a_call_costs_is_not_overridden() {
        let overrides = |name: &str| BTreeMap::from([(name.to_owned(), "1".to_owned())]);
        for name in ["model", "stream", "n", "max_tokens", "messages", "input"] {
            assert_eq!(check_overrides(&overrides(name)).unwrap_err().0, name);
        }
        for name in ["temperature", "reasoning_effort", "user", "thinking"] {
            assert!(check_overrides(&overrides(name)).is_ok(), "{name}");
        }
        let long = BTreeMap::from([("x".to_owned(), "1".repeat(4096))]);
        assert!(check_overrides(&long).is_err());
    }
}
