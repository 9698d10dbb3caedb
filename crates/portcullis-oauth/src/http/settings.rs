//! The HTTP settings that `portcullis-remote` and `portcullis-client` share.

use std::{io, path::Path, sync::Arc, time::Duration};

use portcullis_core::ConfigError;
use reqwest::{Certificate, Client, ClientBuilder, redirect};

use super::proxy::{EnvironmentProxy, from_environment};

/// How HTTP requests are sent: those to issuers and authorization servers, and those of an `AuthenticatedClientBuilder`. The
/// same value can be given to all.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpSettings {
    pub(crate) timeout: Duration,
    pub(super) proxies: Result<Vec<EnvironmentProxy>, ConfigError>,
    allow_http: bool,
    pub(super) root_certificates: Vec<Arc<[u8]>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            proxies: Ok(Vec::new()),
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

    /// Uses the proxies named by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or by these names in lower case. By
    /// default no proxy is used.
    ///
    /// If a variable in use is not the URL of an http proxy, or `HTTP_PROXY` is set in a CGI program, where the caller chooses its
    /// value, the settings cannot be used.
    ///
    /// A proxy resolves host names itself, so it is the proxy that must keep discovered URLs out of private networks.
    pub fn environment_proxies(mut self) -> Self {
        self.proxies = from_environment(|name| std::env::var_os(name));
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
            .connect_timeout(self.timeout)
            .no_proxy();
        for EnvironmentProxy { proxy, .. } in self.proxies.clone()? {
            builder = builder.proxy(proxy);
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
