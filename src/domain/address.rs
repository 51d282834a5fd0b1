//! Blocks of addresses as people write them, and whose address a request comes from when proxies stand between.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Reads a block such as `10.0.0.0/8`, or one address, which is a block of its own.
pub fn address_block(text: &str) -> Option<IpNet> {
    let block = text.parse::<IpNet>().ok();
    block.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The client's address: the peer's, unless the peer is a trusted proxy. Then `X-Forwarded-For` is read from its end, where each
/// proxy writes what it saw itself, up to the first address that is no trusted proxy; what stands before it could be invented.
/// Some proxies write a line of their own below the client's: `forwarded_for` are all lines in their order.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl IntoIterator<Item = &'a str>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(&client) {
        return client;
    }
    let hops: Vec<&str> = forwarded_for
        .into_iter()
        .flat_map(|line| line.split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        let hop = hop.trim();
        // Some proxies add the port.
        let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
        let Ok(address) = hop.parse::<IpAddr>().or_else(|_| with_port()) else {
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
        let client = |peer: &str, lines: &[&str]| {
            client_address(peer.parse().unwrap(), lines.iter().copied(), &trusted).to_string()
        };
        for (peer, header, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["1.1.1.1, 203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1, [2001:db8::7]:80"], "2001:db8::7"),
            ("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9", ""], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            assert_eq!(client(peer, header), expected, "{peer} {header:?}");
        }
    }
}
