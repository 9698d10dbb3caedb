//! Creates the reqwest clients for one issuer or authorization server.

use std::{collections::VecDeque, sync::Mutex};

use portcullis_core::{ConfigError, Secret};
use reqwest::{
    Certificate, Client, ClientBuilder, Identity,
    header::{ACCEPT_ENCODING, HeaderMap, HeaderValue},
};
use url::Url;

use super::{HttpSettings, error::with_causes, resolver::GuardedResolver};

/// Creates clients with the same settings, and keeps those with a certificate.
pub(super) struct ClientFactory {
    pub(super) settings: HttpSettings,
    /// As in `HttpClient::new`.
    pub(super) configured: Url,
    pub(super) resolver: GuardedResolver,
    /// Clients with a certificate, each with the PEM of its certificate and key; the newest in front.
    pub(super) by_certificate: Mutex<VecDeque<(Secret, Client)>>,
}

impl ClientFactory {
    /// A client with the certificate and private key of `pem`, if any.
    pub(super) fn client(&self, pem: Option<&Secret>) -> Result<Client, ConfigError> {
        let failed = |error: reqwest::Error| {
            let problem = format!(
                "cannot create an HTTP client ({}): check the client's certificate and private key, if there are any, or else `root_certificates`",
                with_causes(&error)
            );
            ConfigError::new("http", problem)
        };
        let identity = pem.map(|pem| Identity::from_pem(pem.expose()));
        let identity = identity.transpose().map_err(failed)?;
        match self.builder(identity.clone())?.build() {
            // Without system roots, an issuer on loopback can still be reached.
            Err(error) if self.settings.root_certificates.is_empty() => {
                let error = with_causes(&error);
                tracing::warn!(
                    error,
                    "cannot use the system's root certificates, so https requests will fail: install them or set `root_certificates`; or if the error is about a key, correct the client's certificate"
                );
                let builder = self.builder(identity)?;
                let builder = builder.tls_certs_only([] as [Certificate; 0]);
                builder.build().map_err(failed)
            }
            built => built.map_err(failed),
        }
    }

    fn builder(&self, identity: Option<Identity>) -> Result<ClientBuilder, ConfigError> {
        // Without this header a server may choose any coding (RFC 9110 §12.5.3).
        let no_coding = (ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let builder = self
            .settings
            .client_builder()?
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([no_coding]))
            // No connection is reused: see ARCHITECTURE.md, *Decisions*.
            .pool_max_idle_per_host(0)
            // Errors of HTTP/2 contain text of the server, which may repeat a secret.
            .http1_only()
            .dns_resolver(self.resolver.clone());
        Ok(match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        })
    }
}
