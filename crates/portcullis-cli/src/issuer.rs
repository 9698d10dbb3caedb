//! Fetching an issuer's keys once.

use std::{error::Error, path::PathBuf, time::Duration};

use clap::Args;
use portcullis_remote::{Issuer, IssuerEvent, StartError};

use crate::{client::http_settings, misuse::misuse};

#[derive(Args, Debug)]
pub(crate) struct Access {
    /// Where the issuer's metadata is, if the issuer cannot be reached at its own URL.
    #[arg(
        long,
        value_name = "URL",
        requires = "issuer",
        conflicts_with = "jwks_uri"
    )]
    discover_at: Option<String>,

    /// Root certificates in PEM, trusted in addition to the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// A file with a bearer token for an issuer that requires one, such as Kubernetes.
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
}

/// Fetches the keys of `issuer`, from `jwks_uri` or by discovery, and reports the first failure.
pub(crate) async fn fetch(
    issuer: &str,
    jwks_uri: Option<&str>,
    access: &Access,
) -> Result<Issuer, Box<dyn Error>> {
    let mut builder = match (jwks_uri, &access.discover_at) {
        (Some(url), _) => Issuer::jwks(issuer, url),
        (None, Some(url)) => Issuer::discover(issuer).discover_at(url),
        (None, None) => Issuer::discover(issuer),
    };
    if let Some(path) = &access.ca {
        builder = builder.http(http_settings(path)?);
    }
    if let Some(path) = &access.bearer_token_file {
        builder = builder.bearer_token_file(path);
    }
    let started = builder.start_timeout(Duration::ZERO).start().await;
    let issuer = started.map_err(|error| match error {
        StartError::Config(error) => {
            let option = error.setting().replace('_', "-");
            misuse(format!("--{option}: {}", error.problem()))
        }
        error => error.into(),
    })?;
    let mut events = issuer.events();
    if let Some(error) = issuer.status().last_error {
        return Err(error.into());
    }
    while !issuer.is_ready() {
        match events.recv().await {
            Ok(IssuerEvent::RefreshFailed { error, .. }) => return Err(error.into()),
            Ok(_) => {}
            Err(_) => issuer.ready().await?,
        }
    }
    Ok(issuer)
}
