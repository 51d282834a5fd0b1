//! The HTTP/1.1 client that everything outside is reached with: providers, their token services, webhooks, fetched media.
//!
//! It keeps the first promise that a shared gateway owes: **an answer reaches the caller whose request it belongs to.** A
//! connection belongs to one exchange at a time, is driven by that exchange alone, and is closed by dropping it. It goes back
//! into the worker's pool only when its answer was read to its framed end, the request was wholly written, nothing is left
//! over, and both sides keep it open; before it is taken out again, a byte or an end that came meanwhile discards it. Whatever
//! else happens, an error, a timeout, a body that was dropped, closes it.
//!
//! Interim answers (1xx) are skipped, a bounded number of them; an unasked-for 101 is a broken answer. A body whose end is the
//! connection's is read to it, and a cut is told from an end where TLS or the kernel tell them apart. Content codings are
//! undone while the body streams, with bounded memory. Redirects are not followed.
//!
//! HTTP is hyper's (1.12.0, `client::conn::http1`, read for what it does with each of these); the pool, the way there and the
//! rules are here. HTTP/1.1 only: closing the connection is how a call is cancelled, and one caller's slow body cannot hold up
//! another's behind it.

mod body;
mod coding;
mod decode;
mod dial;
mod error;
mod exchange;
mod link;
mod pool;
mod proxy;
mod request;
mod socket;
#[cfg(test)]
mod tests;
mod upgrade;

pub use body::Body;
pub use error::{BrokeOff, SendError};
pub use exchange::{Answer, send, send_once};
pub use link::Line;
pub use request::{Payload, Pieces, Request, headers_to};
pub use socket::Transport;
pub use upgrade::{Upgraded, upgrade};
