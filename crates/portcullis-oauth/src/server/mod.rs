//! An authorization server, as its clients use it.

mod answer;
mod builder;
mod endpoints;
mod oauth_error;
mod redaction;

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, Secret, clock::SharedClock, log::escape_url};
use portcullis_jose::{DpopKey, DpopRequest};
use url::Url;
use zeroize::Zeroizing;

use self::endpoints::{DiscoveredEndpoints, no_endpoint};
pub use self::{
    answer::OAuthAnswer, builder::AuthorizationServerBuilder, endpoints::OAuthEndpoint,
    oauth_error::OAuthError,
};
use crate::{
    ClientAuthentication, DpopNonces, FetchError, FetchErrorKind,
    client_auth::Credential,
    http::{HttpClient, display_url},
};

/// An authorization server and its endpoints (RFC 6749 §3, RFC 8414). Clones are cheap and share the metadata.
///
/// The metadata is read when it is first needed, and again after one hour or two misses in a row. In a miss, a request got no
/// answer or status 404, 405 or 410, or was not sent because the metadata's URL is not allowed.
///
/// ```
/// use portcullis_oauth::AuthorizationServer;
///
/// let server = AuthorizationServer::discover("https://issuer.example.com").build()?;
/// let other = AuthorizationServer::token_endpoint("https://id.example.com/oauth/token").build()?;
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AuthorizationServer(Arc<Inner>);

struct Inner {
    http: HttpClient,
    issuer: Option<String>,
    /// The configured URLs, which override the discovered ones.
    token_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    discovered: Option<DiscoveredEndpoints>,
    nonces: DpopNonces,
}

