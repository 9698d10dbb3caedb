//! Careful requests: bounded in time and size, without redirects.

pub(crate) mod address;
mod bearer;
mod failure;
pub mod headers;
pub mod location;
mod secret_file;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use portcullis_core::{ConfigError, Secret, UnixTime, escape, escape_url};
use portcullis_jose::KeySet;
use reqwest::{
    Certificate, Client, ClientBuilder, Identity, Response, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
        HeaderValue, IF_NONE_MATCH,
    },
    redirect,
};
use url::Url;
use zeroize::Zeroizing;

#[cfg(feature = "client-auth")]
pub(crate) use self::secret_file::MAX_SECRET_BYTES;
pub use self::secret_file::read_secret_file;
use self::{
    address::{GuardedResolver, Network, Reach},
    failure::{chain, failed},
};
use crate::{FetchError, FetchErrorKind};

/// How the operator wants issuers to be asked.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How long one request may take, body included.
    pub timeout: Duration,
    /// Whether the proxies that the environment names are used.
    pub environment_proxies: bool,
    /// Whether plain http is allowed to any host.
    pub any_http: bool,
    /// PEM texts, trusted beside what the system trusts.
    pub root_certificates: Vec<Vec<u8>>,
    /// A file with a bearer token for the configured origin, sent with every GET.
    pub bearer_token_file: Option<Arc<Path>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            environment_proxies: false,
            any_http: false,
            root_certificates: Vec::new(),
            bearer_token_file: None,
        }
    }
}

impl HttpSettings {
    fn roots(&self) -> Result<Vec<Certificate>, ConfigError> {
        let mut roots = Vec::new();
        for pem in &self.root_certificates {
            let found = Certificate::from_pem_bundle(pem)
                .map_err(|_| ConfigError::new("root_certificates", "it is not PEM"))?;
            if found.is_empty() {
                return Err(ConfigError::new(
                    "root_certificates",
                    "there is no certificate in it",
                ));
            }
            roots.extend(found);
        }
        Ok(roots)
    }
}

/// Asks one issuer.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    setup: Arc<Setup>,
}

/// What clients for the same issuer have in common.
#[derive(Debug)]
struct Setup {
    settings: HttpSettings,
    roots: Vec<Certificate>,
    /// Where the issuer is, as the operator configured it.
    configured: Url,
    /// Hosts of other URLs that the operator configured.
    other_hosts: Vec<String>,
    /// The hosts of proxies. Through one, the address that answers is the proxy's and says nothing of the issuer.
    proxies: Vec<String>,
    reach: Reach,
    /// Clients that show a certificate in TLS, by its digest; the newest last.
    identified: Mutex<Vec<([u8; 32], Client)>>,
}

/// A body that may hold a token or a secret.
pub type SecretBody = Zeroizing<Vec<u8>>;

/// A certificate and its key, as TLS wants them.
pub struct ClientIdentity {
    /// The chain, the client's own certificate in front, then the key.
    pub pem: Secret,
    /// Tells this one from its successor.
    pub digest: [u8; 32],
    /// When the client's own certificate ends.
    pub expires_at: UnixTime,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// An issuer's metadata.
    Metadata,
    /// A key set.
    KeySet,
}

impl Wanted {
    /// Kubernetes answers 406 to a request for a key set that does not name its media type.
    fn media_types(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Metadata => "application/json",
            Self::KeySet => "application/jwk-set+json, application/json",
        })
    }
}

/// What came back. The body of a GET was read only if the status is 200.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    network: Option<Network>,
    /// A bearer token is configured, and was not sent to this origin.
    withheld: bool,
}

impl HttpClient {
    /// The most of a body that is read. Metadata has the limit of key sets.
    const MAX_BODY_BYTES: usize = KeySet::MAX_BYTES;

    /// `configured` is where the issuer is, `others` are further URLs that the operator chose.
    ///
    /// # Errors
    ///
    /// When the timeout or a root certificate cannot be used.
    pub fn new(
        settings: &HttpSettings,
        configured: &Url,
        others: &[&Url],
    ) -> Result<Self, ConfigError> {
        let proxies = if settings.environment_proxies {
            proxy_hosts(|name| std::env::var(name).ok())
        } else {
            Vec::new()
        };
        Self::behind(&proxies, settings, configured, others)
    }

    fn behind(
        proxies: &[String],
        settings: &HttpSettings,
        configured: &Url,
        others: &[&Url],
    ) -> Result<Self, ConfigError> {
        if settings.timeout.is_zero() {
            return Err(ConfigError::new(
                "timeout",
                "it is zero: no answer can be in time",
            ));
        }
        let setup = Setup {
            settings: settings.clone(),
            roots: settings.roots()?,
            configured: configured.clone(),
            other_hosts: others
                .iter()
                .filter_map(|url| url.host_str().map(str::to_owned))
                .collect(),
            proxies: proxies.to_vec(),
            reach: Reach::default(),
            identified: Mutex::default(),
        };
        let client = setup.client(None).map_err(|error| {
            ConfigError::new("issuer", format!("no HTTP client: {}", chain(&error)))
        })?;
        Ok(Self {
            client,
            setup: Arc::new(setup),
        })
    }

