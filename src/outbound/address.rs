//! Which addresses may be connected to: those of the public internet, and of what is not public only what the operator allows.
//!
//! The lists are those of the IANA special-purpose address registries (RFC 6890 and what has been registered since). IPv6 is
//! the other way round: only global unicast (2000::/3, RFC 4291) is public at all. An IPv6 address that carries an IPv4
//! address (mapped, NAT64, 6to4) is judged by that one, because that is where the packet ends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 blocks that are not the public internet.
const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),        // this network
    v4([10, 0, 0, 0], 8),       // private
    v4([100, 64, 0, 0], 10),    // shared by carriers (CGNAT); 100.100.100.200 is Alibaba's metadata
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // Azure's metadata and agent service
    v4([169, 254, 0, 0], 16),   // link-local; 169.254.169.254 is metadata
    v4([172, 16, 0, 0], 12),    // private
    v4([192, 0, 0, 0], 24),     // protocol assignments; 192.0.0.192 is Oracle's metadata
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 88, 99, 0], 24),   // 6to4 relays
    v4([192, 168, 0, 0], 16),   // private
    v4([198, 18, 0, 0], 15),    // benchmarking
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 4),      // multicast
    v4([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// Global unicast blocks of IPv6 that are not the public internet.
const NOT_PUBLIC_V6: [Ipv6Net; 3] = [
    v6([0x2001, 0], 23),     // protocol assignments: Teredo, ORCHID, benchmarking
    v6([0x2001, 0xdb8], 32), // documentation
    v6([0x3fff, 0], 20),     // documentation
];

const fn v4(first: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(
        Ipv4Addr::new(first[0], first[1], first[2], first[3]),
        length,
    )
}

const fn v6(first: [u16; 2], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first[0], first[1], 0, 0, 0, 0, 0, 0), length)
}

/// Says which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// What is allowed although it is not public.
    allowed: Vec<IpNet>,
}

impl Guard {
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let end = where_it_ends(address);
        is_public(end) || self.allowed.iter().any(|net| net.contains(&end))
    }
}

/// The IPv4 address that an IPv6 address carries, or the address itself.
fn where_it_ends(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => carried(v6).map_or(address, IpAddr::V4),
    }
}

fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // IPv4-mapped (RFC 4291), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(from(high, low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => {
            v6.segments()[0] & 0xe000 == 0x2000
                && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&v6))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permits(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
        Guard::new(allowed).permits(address.parse().unwrap())
    }

    #[test]
    fn only_the_public_internet_is_reached() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "2606:4700:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(permits(&[], public), "{public}");
        }
        for inner in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:a9fe:a9fe::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!permits(&[], inner), "{inner}");
        }
    }

    #[test]
    fn the_operator_may_allow_more_and_only_that() {
        let allowed = ["127.0.0.0/8", "fd00:1::/32"];
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "fd00:1::7", "1.1.1.1"] {
            assert!(permits(&allowed, address), "{address}");
        }
        for address in ["10.0.0.1", "::1", "fd00:ec2::254", "169.254.169.254"] {
            assert!(!permits(&allowed, address), "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_embedding_changes_no_verdict(bits: u32, tail: u64) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = bits.to_be_bytes();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let verdict = is_public(IpAddr::V4(v4));
            let tail = tail.to_be_bytes();
            let word = |i: usize| u16::from_be_bytes([tail[i], tail[i + 1]]);
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, word(0), word(2), word(4), word(6)),
            ] {
                prop_assert_eq!(Guard::default().permits(IpAddr::V6(v6)), verdict, "{}", v6);
            }
        }

        #[test]
        fn what_std_knows_as_inner_is_refused(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let inner = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!(inner && Guard::default().permits(IpAddr::V4(v4))), "{}", v4);
        }

        #[test]
        fn every_address_of_a_listed_block_is_refused_until_it_is_allowed(block in 0..NOT_PUBLIC_V4.len(), host: u32) {
            let net = NOT_PUBLIC_V4[block];
            let address = IpAddr::V4(Ipv4Addr::from(u32::from(net.network()) | (host & u32::from(net.hostmask()))));
            prop_assert!(!Guard::default().permits(address), "{}", address);
            let allowed = Guard::new(vec![IpNet::V4(net)]);
            prop_assert!(allowed.permits(address), "{}", address);
        }

        #[test]
        fn of_ipv6_only_global_unicast_is_reached(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            let permitted = Guard::default().permits(IpAddr::V6(v6));
            prop_assert!(!permitted || v6.segments()[0] & 0xe000 == 0x2000 || carried(v6).is_some(), "{}", v6);
            prop_assert!(!(permitted && (v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unique_local())));
        }
    }
}
