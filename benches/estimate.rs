//! What a prompt's bounds cost: the cheap one, which every call has, and the tight one, which only those have whose cheap one
//! does not fit a quota. The unit of throughput is a KiB of body, so that a time an element is a time a KiB.
//!
//! `cargo bench --bench estimate`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use real200::domain::Endpoint;
use real200::gateway::estimate::{self, Encoding};
use real200::gateway::request::Request;
use serde_json::json;

const ENGLISH: &str = "A quota is a promise: no set of concurrent requests spends past it, and no estimate that is too high keeps anybody from the last cents. ";
const CHINESE: &str =
    "配额是一种承诺：任何并发请求都不会超出它，过高的估计也不会让任何人用不到最后几分钱。";
const CODE: &str = "fn bound(&self, output: u64) -> Consumption {\n    let prompt = self.prompt_bound();\n    Consumption { usd: price.bound(prompt, output, self.multiplier), requests: 1 }\n}\n";

/// A chat of 16 messages, 64 KiB in all or a little more.
fn chat(text: &str) -> Request {
    let content = text.repeat(4_096 / text.len() + 1);
    let messages: Vec<_> = (0..16)
        .map(|_| json!({"role": "user", "content": content}))
        .collect();
    let body = json!({"model": "gpt-4o", "messages": messages, "max_tokens": 100}).to_string();
    Request::read(Endpoint::Chat, Bytes::from(body)).unwrap()
}

fn bounds(criterion: &mut Criterion) {
    for (name, text) in [("English", ENGLISH), ("Chinese", CHINESE), ("code", CODE)] {
        let request = chat(text);
        let mut group = criterion.benchmark_group(format!("estimate/{name}"));
        group.throughput(Throughput::Elements(
            u64::try_from(request.body.len()).unwrap() / 1_024,
        ));
        group.bench_function("cheap bound", |bencher| {
            bencher.iter(|| estimate::prompt_bound(black_box(&request)));
        });
        let cheap = estimate::prompt_bound(&request);
        for (name, encoding) in [
            ("tight bound, encoding not known", None),
            ("tight bound, o200k", Some(Encoding::O200k)),
        ] {
            group.sample_size(20);
            group.bench_function(name, |bencher| {
                bencher.iter(|| estimate::tight_bound(black_box(&request), encoding, cheap));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, bounds);
criterion_main!(benches);
