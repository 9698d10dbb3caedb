//! Errors of a start.

use std::sync::Arc;

use portcullis_core::{ConfigError, log::escape_url};
use portcullis_oauth::FetchError;

/// Why an issuer could not be started.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The metadata names another issuer (RFC 8414 §3.3). Configure that one, or the URL of the right metadata.
    #[error("the metadata of issuer {} names another issuer: check `discover_at` if it is set, or configure the issuer exactly as the metadata names it", escape_url(.issuer))]
    WrongIssuer {
        /// The issuer, as configured.
        issuer: Arc<str>,
        /// What the metadata says.
        source: FetchError,
    },
    /// With [`fail_fast`](crate::IssuerBuilder::fail_fast): no keys could be fetched in time. Also without it: a URL is
    /// forbidden.
    #[error("no keys of issuer {} could be fetched at the start: correct the cause, or if none is given, raise `start_timeout`", escape_url(.issuer))]
    Unavailable {
        /// The issuer.
        issuer: Arc<str>,
        /// The last failure; `None` if the first fetch had not ended.
        #[source]
        source: Option<FetchError>,
    },
}

portcullis_core::debug_as_report!(StartError);
