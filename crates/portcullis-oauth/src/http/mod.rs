//! HTTP requests with limits on time and size, without redirects.

mod address;
mod answer;
mod client_factory;
mod error;
mod headers;
mod proxy;
mod resolver;
mod settings;
mod token_file;
pub mod url_rules;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use portcullis_core::{ConfigError, Secret, clock::SharedClock, lock};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_NONE_MATCH},
};
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::address::AllowedNetworks;
#[cfg(feature = "client-auth")]
pub(crate) use self::answer::answered;
pub use self::{
    answer::Answer, headers::secret_header, settings::HttpSettings, url_rules::display_url,
};
use self::{
    client_factory::ClientFactory, error::request_failed, resolver::GuardedResolver,
    token_file::TokenFile,
};
use crate::{Blocking, FetchError};

/// An HTTP client for one issuer or authorization server.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    factory: Arc<ClientFactory>,
    clock: SharedClock,
    bearer_token_file: Option<Arc<TokenFile>>,
}

/// The media types of key sets and of metadata. Kubernetes answers 406 to a request for keys without the type of key sets.
const MEDIA_TYPES: &str = "application/jwk-set+json, application/json";

impl HttpClient {
    /// `configured` is the URL of the metadata or, if no metadata is read, that of the key set or token endpoint. `others` are
    /// the other configured URLs. Configured URLs may be in any network; discovered URLs must lead to public networks, or to
    /// the kind of network that the issuer is in.
    ///
    /// # Errors
    ///
    /// When the settings cannot be used.
    pub fn new(
        settings: &HttpSettings,
        clock: SharedClock,
        configured: &Url,
        others: &[&Url],
    ) -> Result<Self, ConfigError> {
        let hosts = others.iter().filter_map(|url| url.host_str());
        let proxies = settings.proxies.clone()?;
        let is_behind_proxy = !proxies.is_empty();
        let proxies = proxies.into_iter().map(|proxy| proxy.host);
        let factory = ClientFactory {
            settings: settings.clone(),
            configured: configured.clone(),
            resolver: GuardedResolver {
                issuer_host: configured.host_str().map(str::to_owned),
                other_hosts: hosts.map(str::to_owned).chain(proxies).collect(),
                is_behind_proxy,
                networks: AllowedNetworks::default(),
            },
            by_certificate: Mutex::default(),
        };
        Ok(Self {
            client: factory.client(None)?,
            factory: Arc::new(factory),
            clock,
            bearer_token_file: None,
        })
    }

    /// Sends the bearer token in this file with every GET to the configured origin.
    #[must_use]
    pub fn bearer_token_file(mut self, path: Option<PathBuf>) -> Self {
        let reads = Blocking::new(());
        self.bearer_token_file = path.map(|path| Arc::new(TokenFile { path, reads }));
        self
    }

    fn client_with_certificate(&self, pem: &Secret) -> Result<Client, FetchError> {
        /// How many clients are kept. A further certificate evicts the oldest client.
        const MAX_CLIENTS: usize = 8;

        let mut clients = lock(&self.factory.by_certificate);
        let mut known = clients.iter();
        if let Some((_, client)) = known.find(|(known, _)| known.expose() == pem.expose()) {
            return Ok(client.clone());
        }
        let client = self.factory.client(Some(pem)).map_err(|error| {
            let problem = error.problem();
            let message = format!("the client's certificate cannot be used: {problem}");
            FetchError::credential(message)
        })?;
        clients.truncate(MAX_CLIENTS - 1);
        clients.push_front((pem.clone(), client.clone()));
        Ok(client)
    }

    /// The clock that times answers.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The time limit for one request.
    pub fn timeout(&self) -> Duration {
        self.factory.settings.timeout
    }

    pub(crate) fn allow_http(&self) -> bool {
        self.factory.settings.is_http_allowed()
    }

    pub(crate) fn networks(&self) -> &AllowedNetworks {
        &self.factory.resolver.networks
    }

    /// Records the kind of network that `answer`, an answer of the issuer, came from. Discovered URLs may lead to that kind.
    pub(crate) fn learn_issuer_network(&self, answer: &Answer) {
        if let Some(network) = answer.network
            && !self.factory.resolver.is_behind_proxy
        {
            self.networks().set_issuer_network(network);
        }
    }

