//! Credentials on the requests of reqwest.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Extensions, Uri};
use portcullis_core::ConfigError;
use reqwest::{Request, Response, redirect::Policy};
use reqwest_middleware::{ClientWithMiddleware, Error, Middleware, Next};

use crate::{
    AccessToken, AddApiKeyLayer, AddCredentialError, Authorized, Origins, ReplayBody, TokenSource,
    challenge,
};

/// Builds a client of reqwest whose requests carry credentials, by the rules of [`AddTokenLayer`](crate::AddTokenLayer)
/// and [`AddApiKeyLayer`]. Needs the feature `reqwest-middleware`.
///
/// A request that goes to none of the [`Origins`] is not sent, nor is one for which there is no token. When a service
/// answers 401 with `error="invalid_token"` the request is sent once more, with a fresh token, if its body is not a
/// stream.
///
/// # Redirects
///
/// The client follows none: a redirect is returned as the response that it is. reqwest follows them beneath every
/// middleware, where no origin is checked, and drops `Authorization` when one leads elsewhere, but not the header of an
/// API key. That is also why there is no middleware to be put on a client of one's own.
///
/// # Proxies
///
/// With an origin in plain http, on this machine, the client uses no proxy: one would be sent the credential in the
/// clear. To https a proxy is a tunnel, and stays as it was set.
///
/// # User names in URLs
///
/// A request whose URL has one is not sent. But the builders of requests, as `client.get(…)` makes them, take it out of the
/// URL before any middleware sees it: those are sent like others, the token in place of what stood there.
///
/// # Other middlewares
///
/// Those added [here](Self::with) stand outside: they see the request before it has credentials, and one that retries
/// gets a token for each attempt. One added to the finished client stands inside: it sees the credentials, and where it
/// sends the request no one checks.
///
/// # Errors of requests
///
/// What kept a request from being sent is an [`AddCredentialError`] in [`reqwest_middleware::Error::Middleware`].
///
/// ```no_run
/// use portcullis_client::{AddCredentialError, AuthenticatedClientBuilder, Origins, TokenSource};
///
/// # async fn example(source: TokenSource) -> Result<(), Box<dyn std::error::Error>> {
/// let client = AuthenticatedClientBuilder::new(reqwest::Client::builder())
///     .token(source, Origins::new(["https://orders.example.com"])?)
///     .build()?;
/// let orders = client.get("https://orders.example.com/orders").send().await?;
/// assert!(orders.status().is_success());
///
/// let outcome = client.get("https://elsewhere.example.com/").send().await;
/// if let Err(reqwest_middleware::Error::Middleware(error)) = outcome {
///     let error = error.downcast_ref::<AddCredentialError>();
///     assert!(matches!(error, Some(AddCredentialError::Origin(_))));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "`build` makes the client"]
pub struct AuthenticatedClientBuilder {
    client: reqwest::ClientBuilder,
    outside: Vec<Arc<dyn Middleware>>,
    api_key: Option<AddApiKeyLayer>,
    token: Option<AddToken>,
}

impl AuthenticatedClientBuilder {
    /// Starts from these settings of reqwest, except for what they say about redirects.
    pub fn new(client: reqwest::ClientBuilder) -> Self {
        Self {
            client,
            outside: Vec::new(),
            api_key: None,
            token: None,
        }
    }

    /// Sends the tokens of `source` to `origins` alone.
    pub fn token(self, source: TokenSource, origins: Origins) -> Self {
        let token = Some(AddToken { source, origins });
        Self { token, ..self }
    }

    /// Sends an API key as `layer` says.
    pub fn api_key(self, layer: AddApiKeyLayer) -> Self {
        let api_key = Some(layer);
        Self { api_key, ..self }
    }

    /// Adds a middleware outside of the credentials. The first to be added is the outermost.
    pub fn with(mut self, middleware: impl Middleware) -> Self {
        self.outside.push(Arc::new(middleware));
        self
    }

