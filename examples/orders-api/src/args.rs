//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use portcullis::jwt::Profile;

use crate::key_place::KeyPlace;

const LOG: &str =
    "The log is on stderr. RUST_LOG=info,portcullis_core=debug also shows each refusal.";

/// A small orders service, guarded by Portcullis.
///
/// With neither --issuer nor --api-keys it runs a demonstration: an embedded issuer, an API key, and curl lines to
/// paste.
#[derive(Debug, Parser)]
#[command(version, after_help = LOG)]
pub struct Args {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// An issuer whose access tokens are accepted; may be repeated.
    #[arg(long = "issuer", value_name = "URL")]
    pub(crate) issuers: Vec<String>,

    /// The URL of the key set of the one --issuer, instead of discovering it.
    #[arg(long, value_name = "URL", requires = "issuers")]
    pub(crate) jwks_uri: Option<String>,

    /// The URL of the metadata of the one --issuer, if the issuer cannot be reached at its own URL.
    #[arg(
        long,
        value_name = "URL",
        requires = "issuers",
        conflicts_with = "jwks_uri"
    )]
    pub(crate) discover_at: Option<String>,

    /// Root certificates in PEM, trusted in addition to the system's.
    #[arg(long, value_name = "FILE", requires = "issuers")]
    pub(crate) ca: Option<PathBuf>,

    /// A file with a bearer token for the metadata and keys of the one --issuer, as Kubernetes requires.
    #[arg(long, value_name = "FILE", requires = "issuers")]
    pub(crate) bearer_token_file: Option<PathBuf>,

    /// An accepted audience; may be repeated.
    #[arg(
        long = "audience",
        value_name = "AUD",
        default_value = "https://orders.example.com"
    )]
    pub(crate) audiences: Vec<String>,

    /// The id of an accepted client; may be repeated. Required by profiles that accept only listed clients, such as cognito.
    #[arg(long = "client-id", value_name = "ID", requires = "issuers")]
    pub(crate) client_ids: Vec<String>,

    /// The profile of the issuers' tokens: rfc9068, auth0, cognito, entra_id, keycloak, logto or okta.
    #[arg(long, value_name = "NAME", default_value = "rfc9068")]
    pub(crate) profile: Profile,

    /// A TOML file with a profile of your own; docs/guide/issuers.md shows how.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) profile_file: Option<PathBuf>,

    /// The API keys: the path of a file, as `portcullis keys create` writes it, or the URL of a database without a password,
    /// such as sqlite://keys.db or postgres://USER@HOST/DATABASE. Its tables are created if they are missing.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) api_keys: Option<KeyPlace>,

    /// A file with the password for the database of --api-keys. By default the environment variable
    /// PORTCULLIS_STORE_PASSWORD.
    #[arg(long, value_name = "FILE", requires = "api_keys")]
    pub(crate) store_password_file: Option<PathBuf>,

    /// Also accept API keys of another format, which were imported by their digests.
    #[arg(long, requires = "api_keys")]
    pub(crate) foreign_api_keys: bool,

    /// Serve the management of API keys at /admin/keys, with a page to look at at /admin/keys/ui.
    #[arg(long)]
    pub(crate) admin: bool,

    /// How long a revoked key may be accepted while the database of --api-keys can be reached, in seconds; 5 by default.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "api_keys")]
    pub(crate) key_reachable_bound: Option<Duration>,

    /// How long keys that were used before are accepted while the database of --api-keys cannot be reached, in seconds; 900
    /// by default.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "api_keys")]
    pub(crate) key_unreachable_bound: Option<Duration>,

    /// A Redis server by its URL without a password, such as redis://HOST. Changes of keys in a database spread over it, and
    /// limits of keys count for all instances together.
    #[arg(long, value_name = "URL", requires = "api_keys")]
    pub(crate) redis: Option<String>,

    /// A file with the password for --redis. By default the environment variable PORTCULLIS_REDIS_PASSWORD.
    #[arg(long, value_name = "FILE", requires = "redis")]
    pub(crate) redis_password_file: Option<PathBuf>,

    /// How many instances share the limits of keys: while Redis cannot be reached, each allows its share.
    #[arg(long, value_name = "NUMBER", requires = "redis", default_value_t = 1)]
    pub(crate) instances: u32,

    /// Hear of changes of keys only by asking the database each second.
    #[arg(long, requires = "api_keys")]
    pub(crate) no_key_bus: bool,

    /// Verify every token anew instead of caching verified tokens.
    #[arg(long)]
    pub(crate) no_token_cache: bool,

    /// The time limit for the head of a request, and then for its body and the answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) request_timeout: Duration,

    /// The time limit for requests in progress after SIGINT or SIGTERM, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) shutdown_timeout: Duration,

    /// The address of the embedded issuer of the demonstration.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8081",
        conflicts_with_all = ["issuers", "api_keys"]
    )]
    pub(crate) demo_issuer_listen: SocketAddr,
}

impl Args {
    /// Whether no callers are configured, so the demonstration runs.
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
