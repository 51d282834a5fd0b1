//! The `real200` program. See `lib.rs` for the map of the house.

use std::process::ExitCode;

// The gateway makes many small, short-lived allocations on every worker; mimalloc keeps them apart by thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    real200::cli::main()
}
