//! Behaviour over HTTP, as clients see it: each test starts the real server on a free port with a data directory of its own.
//!
//! One binary, a module a topic. `harness` starts gateways and scripted upstreams; when a gateway is dropped, no
//! reservation may be left, and the doctor checks its data directory, so that every test checks the promises, too.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a test has clocks and threads of its own"
)]

mod integration {
    mod accounts;
    mod architecture;
    mod as_code;
    mod balance;
    mod bedrock;
    mod bill;
    mod calling;
    mod calls;
    mod channels;
    mod chaos;
    mod console;
    mod credentials;
    mod descriptors;
    mod dialects;
    mod discovery;
    mod edges;
    mod endpoints;
    mod harness;
    mod hygiene;
    mod keys;
    mod limits;
    mod loops;
    mod outages;
    mod permissions;
    mod policies;
    mod process;
    mod promises;
    mod quotas;
    mod realtime;
    mod rotation;
    mod routing;
    mod secrets;
    mod streams;
    mod vertex;
    mod webhooks;
    mod wire;
}
