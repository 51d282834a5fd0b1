//! An address that somebody wrote down for the gateway to connect to: read and checked, not yet resolved.

use std::net::IpAddr;

use http::Uri;

/// Longer ones are refused: no browser takes them either.
const LONGEST: usize = 2_000;

/// An `http` or `https` address with a host and without a credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence that says what to write.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("An address has at most 2000 characters.");
        }
        let uri: Uri = text
            .parse()
            .map_err(|_| "This is no address; write one such as https://example.com/hook.")?;
        let port = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return Err("Write an address that begins with https:// or http://."),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err("Leave user name and password out of the address.");
        }
        let host = uri
            .host()
            .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
            .filter(|host| !host.is_empty())
            .ok_or("Write an address with a host, such as https://example.com/hook.")?
            .to_owned();
        // A port that is no number is passed over by the parser of addresses, so it is looked at by hand.
        let written = authority
            .rsplit_once(':')
            .map(|(_, port)| port)
            .filter(|port| !port.ends_with(']'));
        let port = match written {
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("Write the port as a number from 1 to 65535.")?,
            None => port,
        };
        Ok(Self { uri, host, port })
    }

    /// The host where it is an address already and need not be looked up.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, host, port) in [
            ("https://example.com", "example.com", 443),
            ("http://example.com:8080/a?token=x", "example.com", 8080),
            ("https://[2606:4700::1111]/x", "2606:4700::1111", 443),
            ("https://[::1]:9/x", "::1", 9),
            ("HTTPS://EXAMPLE.com/", "EXAMPLE.com", 443),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
        assert!(Target::parse("https://[::1]/").unwrap().literal().is_some());
        assert!(
            Target::parse("https://localhost/")
                .unwrap()
                .literal()
                .is_none()
        );
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for bad in [
            "",
            "example.com/hook",
            "/hook",
            "ftp://example.com/x",
            "file:///etc/passwd",
            "gopher://example.com/",
            "https://",
            "https:///x",
            "https://user:password@example.com/",
            "https://user@example.com/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://exa mple.com/",
            &format!("https://example.com/{}", "x".repeat(2_000)),
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }
}
