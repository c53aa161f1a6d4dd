//! The `sluice` command.

/// Every request takes and gives back some twenty blocks, a few of them larger than what the
/// system's allocator keeps at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sluice::cli::main()
}
