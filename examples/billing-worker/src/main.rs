//! A small worker that calls orders-api: the client to try first.

mod args;
mod demo;
mod worker;

use std::{
    error::Error,
    fmt,
    io::{self, IsTerminal, Write},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, timeout},
};
use tracing_subscriber::EnvFilter;

use crate::{args::Args, demo::Demo, worker::Worker};

/// The time limit of the call in progress when the worker is stopped. The revocation after it has a limit too, so the worker
/// ends within 10 s.
const LAST_CALL: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    // Results are printed on stdout. RUST_LOG=debug enables the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        // Otherwise a closed stderr makes it panic.
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .init();
    let args = Args::parse();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(args));
    // Unlike `drop`, this does not wait for a DNS lookup in progress.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error and its causes on stderr. `eprintln!` would panic if that is closed.
fn report(error: &dyn Error) {
    let mut stderr = io::stderr();
    let _ = writeln!(stderr, "error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(stderr, "  because: {cause}");
        source = cause.source();
    }
}

async fn run(mut args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let demo = if args.is_demo() {
        Some(Demo::start(&mut args).await?)
    } else {
        None
    };
    let mut stop = pin!(asked_to_stop()?);
    let mut worker = tokio::select! {
        biased;
        () = &mut stop => return Ok(ExitCode::SUCCESS),
        worker = Worker::start(&args) => worker?,
    };
    let mut ticks = tokio::time::interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for call in 1..=args.calls {
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = ticks.tick() => {}
        }
        let mut calling = pin!(worker.call(call));
        tokio::select! {
            biased;
            () = &mut calling => {}
            () = &mut stop => {
                let limit = LAST_CALL.as_secs();
                say(format_args!("stopping: waiting up to {limit} s for the call in progress"));
                let _ = timeout(LAST_CALL, calling).await;
                break;
            }
        }
        if let Some(demo) = &demo {
            demo.rotate_after(call)?;
        }
    }
    Ok(worker.finish().await)
}

/// Prints a line. A closed stdout does not stop the worker.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Completes at SIGINT or SIGTERM.
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
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