    /// Fetches a document. If its entity tag is still `etag`, the answer is a 304 without the document.
    ///
    /// # Errors
    ///
    /// When no complete answer arrives within the limits.
    pub async fn get(&self, url: &Url, etag: Option<&HeaderValue>) -> Result<Answer, FetchError> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, MEDIA_TYPES);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let is_configured_origin = url.origin() == self.factory.configured.origin();
        let token_file = self.bearer_token_file.as_ref();
        let mut token = None;
        if let Some(file) = token_file.filter(|_| is_configured_origin) {
            let value = token.insert(file.read(self.timeout()).await?);
            request = request.header(AUTHORIZATION, value.clone());
        }
        let (mut answer, response) = self.send(url, request).await?;
        answer.token_withheld = token_file.is_some() && !is_configured_origin;
        if answer.status == StatusCode::OK {
            answer.read_body(url, response).await?;
            answer.check_encoding(url)?;
            if let Some(token) = token {
                answer.check_repetition(url, token_file::token(&token))?;
            }
        }
        Ok(answer)
    }

    /// Posts a form, over TLS with the certificate and private key in the PEM `identity`, if any. The body of the answer is
    /// read whatever its status, since it may describe an error.
    ///
    /// # Errors
    ///
    /// When no complete answer arrives within the limits, or the certificate or the key cannot be used.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        form: Zeroizing<Vec<u8>>,
        identity: Option<&Secret>,
    ) -> Result<Answer, FetchError> {
        let client = match identity {
            Some(pem) => self.client_with_certificate(pem)?,
            None => self.client.clone(),
        };
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .headers(headers)
            .body(Bytes::from_owner(form));
        let (mut answer, response) = self.send(url, request).await?;
        let read = answer.read_body(url, response).await;
        // For a 401, a body that cannot be read is ignored: the status suffices to try the client's next credential.
        if answer.status != StatusCode::UNAUTHORIZED {
            read.and_then(|()| answer.check_encoding(url))?;
        }
        Ok(answer)
    }

    async fn send(
        &self,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<(Answer, Response), FetchError> {
        let response = request.send().await;
        let response = response.map_err(|error| request_failed(url, error))?;
        Ok((Answer::without_body(&response, self.clock.now()), response))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("configured", &display_url(&self.factory.configured))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::system_clock;
    use portcullis_test::{Endpoint, TestIssuer};

    use super::{address::Network, *};
    use crate::FetchErrorKind;

    fn client(is_behind_proxy: bool, configured: &Url) -> HttpClient {
        let mut settings = HttpSettings::default();
        if is_behind_proxy {
            // The requests of these tests do not pass a proxy for https.
            let variable = |name: &str| (name == "HTTPS_PROXY").then(|| "proxy.example:1".into());
            settings.proxies = proxy::from_environment(variable);
        }
        HttpClient::new(&settings, system_clock(), configured, &[]).unwrap()
    }

    #[tokio::test]
    async fn discovered_name_with_a_private_address_is_not_connected_to() {
        let issuer = TestIssuer::start().await;
        let configured = Url::parse("https://issuer.example").unwrap();
        let http = client(false, &configured);
        let discovered = Url::parse(&issuer.jwks_uri().replace("127.0.0.1", "localhost")).unwrap();
        let error = http.get(&discovered, None).await.expect_err("private");
        assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{error}");
        assert_eq!(issuer.requests(Endpoint::Jwks), 0);

        http.networks().set_issuer_network(Network::Private);
        http.get(&discovered, None)
            .await
            .expect("the issuer is private too");
    }

    #[tokio::test]
    async fn network_of_the_issuer_is_learned_from_its_answer() {
        let issuer = TestIssuer::start().await;
        let url = Url::parse(&issuer.discovery_uri()).unwrap();
        for is_behind_proxy in [false, true] {
            let http = client(is_behind_proxy, &url);
            let answer = http.get(&url, None).await.unwrap();
            http.learn_issuer_network(&answer);
            let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
            assert_eq!(http.networks().allows(loopback), !is_behind_proxy);
        }
    }

    #[tokio::test]
    async fn discovered_names_are_checked_behind_a_proxy() {
        let issuer = Url::parse("https://issuer.example").unwrap();
        let inside = Url::parse("http://localhost:1").unwrap();
        for is_behind_proxy in [false, true] {
            let http = client(is_behind_proxy, &issuer);
            let error = http.get(&inside, None).await.expect_err("private");
            assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{error}");
        }
    }
}
