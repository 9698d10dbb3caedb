//! The HTTP settings that `portcullis-remote` and `portcullis-client` share.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use http::Uri;
use portcullis_core::ConfigError;
use reqwest::{Certificate, Client, ClientBuilder, redirect};

/// How HTTP requests are sent: those to issuers and authorization servers, and those of an `AuthenticatedClientBuilder`. The
/// same value can be given to all.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpSettings {
    pub(crate) timeout: Duration,
    /// The hosts of the environment's proxies, which the resolver lets through. If this is empty, no proxy is used. To send
    /// a request, reqwest itself reads the proxies' URLs and `NO_PROXY` from the environment.
    pub(super) proxy_hosts: Result<Vec<String>, ConfigError>,
    allow_http: bool,
    pub(super) root_certificates: Vec<Arc<[u8]>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            proxy_hosts: Ok(Vec::new()),
            allow_http: false,
            root_certificates: Vec::new(),
        }
    }
}

impl HttpSettings {
    /// The time limit for one request, including its body. 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Trusts these root certificates, in PEM, in addition to those of the system. May be called repeatedly.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into().into());
        self
    }

    /// Like [`root_certificates`](Self::root_certificates), from a file of at most 4 MiB. It blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or every user may write it.
    pub fn root_certificates_file(self, path: &Path) -> io::Result<Self> {
        /// Several times the size of a system's bundle.
        const MAX_BYTES: u64 = 4 * 1024 * 1024;

        let contents = portcullis_file::read_trusted(path, MAX_BYTES)?;
        Ok(self.root_certificates(contents.into_bytes()))
    }

    /// Uses the proxies named by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. By default no proxy is used.
    ///
    /// If one of the first three is set, but not to the URL of a proxy, the settings cannot be used.
    ///
    /// A proxy resolves host names itself, so it is the proxy that must keep discovered URLs out of private networks.
    pub fn environment_proxies(mut self) -> Self {
        self.proxy_hosts = proxy_hosts(|name| std::env::var_os(name));
        self
    }

    /// Allows plain http to any host. An attacker on the network path can then read tokens, and replace an issuer's keys.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Whether plain http is allowed to any host.
    pub fn is_http_allowed(&self) -> bool {
        self.allow_http
    }

    /// A builder of reqwest clients with these settings. The clients follow no redirects and send no `Referer`.
    ///
    /// # Errors
    ///
    /// When the timeout is zero, a root certificate is not valid PEM, or a variable of
    /// [`environment_proxies`](Self::environment_proxies) is not the URL of a proxy.
    pub fn client_builder(&self) -> Result<ClientBuilder, ConfigError> {
        if self.timeout.is_zero() {
            return Err(ConfigError::new("timeout", "must be > 0"));
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .connect_timeout(self.timeout);
        if self.proxy_hosts.clone()?.is_empty() {
            builder = builder.no_proxy();
        }
        for pem in &self.root_certificates {
            let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if found.is_empty() {
                let problem = "no certificate found: give PEM text with `CERTIFICATE` blocks";
                return Err(ConfigError::new("root_certificates", problem));
            }
            builder = builder.tls_certs_merge(found);
        }
        Ok(builder)
    }
}

fn proxy_hosts(variable: impl Fn(&str) -> Option<OsString>) -> Result<Vec<String>, ConfigError> {
    const VARIABLES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

    let names = VARIABLES
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.to_ascii_lowercase()]);
    let set = names.filter_map(|name| variable(&name).map(|value| (name, value)));
    set.filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| proxy_host(&name, &value))
        .collect()
}

/// The host of a proxy. reqwest would ignore the values that are rejected here, and send its requests without a proxy.
fn proxy_host(variable: &str, value: &OsStr) -> Result<String, ConfigError> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

    let uri: Option<Uri> = value.to_str().and_then(|value| value.parse().ok());
    let uri = uri.filter(|uri| uri.scheme_str().is_none_or(|it| SCHEMES.contains(&it)));
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    if host.is_empty() {
        // The value may contain a password.
        let problem =
            format!("`{variable}` is not the URL of an http or socks5 proxy: correct or unset it");
        return Err(ConfigError::new("environment_proxies", problem));
    }
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(set: &[(&str, &str)]) -> Result<Vec<String>, ConfigError> {
        proxy_hosts(|name| {
            let (_, value) = set.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).into())
        })
    }

    #[test]
    fn proxies_are_read_from_the_environment() {
        let hosts = |set| hosts(set).expect("usable");
        assert!(hosts(&[]).is_empty());
        assert!(hosts(&[("https_proxy", ""), ("NO_PROXY", "a.example")]).is_empty());
        assert_eq!(hosts(&[("https_proxy", "proxy:3128")]), ["proxy"]);
        assert_eq!(
            hosts(&[
                ("HTTPS_PROXY", "http://u:p@a.example"),
                ("all_proxy", "10.0.0.1:1")
            ]),
            ["a.example", "10.0.0.1"]
        );
    }

    #[test]
    fn variable_that_names_no_proxy_is_an_error() {
        for value in [
            "http://u:s3cr3t@",
            "http://u:s3cr3t@proxy example",
            "http:// u:s3cr3t@proxy.example",
            "ftp://u:s3cr3t@proxy.example",
            "/s3cr3t",
        ] {
            let set = [("HTTPS_PROXY", "proxy:3128"), ("all_proxy", value)];
            let error = hosts(&set).expect_err(value).to_string();
            assert!(error.contains("`all_proxy`"), "{error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
