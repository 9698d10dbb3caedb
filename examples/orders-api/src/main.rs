//! A small orders service, guarded by Portcullis: the one to try first.

mod app;
mod args;
mod callers;
mod demo;
mod health;
mod orders;

use std::{error::Error, io::IsTerminal, net::SocketAddr, process::ExitCode};

use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{args::Args, demo::Demo};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
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

async fn run(mut args: Args) -> Result<(), Box<dyn Error>> {
    let demo = if args.is_demo() {
        Some(Demo::start(&mut args).await?)
    } else {
        None
    };
    let (authenticate, snapshots) = callers::callers(&args).await?;
    let app = app::router(authenticate, snapshots);

    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        format!(
            "cannot listen on {}: {error}: give another --listen",
            args.listen
        )
    })?;
    let address = listener.local_addr()?;
    if let Some(demo) = &demo {
        demo.explain(address);
    }
    println!("listening on http://{address}");
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(asked_to_stop()?)
    .await?;
    Ok(())
}

/// Ends with SIGINT or SIGTERM.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
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
