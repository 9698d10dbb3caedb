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

/// How long the call under way may take once the worker is asked to stop. The revocation after it is limited too, so that
/// the worker ends within 10 s.
const LAST_CALL: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    // What matters is printed. RUST_LOG=debug shows the rest.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    let args = Args::parse();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start tokio: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(args));
    // Unlike `drop`, this does not wait for a name that is still being looked up.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
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

/// Prints a line. Whoever read the output may have gone, which is no reason to stop.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Ends with SIGINT or SIGTERM.
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
