//! What a stream costs on its way through: bytes to whole frames, and each frame read for its usage, error and end.
//!
//! `cargo bench --bench metering`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fmt::Write;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use real200::domain::Endpoint;
use real200::gateway::dialect::{self, Written};
use real200::gateway::sse::{self, Frames};

const FRAMES: u64 = 1_000;

/// A streamed chat of `FRAMES` tokens, as OpenAI sends it, then its usage and its end.
fn chat() -> Bytes {
    const HEAD: &str = r#"data: {"id":"chatcmpl-Bx4RlbnWk5","object":"chat.completion.chunk","created":1763900000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_560af6e559","#;
    let mut stream = String::new();
    for number in 0..FRAMES {
        writeln!(
            stream,
            "{HEAD}\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word{number}\"}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n"
        )
        .unwrap();
    }
    writeln!(
        stream,
        "{HEAD}\"choices\":[],\"usage\":{{\"prompt_tokens\":19,\"completion_tokens\":1000,\"total_tokens\":1019}}}}\n\ndata: [DONE]\n"
    )
    .unwrap();
    Bytes::from(stream)
}

/// Reads a stream that comes in pieces of `size` bytes; says whether its end was seen.
fn read(stream: &Bytes, size: usize) -> bool {
    let (mut frames, mut written, mut terminal) = (Frames::default(), Written::default(), false);
    for at in (0..stream.len()).step_by(size) {
        let whole = frames
            .push(stream.slice(at..(at + size).min(stream.len())))
            .unwrap();
        for frame in sse::split(&whole) {
            terminal |= dialect::read_frame(Endpoint::Chat, frame, &mut written).terminal;
        }
    }
    terminal
}

fn metering(criterion: &mut Criterion) {
    let stream = chat();
    let mut group = criterion.benchmark_group("metering");
    group.throughput(Throughput::Elements(FRAMES + 2));
    for (name, size) in [
        ("a frame a piece, about", stream.len() / 1_002),
        ("pieces of 16 KiB", 16 << 10),
        ("pieces of 7 bytes", 7),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || stream.clone(),
                |stream| assert!(black_box(read(&stream, size))),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, metering);
criterion_main!(benches);
