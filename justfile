# What can be done here; CI runs `just check`, and so can you. `just --list` shows all.

set shell := ["bash", "-euo", "pipefail", "-c"]

export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := "1"

# List the recipes.
default:
    @just --list --unsorted

# All that CI checks, the quick answers first.
check: fmt clippy doc deny machete ui test e2e sdk load-smoke
    @echo "just check: all good"

# --- Rust ---------------------------------------------------------------------------------------------------------

# Formatting, as rustfmt wants it.
fmt:
    cargo fmt --check

# Lints on all targets; a warning is an error. Needs no console, so it does not build one.
clippy:
    REAL200_UI=skip cargo clippy --locked --all-targets -- -D warnings

# All Rust tests; builds the console into the debug binary, which the browser and SDK tests then use.
test:
    cargo test

# The documentation, without broken links.
doc:
    REAL200_UI=skip RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# Licences, bans and sources of the dependency tree; known vulnerabilities where their database can be reached.
deny:
    cargo deny check bans licenses sources
    @if timeout 10 git ls-remote --quiet https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then \
        cargo deny check advisories; \
    else \
        echo "deny: advisories NOT checked: the advisory database cannot be reached from here"; \
    fi

# Dependencies that nothing uses.
machete:
    cargo machete

# The debug binary, as the tests build it: a plain `cargo build` would compile many dependencies a second time.
build:
    cargo test --locked --no-run --test integration

# --- Console ------------------------------------------------------------------------------------------------------

# The console's lint, types and unit tests. cargo builds the console itself.
ui: _npm-ui
    cd ui && npm run lint
    cd ui && npm run types
    cd ui && npm test

# Browser tests against the debug binary, with the Chromium of the system.
e2e: _npm-ui build
    cd ui && REAL200_BIN="{{ justfile_directory() }}/target/debug/real200" npm run e2e

# Screenshots of every page, light, dark and phone.
screens: _npm-ui build
    cd ui && REAL200_BIN="{{ justfile_directory() }}/target/debug/real200" npm run screens

# --- The whole program ----------------------------------------------------------------------------------------------

# The official SDKs of OpenAI, Anthropic and Google for Python and Node against the debug binary.
sdk: build (_venv "venv-sdk" "tests/sdk/requirements.txt") (_npm "tests/sdk/node")
    target/venv-sdk/bin/python -m pytest tests/sdk
    target/venv-sdk/bin/python tests/sdk/with_gateway.py node --test tests/sdk/node/

# The SDK cases once more, through the gateway to LiteLLM's proxy (by hand; installs 750 MB).
peer: build (_venv "venv-sdk" "tests/sdk/requirements.txt") (_venv "venv-peer" "tests/sdk/peer-requirements.txt")
    target/venv-sdk/bin/python tests/sdk/peer.py target/venv-peer/bin/litellm

# `kill -9` under load, 50 rounds (by hand; `just test` does a few).
crash-50:
    CRASH_ROUNDS=50 cargo test --test crash -- --nocapture

# What providers may send on a socket and no caller may get of another's, 100 times (by hand, an hour; `just wire 5` for fewer).
wire rounds="100":
    REAL200_UI=skip cargo test --locked --no-run --test integration
    for round in $(seq {{ rounds }}); do \
        echo "round $round"; \
        REAL200_UI=skip timeout 600 cargo test --locked --quiet --test integration integration::wire; \
    done

# One of three channels dead, 10,000 calls: none may fail; how soon the next attempt begins (by hand; a minute or two).
failover:
    REAL200_UI=skip CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=target/failover \
        cargo test --locked --release --test integration -- --ignored --nocapture outages::with_one_of_three

# The orders in which threads may reserve and settle, a million of them (a minute; `SCHEDULES=50000` for fewer).
schedules:
    REAL200_UI=skip cargo test --locked --lib --features schedules state::tests::schedules -- --nocapture

# Quotas against a plain model, 2,000 sequences of what can happen to them (some minutes; `just test` does 60).
quotas:
    REAL200_UI=skip QUOTA_CASES=2000 cargo test --locked --lib state::tests::machine -- --nocapture

# --- Measuring ------------------------------------------------------------------------------------------------------

# The small benchmarks.
bench *args:
    cargo bench --locked {{ args }}

# Requests/s, latency, CPU and memory beside nginx. Needs nginx-light and wrk.
load *args:
    cargo build --locked --release
    python3 benches/load/run.py {{ args }}

# 2,000 streams of 30 s through one process: none may break; prints the memory of each.
streams *args:
    cargo build --locked --release
    python3 benches/load/streams.py {{ args }}

# That the load harness still works, in seconds and on the debug binary; its numbers mean nothing.
load-smoke: build
    python3 benches/load/run.py --profile debug --seconds 1 --rounds 1 --connections 8
    python3 benches/load/streams.py --profile debug --streams 50 --seconds 2

# --- Pieces ---------------------------------------------------------------------------------------------------------

_npm-ui: (_npm "ui")

# Node modules, installed anew only when the lock file is newer.
_npm folder:
    @if [ ! {{ folder }}/node_modules/.package-lock.json -nt {{ folder }}/package-lock.json ]; then \
        npm ci --prefix {{ folder }} --no-audit --no-fund; \
    fi

# A virtual environment in target/, made anew only when its requirements changed.
_venv name requirements:
    @if ! cmp --silent {{ requirements }} target/{{ name }}/requirements.txt; then \
        python3 -m venv --clear target/{{ name }}; \
        target/{{ name }}/bin/pip install --quiet --disable-pip-version-check -r {{ requirements }}; \
        cp {{ requirements }} target/{{ name }}/requirements.txt; \
    fi
