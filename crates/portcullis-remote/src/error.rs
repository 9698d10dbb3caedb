//! What can go wrong when an issuer is started.

use std::sync::Arc;

use portcullis_core::{ConfigError, escape_url};
use portcullis_oauth::FetchError;

/// Why an issuer could not be started.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The issuer's metadata names another issuer (RFC 8414 §3.3). Waiting does not change that: configure the issuer as it
    /// names itself, or the URL that its metadata is at.
    #[error("{} is not the issuer that its metadata names", escape_url(.issuer))]
    WrongIssuer {
        /// The issuer, as configured.
        issuer: Arc<str>,
        /// What its metadata says.
        source: FetchError,
    },
    /// No keys could be had in time, and [`fail_fast`](crate::IssuerBuilder::fail_fast) makes that an error. Or the
    /// metadata names a URL that must not be fetched, which waiting does not change.
    #[error("no keys could be fetched from {} at the start", escape_url(.issuer))]
    Unavailable {
        /// The issuer.
        issuer: Arc<str>,
        /// The last failure; `None` if the first attempt had not ended.
        #[source]
        source: Option<FetchError>,
    },
}

impl std::fmt::Debug for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}