    /// A client that shows this certificate. Its connections are its own.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be used.
    pub fn identified(&self, identity: &ClientIdentity) -> Result<Self, FetchError> {
        /// So many clients of one server have certificates at once; more only open connections more often.
        const KEPT: usize = 8;

        let setup = self.setup.clone();
        let client = {
            let mut kept = setup
                .identified
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match kept.iter().find(|(digest, _)| *digest == identity.digest) {
                Some((_, client)) => client.clone(),
                None => {
                    let client = setup.client(Some(identity)).map_err(|error| {
                        let why =
                            format!("the client's certificate cannot be used: {}", chain(&error));
                        FetchError::new(FetchErrorKind::Credential, why)
                    })?;
                    if kept.len() == KEPT {
                        kept.remove(0);
                    }
                    kept.push((identity.digest, client.clone()));
                    client
                }
            }
        };
        Ok(Self { client, setup })
    }

    /// How long a request may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.setup.settings.timeout
    }

    /// The networks that discovered URLs may lead to.
    pub(crate) fn reach(&self) -> &Reach {
        &self.setup.reach
    }

    /// Takes the address that answered to be in the issuer's own network.
    pub(crate) fn learn_reach(&self, answer: &Answer) {
        if let Some(network) = answer.network.filter(|_| self.setup.proxies.is_empty()) {
            self.setup.reach.extend_to(network);
        }
    }

    /// Asks for a document.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none that can be read.
    pub async fn get(
        &self,
        url: &Url,
        wanted: Wanted,
        etag: Option<&HeaderValue>,
    ) -> Result<Answer, FetchError> {
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT, wanted.media_types());
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let token_file = self.setup.settings.bearer_token_file.as_ref();
        let is_own_origin = url.origin() == self.setup.configured.origin();
        if let Some(path) = token_file.filter(|_| is_own_origin) {
            request = request.header(AUTHORIZATION, bearer::read(path, self.timeout()).await?);
        }
        let response = request.send().await.map_err(|error| failed(url, error))?;
        let mut answer = Answer::without_body(&response);
        answer.withheld = token_file.is_some() && !is_own_origin;
        if answer.status == StatusCode::OK {
            answer.body = read(url, response).await?;
            answer.check_encoding(url)?;
        }
        Ok(answer)
    }

    /// Sends a form. The body of the answer is read whatever its status: that of an error says what is wrong.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none that can be read.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        form: SecretBody,
    ) -> Result<Answer, FetchError> {
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .headers(headers)
            .body(Bytes::from_owner(form));
        let response = request.send().await.map_err(|error| failed(url, error))?;
        let mut answer = Answer::without_body(&response);
        answer.body = read(url, response).await?;
        // A 401 says enough by its status: the client's next secret is then tried.
        if answer.status != StatusCode::UNAUTHORIZED {
            answer.check_encoding(url)?;
        }
        Ok(answer)
    }
}

impl Setup {
    fn client(&self, identity: Option<&ClientIdentity>) -> reqwest::Result<Client> {
        let client = with_roots(self.builder(identity)?, &self.roots).build();
        client.or_else(|error| {
            if !self.roots.is_empty() {
                return Err(error);
            }
            // A machine without root certificates can still talk to an issuer on loopback.
            tracing::warn!(error = %chain(&error), "the system's root certificates could not be loaded: only configured ones are trusted");
            let none: [Certificate; 0] = [];
            self.builder(identity)?.tls_certs_only(none).build()
        })
    }

    fn builder(&self, identity: Option<&ClientIdentity>) -> reqwest::Result<ClientBuilder> {
        let timeout = self.settings.timeout;
        let mut builder = Client::builder()
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(timeout)
            .connect_timeout(timeout)
            // Without it a server may choose any coding (RFC 9110 §12.5.3).
            .default_headers(HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            )]))
            // Every request has a connection of its own. One that is used again may be closing already, and reqwest
            // cannot tell whether the answer to a request that was lost on it had begun: a token request must not be
            // sent twice then. TLS sessions are resumed.
            .pool_max_idle_per_host(0)
            // What goes through a proxy is resolved there. The guard is for all that does not.
            .dns_resolver(GuardedResolver {
                issuer: self.configured.host_str().map(str::to_owned),
                others: [&self.other_hosts[..], &self.proxies].concat(),
                is_behind_proxies: !self.proxies.is_empty(),
                reach: self.reach.clone(),
            });
        if !self.settings.environment_proxies {
            builder = builder.no_proxy();
        }
        if let Some(identity) = identity {
            builder = builder.identity(Identity::from_pem(identity.pem.expose())?);
        }
        Ok(builder)
    }
}

