//! An issuer's keys, fetched once for a command.

use std::{error::Error, time::Duration};

use portcullis_remote::Issuer;

/// How long somebody at a terminal is kept waiting for an issuer that fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fetches the keys of `issuer`, from `jwks_uri` or by discovery.
pub(crate) fn fetch(issuer: &str, jwks_uri: Option<&str>) -> Result<Fetched, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let issuer = runtime.block_on(async {
        match jwks_uri {
            Some(uri) => {
                Issuer::jwks(issuer, uri)
                    .fail_fast()
                    .start_timeout(PATIENCE)
                    .start()
                    .await
            }
            None => {
                Issuer::discover(issuer)
                    .fail_fast()
                    .start_timeout(PATIENCE)
                    .start()
                    .await
            }
        }
    })?;
    Ok(Fetched {
        issuer,
        _runtime: runtime,
    })
}

/// Keys that were fetched. The runtime stays, since the issuer's task lives on it.
pub(crate) struct Fetched {
    pub(crate) issuer: Issuer,
    _runtime: tokio::runtime::Runtime,
}
