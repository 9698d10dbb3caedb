//! A small orders service, guarded by Portcullis: all of it but its `main`, so that the demonstration of a client can run
//! it in-process.

mod app;
mod args;
mod callers;
mod demo;
mod health;
mod orders;
mod profile;

use std::{error::Error, io, net::SocketAddr};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

pub use crate::args::Args;
use crate::demo::Demo;

/// The whole program, until SIGINT or SIGTERM.
///
/// # Errors
///
/// When an argument cannot be used or the service cannot start, with what to do about it.
pub async fn run(mut args: Args) -> Result<(), Box<dyn Error>> {
    let demo = if args.is_demo() {
        Some(Demo::start(&mut args).await?)
    } else {
        None
    };
    let app = app(&args).await?;

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
    serve(listener, app, asked_to_stop()?).await?;
    Ok(())
}

/// The service for the callers that `args` name.
///
/// # Errors
///
/// When they name none, or what they name cannot be used.
pub async fn app(args: &Args) -> Result<Router, Box<dyn Error>> {
    let (authenticate, snapshots) = callers::callers(args).await?;
    Ok(app::router(authenticate, snapshots))
}

/// Answers what comes to `listener`, until `stop` ends and the requests at hand are answered.
///
/// # Errors
///
/// As `axum::serve`: in practice none.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await
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
