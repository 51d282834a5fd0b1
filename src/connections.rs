//! The connections of clients: how many there may be, in all and from one address.
//!
//! Each takes a descriptor, and its call one more, to the provider. What the system gives is shared out beforehand, less a
//! reserve for the store and all that is not a client: who comes when there is no seat left is told so and let go, and
//! nobody takes the last descriptor from a write to the disk.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use anyhow::bail;
use governor::Quota;
use ipnet::IpNet;

use crate::config::ServerConfig;
use crate::log_lines::Lines;
use crate::state::Telemetry;

/// Descriptors for what is no client: the store, the log, workers, web hooks, uploads, console.
const RESERVE: u64 = 128;
/// Each worker thread has some of its own.
const OF_A_WORKER: u64 = 8;
/// A client, and the provider that its call goes to.
const OF_A_CONNECTION: u64 = 2;
/// With fewer connections than this there is no point in serving.
const FEWEST: u64 = 16;
/// Unless the configuration says otherwise: more are of no use to one machine, and each takes memory.
const MOST: u64 = 16_384;
/// What one address may have of all, unless the configuration says otherwise.
const SHARE: usize = 4;

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-type: application/json\r\ncontent-length: 163\r\n\r\n{\"error\":{\"message\":\"The gateway has as many connections as it may have. Try again in a moment.\",\"type\":\"server_error\",\"code\":\"too_many_connections\",\"param\":null}}";

/// Raises the number of files that this process may have open as far as the system allows; says how many those are.
///
/// # Errors
/// One sentence that says what to change, when these are too few for `workers`.
pub(crate) fn raise_descriptors(workers: usize) -> anyhow::Result<u64> {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        // What there is may be enough.
        Err(_) => rlimit::Resource::NOFILE
            .get()
            .map_or(1_024, |(soft, _)| soft),
    };
    let needed = own(workers) + FEWEST * OF_A_CONNECTION;
    if limit < needed {
        bail!(
            "the system lets this process have only {limit} files open at once, and it needs at least {needed}: raise that limit (`ulimit -n`, or LimitNOFILE= in a systemd unit)"
        );
    }
    Ok(limit)
}

fn own(workers: usize) -> u64 {
    RESERVE + OF_A_WORKER * workers as u64
}

/// Counts connections and turns away those beyond what there may be.
pub(crate) struct Connections {
    most: usize,
    most_of_one: usize,
    /// Whoever comes through these is not one client: only the whole counts.
    shared: Vec<IpNet>,
    open: Mutex<Open>,
    telemetry: Telemetry,
    lines: Lines,
}

#[derive(Default)]
struct Open {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// A connection's place; given back when the connection is over.
pub(crate) struct Seat {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.leave(self.address);
    }
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Full {
    All,
    OfAddress,
}

impl Connections {
    /// With as many as the configuration says, and no more than `descriptors` allow.
    pub(crate) fn new(
        config: &ServerConfig,
        workers: usize,
        descriptors: u64,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        let possible = descriptors.saturating_sub(own(workers)) / OF_A_CONNECTION;
        let most = match config.max_connections {
            0 => possible.min(MOST),
            asked => {
                if asked > possible {
                    tracing::warn!(
                        "server.max_connections is {asked}, but the system's limit of {descriptors} open files is enough for {possible} only: raise that limit"
                    );
                }
                asked.min(possible)
            }
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let most_of_one = match config.max_connections_per_address {
            0 => most.div_ceil(SHARE),
            asked => usize::try_from(asked).unwrap_or(usize::MAX),
        };
        tracing::debug!(descriptors, most, most_of_one, "connections");
        const A_LINE: Quota = Quota::per_minute(NonZeroU32::MIN.saturating_add(5));
        Arc::new(Self {
            most,
            most_of_one,
            shared: config.trusted_proxies.clone(),
            open: Mutex::default(),
            telemetry,
            lines: Lines::at(A_LINE),
        })
    }

    /// How many one worker may have: by itself it never stands in the way, it only keeps the system's queue from being
    /// emptied when all are taken.
    pub(crate) fn of_a_worker(&self) -> usize {
        self.most.saturating_add(1)
    }

    /// A connection was made: it gets a seat, or 503 and its end.
    pub(crate) fn meet(self: &Arc<Self>, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let address = stream.peer_addr().ok().map(|peer| network(peer.ip()));
        match self.enter(address) {
            Ok(seat) => {
                data.insert(seat);
            }
            Err(full) => {
                self.telemetry.connection_refused();
                if let Some(left_out) = self.lines.next() {
                    let (most, of_one) = (self.most, self.most_of_one);
                    let address = address.map(|address| address.to_string());
                    tracing::warn!(
                        address,
                        left_out,
                        "a connection was refused: {}",
                        match full {
                            Full::All => format!(
                                "all {most} are taken (server.max_connections, or the system's limit of open files)"
                            ),
                            Full::OfAddress => format!(
                                "its address has {of_one} already (server.max_connections_per_address)"
                            ),
                        }
                    );
                }
                // Whether it can still be told or not: its descriptor is needed.
                let _ = stream.try_write(REFUSAL);
                let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Both);
            }
        }
    }

    fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Full> {
        // A proxy on this machine, or one that is trusted, speaks for many.
        let is_shared = |address: &IpAddr| {
            address.is_loopback() || self.shared.iter().any(|net| net.contains(address))
        };
        let address = address.filter(|address| !is_shared(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.most {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let count = open.of.entry(address).or_default();
            if *count >= self.most_of_one {
                return Err(Full::OfAddress);
            }
            *count += 1;
        }
        open.all += 1;
        self.telemetry.connections(open.all);
        Ok(Seat {
            connections: Arc::clone(self),
            address,
        })
    }

    fn leave(&self, address: Option<IpAddr>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(address) = address
            && let Some(count) = open.of.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.of.remove(&address);
            }
        }
        self.telemetry.connections(open.all);
    }
}

/// One home gets a whole /64 of IPv6 addresses: they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) if v6.is_loopback() => IpAddr::V6(v6),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: u64, of_one: u64) -> Arc<Connections> {
        let config = ServerConfig {
            max_connections: most,
            max_connections_per_address: of_one,
            trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
            ..ServerConfig::default()
        };
        Connections::new(&config, 2, 100_000, Telemetry::default())
    }

    fn from(connections: &Arc<Connections>, address: &str) -> Result<Seat, Full> {
        connections.enter(Some(network(address.parse().unwrap())))
    }

    #[test]
    fn one_address_cannot_take_all_seats_and_each_is_given_back() {
        let connections = connections(5, 2);
        let first = from(&connections, "198.51.100.1").unwrap();
        let second = from(&connections, "198.51.100.1").unwrap();
        assert_eq!(
            from(&connections, "198.51.100.1").err(),
            Some(Full::OfAddress)
        );
        // An IPv6 home is one, an IPv4 address in IPv6 is itself.
        assert_eq!(
            from(&connections, "::ffff:198.51.100.1").err(),
            Some(Full::OfAddress)
        );
        let home =
            ["2001:db8::1", "2001:db8::2"].map(|address| from(&connections, address).unwrap());
        assert_eq!(
            from(&connections, "2001:db8::3").err(),
            Some(Full::OfAddress)
        );
        drop(first);
        let others = [
            from(&connections, "198.51.100.1").unwrap(),
            from(&connections, "198.51.100.2").unwrap(),
        ];
        assert_eq!(from(&connections, "198.51.100.3").err(), Some(Full::All));
        drop((second, home, others));
        let open = connections.open.lock().unwrap();
        assert_eq!((open.all, open.of.len()), (0, 0));
    }

    #[test]
    fn a_proxy_speaks_for_many() {
        let connections = connections(9, 2);
        let proxied: Vec<_> = ["127.0.0.1", "::1", "192.0.2.7"]
            .into_iter()
            .cycle()
            .take(9)
            .map(|address| from(&connections, address).unwrap())
            .collect();
        assert_eq!(from(&connections, "127.0.0.1").err(), Some(Full::All));
        drop(proxied);
    }

    #[test]
    fn seats_are_no_more_than_the_descriptors_allow() {
        let seats = |asked, descriptors| {
            let config = ServerConfig {
                max_connections: asked,
                ..ServerConfig::default()
            };
            Connections::new(&config, 2, descriptors, Telemetry::default()).most
        };
        assert_eq!(seats(0, 1_024), 440);
        assert_eq!(seats(5_000, 1_024), 440);
        assert_eq!(seats(100, 1_024), 100);
        assert_eq!(seats(0, 1 << 20), 16_384);
        assert_eq!(seats(0, 20), 0);
    }

    #[test]
    fn the_refusal_is_a_whole_answer() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap();
        assert_eq!(length, body.len());
        let error: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(error["error"]["code"], "too_many_connections");
    }
}
