//! Whose address a request comes from when proxies stand between.

use std::net::IpAddr;

use ipnet::IpNet;

/// The client's address: the peer's, unless the peer is a trusted proxy. Then `X-Forwarded-For` is read from its end, where each
/// proxy writes what it saw itself, up to the first address that is no trusted proxy; what stands before it could be invented.
pub fn client_address(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(&client) {
        return client;
    }
    for hop in forwarded_for.unwrap_or("").rsplit(',') {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = address.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let client = |peer: &str, header: Option<&str>| {
            client_address(peer.parse().unwrap(), header, &trusted).to_string()
        };
        for (peer, header, expected) in [
            ("192.0.2.1", None, "192.0.2.1"),
            ("192.0.2.1", Some("203.0.113.9"), "192.0.2.1"),
            ("10.0.0.1", None, "10.0.0.1"),
            ("10.0.0.1", Some("203.0.113.9"), "203.0.113.9"),
            (
                "10.0.0.1",
                Some("1.1.1.1, 203.0.113.9, 10.0.0.2"),
                "203.0.113.9",
            ),
            ("10.0.0.1", Some("203.0.113.9, nonsense"), "10.0.0.1"),
            ("::ffff:10.0.0.1", Some("2001:db8::7"), "2001:db8::7"),
        ] {
            assert_eq!(client(peer, header), expected, "{peer} {header:?}");
        }
    }
}
