//! An issuer's keys, fetched once for a command.

use std::{error::Error, path::PathBuf, time::Duration};

use clap::Args;
use portcullis_remote::{FetchError, HttpSettings, Issuer, IssuerBuilder, IssuerEvent};

use crate::client::read_public;

/// How metadata and keys are fetched.
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

    /// Root certificates in PEM that are trusted beside those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// A file with a bearer token to send, where the issuer asks for one, as Kubernetes does.
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
}

impl Access {
    fn to(&self, issuer: &str, jwks_uri: Option<&str>) -> Result<IssuerBuilder, Box<dyn Error>> {
        let mut builder = match (jwks_uri, &self.discover_at) {
            (Some(url), _) => Issuer::jwks(issuer, url),
            (None, Some(url)) => Issuer::discover(issuer).discover_at(url),
            (None, None) => Issuer::discover(issuer),
        };
        if let Some(path) = &self.ca {
            let pem =
                read_public(path).map_err(|error| format!("--ca {}: {error}", path.display()))?;
            builder = builder.http(HttpSettings::default().root_certificates(pem));
        }
        if let Some(path) = &self.bearer_token_file {
            builder = builder.bearer_token_file(path);
        }
        Ok(builder)
    }
}

/// Fetches the keys of `issuer`, from `jwks_uri` or by discovery. The first failure is reported: somebody at a terminal
/// would rather know why than wait for another attempt.
pub(crate) fn fetch(
    issuer: &str,
    jwks_uri: Option<&str>,
    access: &Access,
) -> Result<Fetched, Box<dyn Error>> {
    let builder = access.to(issuer, jwks_uri)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let issuer = runtime.block_on(async {
        let issuer = builder.start_timeout(Duration::ZERO).start().await?;
        first_attempt(&issuer).await?;
        Ok::<_, Box<dyn Error>>(issuer)
    })?;
    Ok(Fetched {
        issuer,
        _runtime: runtime,
    })
}

async fn first_attempt(issuer: &Issuer) -> Result<(), FetchError> {
    let mut events = issuer.events();
    if let Some(error) = issuer.status().last_error {
        return Err(error);
    }
    while !issuer.is_ready() {
        match events.recv().await {
            Ok(IssuerEvent::RefreshFailed { error, .. }) => return Err(error),
            Ok(_) => {}
            Err(_) => return issuer.ready().await,
        }
    }
    Ok(())
}

/// Keys that were fetched. The runtime stays, since the issuer's task lives on it.
pub(crate) struct Fetched {
    pub(crate) issuer: Issuer,
    _runtime: tokio::runtime::Runtime,
}
