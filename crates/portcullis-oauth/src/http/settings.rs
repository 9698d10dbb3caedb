//! The HTTP settings that `portcullis-remote` and `portcullis-client` share.

use std::{io, path::Path, sync::Arc, time::Duration};

use portcullis_core::ConfigError;
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use url::Url;

/// How HTTP requests are sent: those to issuers and authorization servers, and those of an `AuthenticatedClientBuilder`. The
/// same value can be given to all.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpSettings {
    pub(crate) timeout: Duration,
    /// The hosts of the environment's proxies, which the resolver lets through. If this is empty, no proxy is used. reqwest
    /// itself reads the rest from the environment.
    pub(super) proxy_hosts: Vec<String>,
    allow_http: bool,
    pub(super) root_certificates: Vec<Arc<[u8]>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            proxy_hosts: Vec::new(),
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
    /// A proxy resolves host names itself, so it is the proxy that must keep discovered URLs out of private networks.
    pub fn environment_proxies(mut self) -> Self {
        self.proxy_hosts = proxy_hosts(|name| std::env::var(name).ok());
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
    /// When the timeout is zero or a root certificate is not valid PEM.
    pub fn client_builder(&self) -> Result<ClientBuilder, ConfigError> {
        if self.timeout.is_zero() {
            return Err(ConfigError::new("timeout", "must be > 0"));
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .connect_timeout(self.timeout);
        if self.proxy_hosts.is_empty() {
            builder = builder.no_proxy();
        }
        for pem in &self.root_certificates {
            let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if found.is_empty() {
                let problem = "no certificate found: expected PEM with `CERTIFICATE` blocks";
                return Err(ConfigError::new("root_certificates", problem));
            }
            builder = builder.tls_certs_merge(found);
        }
        Ok(builder)
    }
}

fn proxy_hosts(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
        .iter()
        .flat_map(|name| [variable(name), variable(&name.to_ascii_lowercase())])
        .flatten()
        .filter_map(|proxy| {
            let scheme = if proxy.contains("://") { "" } else { "http://" };
            let url = Url::parse(&format!("{scheme}{proxy}")).ok()?;
            url.host_str().map(str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_from_the_environment() {
        let hosts = |set: &[(&str, &str)]| {
            proxy_hosts(|name| {
                let (_, value) = set.iter().find(|(variable, _)| *variable == name)?;
                Some((*value).to_owned())
            })
        };
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
}
