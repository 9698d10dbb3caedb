//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use portcullis::jwt::Profile;

/// A small orders service, guarded by Portcullis.
///
/// With neither --issuer nor --api-keys it runs a demonstration: an embedded issuer, an API key, and curl lines to
/// paste.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// An issuer whose access tokens are accepted; may be repeated.
    #[arg(long = "issuer", value_name = "URL")]
    pub(crate) issuers: Vec<String>,

    /// Where the keys of the one --issuer are, instead of discovering them.
    #[arg(long, value_name = "URL", requires = "issuers")]
    pub(crate) jwks_uri: Option<String>,

    /// Where the metadata of the one --issuer is, if the issuer cannot be reached at its own URL.
    #[arg(
        long,
        value_name = "URL",
        requires = "issuers",
        conflicts_with = "jwks_uri"
    )]
    pub(crate) discover_at: Option<String>,

    /// Root certificates in PEM that are trusted beside those of the system.
    #[arg(long, value_name = "FILE", requires = "issuers")]
    pub(crate) ca: Option<PathBuf>,

    /// A file with a bearer token to send with requests for the metadata and keys of the one --issuer, as Kubernetes
    /// asks for.
    #[arg(long, value_name = "FILE", requires = "issuers")]
    pub(crate) bearer_token_file: Option<PathBuf>,

    /// An audience that tokens may be meant for; may be repeated.
    #[arg(
        long = "audience",
        value_name = "AUD",
        default_value = "https://orders.example.com"
    )]
    pub(crate) audiences: Vec<String>,

    /// The id of a client that may call; may be repeated. Required by profiles that accept listed clients only, such as
    /// cognito.
    #[arg(long = "client-id", value_name = "ID", requires = "issuers")]
    pub(crate) client_ids: Vec<String>,

    /// What the issuers' tokens look like: rfc9068, auth0, cognito, entra_id, keycloak, logto or okta.
    #[arg(long, value_name = "NAME", default_value = "rfc9068")]
    pub(crate) profile: Profile,

    /// A file that says so instead, in TOML; docs/guide/issuers.md shows how.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) profile_file: Option<PathBuf>,

    /// A file of API keys, as `portcullis keys create` writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_keys: Option<PathBuf>,

    /// Checks the signature of every token, also of those that were verified before.
    #[arg(long)]
    pub(crate) no_token_cache: bool,

    /// How long a client may take to send the head of a request, and then to send its body and be answered, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) request_timeout: Duration,

    /// How long requests under way are waited for after SIGINT or SIGTERM, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) shutdown_timeout: Duration,

    /// Where the embedded issuer of the demonstration listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub(crate) demo_issuer_listen: SocketAddr,
}

impl Args {
    /// Whether nothing says who may call, so that the demonstration runs.
    pub(crate) fn is_demo(&self) -> bool {
        self.issuers.is_empty() && self.api_keys.is_none()
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().unwrap_or(f64::NAN);
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err("give seconds from 0.01 to 86400, such as 0.5");
    }
    Ok(Duration::from_secs_f64(seconds))
}
