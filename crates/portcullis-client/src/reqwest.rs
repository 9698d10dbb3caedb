//! Credentials for clients of reqwest.

use std::{convert::Infallible, error::Error as _, fmt, sync::Arc};

use async_trait::async_trait;
use http::{Extensions, HeaderMap, Uri, header::HOST};
use portcullis_core::ConfigError;
use portcullis_oauth::HttpSettings;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Error, Middleware, Next};

use crate::{AddApiKeyLayer, AddCredentialError, Origins, TokenError, TokenSource};

/// Builds a reqwest client whose requests carry credentials, by the rules of [`AddTokenLayer`](crate::AddTokenLayer)
/// and [`AddApiKeyLayer`]. Needs the feature `reqwest-middleware`.
///
/// A request to an origin outside the [`Origins`] is not sent, nor is a request for which no token can be obtained: the
/// error is an [`AddCredentialError`] in [`reqwest_middleware::Error::Middleware`]. When a service answers 401 with
/// `error="invalid_token"`, the request is sent again with a new token, unless its body is a stream.
///
/// - **Redirects** are returned as responses. reqwest would follow them below all middlewares, where no origin is checked,
///   so credentials are not available as a middleware for a client of your own.
/// - **Proxies** are used only if the [`HttpSettings`] say so. If one of the origins is plain http, the client uses no proxy
///   at all, because a proxy would see the credential. An https request passes a proxy in a tunnel.
/// - **User names in URLs**: a request to such a URL is not sent. However, `client.get(…)` and the like remove the user name
///   before any middleware runs: their requests are sent, with the token.
/// - **Other middlewares** that are added by [`with`](Self::with) run before the credentials are added. One that is added
///   to the finished client sees the credentials, and could send them anywhere.
#[derive(Default)]
#[must_use = "`build` makes the client"]
pub struct AuthenticatedClientBuilder {
    http: HttpSettings,
    default_headers: HeaderMap,
    outer: Vec<Arc<dyn Middleware>>,
    credentials: Credentials,
}

/// The innermost middleware, so that a retry does not run the other ones again.
#[derive(Debug, Default)]
struct Credentials {
    api_key: Option<AddApiKeyLayer>,
    token: Option<(TokenSource, Origins)>,
}

impl AuthenticatedClientBuilder {
    /// Starts with the default [`HttpSettings`]: requests time out after 5 s.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets timeout, root certificates and proxies.
    pub fn http(self, http: HttpSettings) -> Self {
        Self { http, ..self }
    }

    /// Adds these headers to every request that does not have them. `Host` is not allowed.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.default_headers = headers;
        self
    }

    /// Sends the tokens of `source`, only to `origins`.
    pub fn token(mut self, source: TokenSource, origins: Origins) -> Self {
        self.credentials.token = Some((source, origins));
        self
    }

    /// Sends an API key as configured by `layer`.
    pub fn api_key(mut self, layer: AddApiKeyLayer) -> Self {
        self.credentials.api_key = Some(layer);
        self
    }

    /// Adds a middleware that runs before the credentials are added. The first one added is the outermost.
    pub fn with(mut self, middleware: impl Middleware) -> Self {
        self.outer.push(Arc::new(middleware));
        self
    }

    /// Builds the client. With both a token and a key, a request must go to an origin that is allowed for both.
    ///
    /// # Errors
    ///
    /// When there is neither a token nor a key, the default headers contain `Host`, or the HTTP settings are invalid.
    pub fn build(self) -> Result<ClientWithMiddleware, ConfigError> {
        if self.default_headers.contains_key(HOST) {
            // reqwest adds default headers below the middlewares, where no origin is checked.
            let problem = "must not contain `Host`, which could lead the credential to another service: remove it";
            return Err(ConfigError::new("default_headers", problem));
        }
        let origins: Vec<_> = self.credentials.origins().collect();
        if origins.is_empty() {
            let problem = "the client has no credential: set a token or an API key, or use reqwest's own client";
            return Err(ConfigError::new("token", problem));
        }
        let mut client = self.http.client_builder()?;
        if origins.into_iter().any(Origins::has_plain_http) {
            client = client.no_proxy();
        }
        let client = client.default_headers(self.default_headers).build();
        let client = client.map_err(|error| {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            let why = format!("cannot create the client ({cause}): check the root certificates");
            ConfigError::new("http", why)
        })?;
        let mut middlewares = self.outer;
        middlewares.push(Arc::new(self.credentials));
        Ok(ClientWithMiddleware::new(client, middlewares))
    }
}

impl fmt::Debug for AuthenticatedClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the default headers, which may hold a secret.
        f.debug_struct("AuthenticatedClientBuilder")
            .field("http", &self.http)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    fn origins(&self) -> impl Iterator<Item = &Origins> {
        let key = self.api_key.iter().map(|layer| &layer.origins);
        key.chain(self.token.iter().map(|(_, origins)| origins))
    }
}

#[async_trait]
impl Middleware for Credentials {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        // Parsed as reqwest parses it to send it. `invalid` has an authority but no scheme, which no origin allows.
        let uri = request.url().as_str().parse();
        let uri = uri.unwrap_or_else(|_| Uri::from_static("invalid"));
        for origins in self.origins() {
            let checked = origins.check(&uri, request.headers());
            checked.map_err(|error| credential_error(AddCredentialError::Origin(error)))?;
        }
        if let Some(layer) = &self.api_key {
            layer.insert_header(request.headers_mut());
        }
        let Some((source, _)) = &self.token else {
            return next.run(request, extensions).await;
        };
        let token_error = |error: TokenError| credential_error(AddCredentialError::Token(error));
        let mut retry = request.try_clone();
        let mut first_response = None;
        loop {
            let token = match (source.token().await, first_response.take()) {
                (Ok(token), _) => token,
                (Err(_), Some(response)) => return Ok(response),
                (Err(error), None) => return Err(token_error(error)),
            };
            let method = request.method().clone();
            let proof = token.authorize(&method, &uri, request.headers_mut());
            let proof = proof.map_err(token_error)?;
            let response = next.clone().run(request, extensions).await?;
            let should_retry =
                token.learn_from_response(&proof, response.status(), response.headers());
            match retry.take_if(|_| should_retry) {
                Some(again) => (request, first_response) = (again, Some(response)),
                None => return Ok(response),
            }
        }
    }
}

fn credential_error(error: AddCredentialError<Infallible>) -> Error {
    Error::middleware(error)
}
