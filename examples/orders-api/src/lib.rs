//! A small orders service, guarded by Portcullis. It is a library so that the demonstration of `billing-worker` can run it
//! in-process.

mod api_keys;
mod args;
mod authentication;
mod demo;
mod health;
mod key_place;
mod orders;
mod profile;
mod program;
mod routes;
mod serve;

use std::{
    error::Error,
    io::{self, Write},
};

use axum::Router;
use portcullis::admin::KeyAdmin;
use tokio::{net::TcpListener, task::JoinSet};

pub use crate::{
    args::Args,
    program::{asked_to_stop, run_program},
};
use crate::{authentication::Authentication, demo::Demo, health::Sources, serve::Limits};

/// The whole program, until SIGINT or SIGTERM.
///
/// # Errors
///
/// When an argument cannot be used or the service cannot start, with what to do about it.
pub async fn run(mut args: Args) -> Result<(), Box<dyn Error>> {
    let stop = asked_to_stop()?;
    let demo = if args.is_demo() {
        Some(Demo::start(&mut args).await?)
    } else {
        None
    };
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        format!(
            "cannot listen on {}: {error}: give another --listen",
            args.listen
        )
    })?;
    let address = listener.local_addr()?;
    let service = Service::start(&args).await?;
    if let Some(demo) = &demo {
        let _ = demo.explain(address);
    }
    // A closed stdout does not stop the service.
    let _ = writeln!(io::stdout(), "listening on http://{address}");
    let limits = Limits {
        request: args.request_timeout,
        shutdown: args.shutdown_timeout,
    };
    let keys_loaded = service.keys_loaded();
    let print_ready = async move {
        if keys_loaded.await? {
            let _ = writeln!(io::stdout(), "ready");
        }
        Ok(())
    };
    let ended = tokio::select! {
        () = serve::serve(listener, service.router, limits, stop) => Ok(()),
        Err(error) = print_ready => Err(error),
    };
    service.sources.shut_down().await;
    ended
}

/// The service, once it has the keys of each issuer that can be used.
///
/// # Errors
///
/// When the arguments name no callers, or a file that cannot be used, or no caller could ever be served.
pub async fn router(args: &Args) -> Result<Router, Box<dyn Error>> {
    let service = Service::start(args).await?;
    service.keys_loaded().await?;
    Ok(service.router)
}

/// Serves with the default time limits until `stop` completes and the requests in progress are answered.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve::serve(listener, router, Limits::default(), stop).await;
}

/// The service and its sources of keys.
struct Service {
    router: Router,
    sources: Sources,
}

impl Service {
    /// Does not wait for the keys of issuers. Until they are loaded, tokens get 503 and `/healthz` says "not ready". API keys
    /// work at once.
    async fn start(args: &Args) -> Result<Self, Box<dyn Error>> {
        let Authentication {
            layer,
            sources,
            api_keys,
        } = authentication::start(args).await?;
        let mut router = routes::router(layer.clone(), sources.clone());
        if args.admin {
            let (manager, scheme) =
                api_keys.ok_or("--admin needs keys to manage: give --api-keys")?;
            let admin = KeyAdmin::new(manager).introspection(scheme);
            router = router.nest("/admin/keys", admin.authenticate(layer).build()?);
        }
        Ok(Self { router, sources })
    }

    /// Waits until the keys of each issuer are loaded or waiting for them cannot help, and returns whether all are loaded.
    /// Fails if no caller can be served. An error of one issuer is in the log and at `/healthz`, and does not end the
    /// service for the callers of another, or those with API keys.
    fn keys_loaded(&self) -> impl Future<Output = Result<bool, Box<dyn Error>>> + use<> {
        let issuers = self.sources.issuers.clone();
        let mut is_serving = self.sources.api_keys.is_some();
        async move {
            let mut waiting = JoinSet::new();
            for issuer in &*issuers {
                let issuer = issuer.clone();
                waiting.spawn(async move { issuer.ready().await });
            }
            let mut failed = None;
            while let Some(ended) = waiting.join_next().await {
                match ended? {
                    Ok(()) => is_serving = true,
                    Err(error) => failed = Some(error),
                }
            }
            match failed {
                Some(error) if !is_serving => Err(error.into()),
                failed => Ok(failed.is_none()),
            }
        }
    }
}