impl Answer {
    fn without_body(response: &Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: Vec::new(),
            network: response
                .remote_addr()
                .map(|address| Network::of(address.ip())),
            withheld: false,
        }
    }

    /// Refuses a body in a coding that was not asked for: no reader knows it.
    fn check_encoding(&self, url: &Url) -> Result<(), FetchError> {
        let coding = self.headers.get(CONTENT_ENCODING);
        let coding = coding.map(|coding| String::from_utf8_lossy(coding.as_bytes()));
        match coding.as_deref().map(str::trim) {
            None | Some("") => Ok(()),
            Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(()),
            Some(_) if self.body.is_empty() => Ok(()),
            Some(coding) => Err(FetchError::new(
                FetchErrorKind::Unusable,
                format!(
                    "{} answered {} with `Content-Encoding: {}`, which was not asked for: turn compression off there, or in the proxy in front",
                    shown(url),
                    self.status.as_u16(),
                    escape(coding)
                ),
            )),
        }
    }

    /// The tag that a later request may name (RFC 9110 §8.8.3).
    #[must_use]
    pub fn etag(&self) -> Option<HeaderValue> {
        self.headers.get(ETAG).cloned()
    }

    /// Why an answer that is not the expected one is none.
    #[must_use]
    pub fn into_error(self, url: &Url, now: UnixTime) -> FetchError {
        let url = shown(url);
        let status = self.status.as_u16();
        let note = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.withheld => {
                ": the bearer token is sent to the configured origin only; configure this URL itself as the key set's"
            }
            _ => "",
        };
        let error = if self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED {
            FetchError::new(
                FetchErrorKind::Redirected,
                format!("{url} redirects ({status}), which is not followed"),
            )
        } else {
            FetchError::new(
                FetchErrorKind::Status(status),
                format!("{url} answered {status}{note}"),
            )
        };
        error.with_retry_after(headers::retry_after(&self.headers, now))
    }
}

/// Without the body, which may hold a token.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Reads a body chunk by chunk, and no further than the limit, whatever its declared length.
async fn read(url: &Url, mut response: Response) -> Result<Vec<u8>, FetchError> {
    let too_large = || {
        let (url, limit) = (shown(url), HttpClient::MAX_BODY_BYTES);
        FetchError::new(
            FetchErrorKind::TooLarge,
            format!("{url} answered with more than {limit} bytes"),
        )
    };
    if response
        .content_length()
        .is_some_and(|length| length > HttpClient::MAX_BODY_BYTES as u64)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(url, error))? {
        if body.len() + chunk.len() > HttpClient::MAX_BODY_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A URL as messages show it: user, query and fragment may hold a secret.
#[must_use]
pub fn shown(url: &Url) -> String {
    escape_url(url.as_str())
}

/// The hosts of the proxies that the environment names.
fn proxy_hosts(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
        .iter()
        .flat_map(|name| [variable(name), variable(&name.to_ascii_lowercase())])
        .flatten()
        .filter_map(|proxy| {
            let url = match proxy.split_once("://") {
                Some(_) => Url::parse(&proxy),
                None => Url::parse(&format!("http://{proxy}")),
            };
            url.ok()?.host_str().map(str::to_owned)
        })
        .collect()
}

fn with_roots(mut builder: ClientBuilder, roots: &[Certificate]) -> ClientBuilder {
    if !roots.is_empty() {
        builder = builder.tls_certs_merge(roots.iter().cloned());
    }
    builder
}

#[cfg(test)]
mod tests {
    use portcullis_test::{Endpoint, TestIssuer};

    use super::*;

    #[tokio::test]
    async fn a_discovered_name_that_resolves_to_a_private_address_is_not_connected_to() {
        let issuer = TestIssuer::start().await;
        let configured = Url::parse("https://issuer.example").unwrap();
        let http = HttpClient::new(&HttpSettings::default(), &configured, &[]).unwrap();
        let discovered = Url::parse(&issuer.jwks_uri().replace("127.0.0.1", "localhost")).unwrap();
        let error = http
            .get(&discovered, Wanted::KeySet, None)
            .await
            .expect_err("private");
        assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{error}");
        assert_eq!(issuer.requests(Endpoint::Jwks), 0);

        http.reach().extend_to(Network::Private);
        http.get(&discovered, Wanted::KeySet, None)
            .await
            .expect("the issuer is private itself");
    }

    #[tokio::test]
    async fn the_reach_is_learnt_from_the_address_that_answered() {
        let issuer = TestIssuer::start().await;
        let url = Url::parse(&issuer.discovery_uri()).unwrap();
        for (proxies, is_learnt) in [(&[][..], true), (&["proxy.example".to_owned()], false)] {
            let http = HttpClient::behind(proxies, &HttpSettings::default(), &url, &[]).unwrap();
            let answer = http.get(&url, Wanted::Metadata, None).await.unwrap();
            http.learn_reach(&answer);
            let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
            assert_eq!(http.reach().allows(loopback), is_learnt);
        }
    }

    #[test]
    fn the_proxies_that_the_environment_names() {
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

    #[tokio::test]
    async fn proxies_do_not_put_the_guard_aside() {
        let issuer = Url::parse("https://issuer.example").unwrap();
        let inside = Url::parse("http://localhost:1").unwrap();
        for proxies in [&[][..], &["proxy.example".to_owned()]] {
            let http = HttpClient::behind(proxies, &HttpSettings::default(), &issuer, &[]).unwrap();
            let error = http
                .get(&inside, Wanted::KeySet, None)
                .await
                .expect_err("private");
            assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{error}");
        }
    }
}