    /// The client. With both a token and a key, a request must go where both may.
    ///
    /// # Errors
    ///
    /// When there is neither token nor key, the client's default headers name a `Host` or cannot be seen, or reqwest cannot
    /// build it.
    pub fn build(self) -> Result<ClientWithMiddleware, ConfigError> {
        let mut middlewares = self.outside;
        let key_origins = self.api_key.iter().map(AddApiKeyLayer::origins);
        let token_origins = self.token.iter().map(|token| &token.origins);
        let is_local = key_origins
            .chain(token_origins)
            .any(Origins::has_plain_http);
        if let Some(layer) = self.api_key {
            middlewares.push(Arc::new(AddApiKey(layer)));
        } else if self.token.is_none() {
            return Err(ConfigError::new(
                "token",
                "the client has neither a token nor an API key to send: give it one, or take reqwest's own client",
            ));
        }
        // Innermost, so that whatever else fails costs no token, and a second attempt is this request again.
        middlewares.extend(
            self.token
                .map(|token| Arc::new(token) as Arc<dyn Middleware>),
        );
        let mut client = self.client.redirect(Policy::none()).referer(false);
        if is_local {
            // A proxy, such as one that the environment names, would be sent the credential in the clear.
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| ConfigError::new("client", error.to_string()))?;
        match has_default_host(&client) {
            Some(false) => {}
            Some(true) => {
                return Err(ConfigError::new(
                    "client",
                    "its default headers name a Host, which would go out with the credential unseen: leave that out",
                ));
            }
            None => {
                return Err(ConfigError::new(
                    "client",
                    "whether its default headers name a Host cannot be seen with this version of reqwest: take one that this crate was tested with",
                ));
            }
        }
        Ok(ClientWithMiddleware::new(client, middlewares))
    }
}

impl fmt::Debug for AuthenticatedClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatedClientBuilder")
            .field("token", &self.token)
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct AddToken {
    source: TokenSource,
    origins: Origins,
}

#[async_trait]
impl Middleware for AddToken {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let uri = check(&self.origins, &request)?;
        let token = self.source.token().await;
        let token = token.map_err(|error| not_sent(AddCredentialError::Token(error)))?;
        let again = request.try_clone();
        let sent = add(&token, &uri, &mut request)?;
        let response = next.clone().run(request, extensions).await?;
        let asks_for_nonce =
            token.requires_new_nonce(&sent, &uri, response.status(), response.headers());
        if !asks_for_nonce && (!is_refused(&response) || !self.source.reject(&token)) {
            return Ok(response);
        }
        let Some(mut request) = again else {
            return Ok(response);
        };
        let Ok(token) = self.source.token().await else {
            return Ok(response);
        };
        drop(response);
        let sent = add(&token, &uri, &mut request)?;
        let response = next.run(request, extensions).await?;
        // Once more is enough; the next call has the nonce.
        let _ = token.requires_new_nonce(&sent, &uri, response.status(), response.headers());
        if is_refused(&response) {
            // Once is enough here; the next call has another.
            let _ = self.source.reject(&token);
        }
        Ok(response)
    }
}

struct AddApiKey(AddApiKeyLayer);

#[async_trait]
impl Middleware for AddApiKey {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        check(self.0.origins(), &request)?;
        self.0.insert_header(request.headers_mut());
        next.run(request, extensions).await
    }
}

fn add(token: &AccessToken, uri: &Uri, request: &mut Request) -> Result<Authorized, Error> {
    let method = request.method().clone();
    token
        .authorize(&method, uri, request.headers_mut())
        .map_err(|error| not_sent(AddCredentialError::Token(error)))
}

/// Where the request goes, if it may go there with a credential.
fn check(origins: &Origins, request: &Request) -> Result<Uri, Error> {
    // Read as reqwest reads it beneath. What is no URI is an authority without a scheme here, which goes nowhere.
    let uri: Result<Uri, _> = request.url().as_str().parse();
    let uri = uri.unwrap_or_else(|_| Uri::from_static("unreadable"));
    origins
        .check(&uri, request.headers())
        .map_err(|forbidden| not_sent(AddCredentialError::Origin(forbidden)))?;
    Ok(uri)
}

/// Whether the client puts a `Host` of its own on requests, beneath every middleware. There is no getter: what its
/// `Debug` shows tells, if it shows them.
fn has_default_host(client: &reqwest::Client) -> Option<bool> {
    let shown = format!("{client:?}");
    let (_, defaults) = shown.split_once("default_headers")?;
    Some(defaults.contains("\"host\":"))
}

fn not_sent(error: AddCredentialError) -> Error {
    Error::middleware(error)
}

fn is_refused(response: &Response) -> bool {
    challenge::rejects_token(response.status(), response.headers())
}

/// Copies the bytes of a body that is at hand whole; there is none for a stream.
impl ReplayBody for reqwest::Body {
    fn replay(&self) -> Option<Self> {
        self.as_bytes()
            .map(|bytes| Bytes::copy_from_slice(bytes).into())
    }
}
