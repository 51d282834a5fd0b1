//! Real200: one binary that hands out API keys, forwards LLM calls to the providers behind it, counts every token and cent,
//! and shows it all in a console.
//!
//! # The map of the house
//!
//! Four floors over a ground. A file imports from the floors below it, never upwards, never in a circle;
//! `tests/integration/architecture.rs` holds the code to this.
//!
//! ```text
//! floor 4   cli  config  server  connections  first_start  rekey  banner  progress  upgrade   start, wire together, stop
//! floor 3   gateway/  data plane: /v1 …                   console/  control plane: /api, /console
//! floor 2   state/    keys in memory, limits, quotas, channels, webhooks, the ledger; knows nothing of HTTP
//! floor 1   storage/  the journal, sled and bincode       crypto  the only file that knows ring      clock
//!           client/   HTTP to the world; an answer reaches its own caller     resource  methods and `Allow`
//!           outbound/ requests to addresses that somebody else chose              log_lines  held to a rate
//! ground    domain/   pure types and rules: no I/O, no async, no clock of its own
//! ```
//!
//! `gateway/` and `console/` do not know each other.
//!
//! # The path of a call
//!
//! `gateway/pipeline.rs`, top to bottom, each step a type made from the last one's value:
//! authenticate → authorize → rate-limit → reserve → route → forward → meter → settle.
//! What must be given back is a guard that gives itself back when dropped:
//! [`state::Permit`], [`state::Reservation`], [`state::OpenCall`].
//!
//! # The path of a change
//!
//! A handler of `console/` calls one method of `state/`; that works in memory at once, queues one entry in the journal of
//! `storage/` together with its audit entry, and resolves when both are on disk. Once a second the journal's changes go to
//! sled, from which the next start reads.

pub mod banner;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
mod connections;
pub mod console;
pub mod crypto;
pub mod domain;
pub mod first_start;
pub mod gateway;
pub mod log_lines;
pub mod outbound;
pub mod progress;
pub mod rekey;
pub mod resource;
pub mod server;
pub mod state;
pub mod storage;
pub mod upgrade;
