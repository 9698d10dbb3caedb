//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser};

const LOG: &str = "The log is off. RUST_LOG=info turns it on; RUST_LOG=info,portcullis_core=debug also shows each \
                   refusal of the demonstration's service.";

/// A small worker that calls orders-api, with a token and with an API key.
///
/// With nothing configured it runs a demonstration: an embedded issuer, orders-api itself, and a client secret that is
/// rotated while the worker uses it.
#[derive(Debug, Parser)]
#[command(version, after_help = LOG, group(ArgGroup::new("credential").args(["issuer", "api_key_file"]).multiple(true)))]
pub(crate) struct Args {
    /// Where orders-api is, such as http://127.0.0.1:8080. Credentials are sent only there.
    #[arg(long, value_name = "URL", requires = "credential")]
    pub(crate) orders_url: Option<String>,

    /// The issuer of the tokens.
    #[arg(long, value_name = "URL", requires_all = ["orders_url", "client_id", "client_secret_file"])]
    pub(crate) issuer: Option<String>,

    /// The id of the worker at the issuer.
    #[arg(long, value_name = "ID", requires = "issuer")]
    pub(crate) client_id: Option<String>,

    /// A file with the client's secret. It is read anew for each token, so that the secret can be rotated.
    #[arg(long, value_name = "FILE", requires = "issuer")]
    pub(crate) client_secret_file: Option<PathBuf>,

    /// A scope to request; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE", requires = "issuer")]
    pub(crate) scopes: Vec<String>,

    /// The service that tokens are for (RFC 8707), by its URI; may be repeated.
    #[arg(long = "resource", value_name = "URI", requires = "issuer")]
    pub(crate) resources: Vec<String>,

    /// A file with an API key for a second call each time. It is read again every second.
    #[arg(long, value_name = "FILE", requires = "orders_url")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// The number of calls.
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) calls: u32,

    /// The time from one call to the next, in seconds or fractions of one.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(crate) interval: Duration,
}

impl Args {
    /// Whether no service is configured, so that the demonstration runs.
    pub(crate) fn is_demo(&self) -> bool {
        self.orders_url.is_none()
    }
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().unwrap_or(f64::NAN);
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err("give seconds from 0.01 to 86400, such as 0.5");
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(args: &[&str]) -> Option<String> {
        let args = std::iter::once(&"billing-worker").chain(args);
        Args::try_parse_from(args)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn conflicting_options_of_the_worker_are_reported() {
        let client = ["--client-id", "billing", "--client-secret-file", "f"];
        let orders = ["--orders-url", "http://127.0.0.1:8080"];
        let issuer = ["--issuer", "http://127.0.0.1:8081"];
        let key = ["--api-key-file", "f"];
        for (args, missing) in [
            (orders.to_vec(), "--api-key-file"),
            (key.to_vec(), "--orders-url"),
            (client.to_vec(), "--issuer"),
            ([&issuer[..], &client].concat(), "--orders-url"),
            ([orders, issuer].concat(), "--client-id"),
            ([&orders[..], &key, &["--scope", "a"]].concat(), "--issuer"),
            (
                [&orders[..], &key, &["--resource", "urn:a"]].concat(),
                "--issuer",
            ),
            (vec!["--interval", "0"], "0.01 to 86400"),
            (vec!["--interval", "NaN"], "0.01 to 86400"),
            (vec!["--calls", "0"], "--calls"),
        ] {
            let complaint = complaint(&args).unwrap_or_else(|| panic!("{args:?} is accepted"));
            assert!(complaint.contains(missing), "{args:?}: {complaint}");
        }
        for args in [
            vec![],
            vec!["--calls", "4", "--interval", "0.05"],
            [orders, key].concat(),
            [&orders[..], &issuer, &client].concat(),
            [&orders[..], &issuer, &client, &key].concat(),
        ] {
            assert_eq!(complaint(&args), None, "{args:?}");
        }
    }
}