impl AuthorizationServer {
    /// The server's issuer identifier (RFC 8414 §2), if configured.
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        self.0.http.clock()
    }

    /// Posts a form to an endpoint as this client. Several credentials are offered in turn until the server does not reject
    /// one.
    ///
    /// # Errors
    ///
    /// When there is no answer, or no endpoint or credential. An error response of the server is an [`OAuthAnswer`].
    pub async fn post(
        &self,
        endpoint: OAuthEndpoint,
        authentication: &ClientAuthentication,
        form: &[(&str, &str)],
    ) -> Result<OAuthAnswer, FetchError> {
        self.post_with_proof(endpoint, authentication, None, form)
            .await
    }

    /// As [`post`](Self::post). With a `key`, the request carries a proof, and the server binds the token to the key (RFC 9449
    /// §5). If the server requires a nonce in the proof, the request is sent once more with it (§8).
    ///
    /// # Errors
    ///
    /// As for [`post`](Self::post), and when the proof cannot be signed.
    pub async fn post_with_proof(
        &self,
        endpoint: OAuthEndpoint,
        authentication: &ClientAuthentication,
        key: Option<&DpopKey>,
        form: &[(&str, &str)],
    ) -> Result<OAuthAnswer, FetchError> {
        let url = self.url(endpoint, authentication, form).await?;
        let send = || self.send_with_each_credential(&url, authentication, form, key);
        let (answer, has_new_nonce) = send().await?;
        let error = answer.error();
        if has_new_nonce && error.is_some_and(|error| &*error.code == "use_dpop_nonce") {
            // This also makes a new assertion, since an assertion is for a single request.
            return Ok(send().await?.0);
        }
        Ok(answer)
    }

    async fn url(
        &self,
        endpoint: OAuthEndpoint,
        authentication: &ClientAuthentication,
        form: &[(&str, &str)],
    ) -> Result<Url, FetchError> {
        let configured = match endpoint {
            OAuthEndpoint::Token => &self.0.token_endpoint,
            OAuthEndpoint::Revocation => &self.0.revocation_endpoint,
        };
        let url = match (configured, &self.0.discovered) {
            (Some(url), _) => url.clone(),
            (None, Some(discovered)) => {
                // A hostile server cannot reuse a certificate that it was shown, unlike a secret or a token.
                let sends_secret = !authentication.is_by_certificate_only()
                    || form.iter().any(|(name, _)| TOKEN_FIELDS.contains(name));
                let use_alias = authentication.has_certificate();
                discovered.url(endpoint, use_alias, sends_secret).await?
            }
            (None, None) => {
                let server = self.0.token_endpoint.as_ref().map_or("", Url::as_str);
                return Err(no_endpoint(endpoint, server));
            }
        };
        if authentication.is_by_certificate_only() && url.scheme() != "https" {
            let (name, url) = (endpoint.as_str(), display_url(&url));
            let message = format!(
                "the `{name}` {url} is not https, so the client cannot authenticate with a certificate: configure its https URL"
            );
            return Err(FetchError::new(FetchErrorKind::Forbidden, message));
        }
        Ok(url)
    }

    /// Offers each credential until the server does not reject one. Also returns whether the server has sent a nonce that was
    /// not in the proof.
    async fn send_with_each_credential(
        &self,
        url: &Url,
        authentication: &ClientAuthentication,
        form: &[(&str, &str)],
        key: Option<&DpopKey>,
    ) -> Result<(OAuthAnswer, bool), FetchError> {
        let Inner { http, nonces, .. } = &*self.0;
        let origin = url.origin().ascii_serialization();
        let now = http.clock().now();
        let credentials = authentication.credentials(self.issuer(), url, now, http.timeout());
        let credentials = credentials.await?;
        let mut last = None;
        for credential in credentials {
            let mut headers = credential.headers.clone();
            let tokens = form.iter().filter(|(name, _)| TOKEN_FIELDS.contains(name));
            let tokens = tokens.map(|(_, value)| Secret::new(*value));
            let mut secrets: Vec<_> = credential.secrets.iter().cloned().chain(tokens).collect();
            let mut nonce = None;
            if let Some(key) = key {
                let request = DpopRequest {
                    method: "POST",
                    uri: &format!("{origin}{}", url.path()),
                    now,
                    access_token: None,
                };
                let (proof, sent) = nonces.proof(key, &origin, &request)?;
                nonce = sent;
                secrets.push(Secret::new(proof.as_bytes()));
                headers.insert(DpopNonces::PROOF_HEADER, proof);
            }
            let (body, identity) = (encode(form, &credential), credential.identity.as_ref());
            let answer = http.post(url, headers, body, identity).await;
            let was_sent =
                !matches!(&answer, Err(error) if error.kind() == FetchErrorKind::Credential);
            if let Some(discovered) = &self.0.discovered
                && was_sent
            {
                let answered = answer.as_ref().ok();
                discovered.record(answered.map(|answer| answer.status.as_u16()));
            }
            let answer = answer?;
            let has_new_nonce =
                key.is_some() && nonces.learn(&origin, &answer.headers, nonce.as_deref());
            let answer = OAuthAnswer::new(url, answer, credential.expires_at, secrets);
            let is_rejected = answer.rejects_client();
            last = Some((answer, has_new_nonce));
            if !is_rejected {
                authentication.offer_first_from_now(&credential);
                break;
            }
        }
        Ok(last.expect("a client has at least one credential"))
    }

    /// Checks whether this client can authenticate to this server.
    ///
    /// # Errors
    ///
    /// When the client's id or algorithm cannot be used, or its assertions would have no audience.
    pub fn check(&self, authentication: &ClientAuthentication) -> Result<(), ConfigError> {
        authentication.check(self.issuer())
    }
}

const TOKEN_FIELDS: [&str; 3] = ["token", "subject_token", "actor_token"];

/// The body of the request, zeroed when dropped. Its capacity is sufficient: a string that grows leaves copies behind.
fn encode(form: &[(&str, &str)], credential: &Credential) -> Zeroizing<Vec<u8>> {
    let fields = credential.fields.iter();
    let fields = fields.map(|(name, value)| (*name, value.as_str()));
    let fields: Vec<_> = form.iter().copied().chain(fields).collect();
    // Percent-encoding triples a byte.
    let lengths = fields.iter();
    let lengths = lengths.map(|(name, value)| 3 * (name.len() + value.len()) + 2);
    let mut body = form_urlencoded::Serializer::new(String::with_capacity(lengths.sum()));
    body.extend_pairs(fields);
    Zeroizing::new(body.finish().into_bytes())
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token_endpoint = self.0.token_endpoint.as_ref().map(display_url);
        f.debug_struct("AuthorizationServer")
            .field("issuer", &self.issuer().map(escape_url))
            .field("token_endpoint", &token_endpoint)
            .finish_non_exhaustive()
    }
}
