//! The `sluice` command.

/// Every request takes and gives back two read buffers of 16 KiB, which the
/// system's allocator merges and splits each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sluice::cli::main()
}
