//! A small worker that calls orders-api: the client to try first.

mod args;
mod demo;
mod worker;

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use orders_api::{asked_to_stop, run_program};
use tokio::time::{MissedTickBehavior, timeout};

use crate::{args::Args, demo::Demo, worker::Worker};

/// The time limit of the call in progress when the worker is stopped. The revocation after it has a limit too, so the worker
/// ends within 10 s.
const LAST_CALL: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let args = Args::parse();
    // Results are printed on stdout. RUST_LOG=debug enables the log.
    run_program("off", run(args))
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
