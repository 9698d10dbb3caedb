//! A small worker that calls orders-api: the client to try first.

mod args;
mod demo;
mod worker;

use std::{
    error::Error,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::MissedTickBehavior,
};
use tracing_subscriber::EnvFilter;

use crate::{args::Args, demo::Demo, worker::Worker};

#[tokio::main]
async fn main() -> ExitCode {
    // What matters is printed. RUST_LOG=debug shows the rest.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    match run(Args::parse()).await {
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
    let mut worker = Worker::start(&args).await?;
    let mut stop = std::pin::pin!(asked_to_stop()?);
    let mut ticks = tokio::time::interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for call in 1..=args.calls {
        // Only between calls: one that is under way is finished.
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = ticks.tick() => {}
        }
        worker.call(call).await;
        if let Some(demo) = &demo {
            demo.rotate_after(call)?;
        }
    }
    Ok(worker.finish().await)
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
