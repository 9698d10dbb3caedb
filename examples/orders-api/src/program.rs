//! What a `main` needs: the log, the runtime, the exit status and the signals.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// Runs `program` on a new runtime, and prints its error on stderr. `log` is the filter of the log without `RUST_LOG`.
pub fn run_program<F>(log: &str, program: F) -> ExitCode
where
    F: Future<Output = Result<ExitCode, Box<dyn Error>>>,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        // Otherwise a closed stderr makes it panic.
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .init();
    let outcome = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let outcome = runtime.block_on(program);
        // Unlike `drop`, this does not wait for a DNS lookup in progress.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|error| {
        report(&*error);
        ExitCode::FAILURE
    })
}

/// Prints an error and its causes. `eprintln!` would panic if stderr is closed.
fn report(error: &dyn Error) {
    let mut stderr = io::stderr();
    let _ = writeln!(stderr, "error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(stderr, "  because: {cause}");
        source = cause.source();
    }
}

/// Completes at SIGINT or SIGTERM.
///
/// # Errors
///
/// When the signals cannot be received.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
