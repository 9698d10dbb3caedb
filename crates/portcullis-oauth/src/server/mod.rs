//! An authorization server, as its clients see it.

mod answer;
mod builder;
mod endpoints;
mod masking;

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, Secret, SharedClock};
use portcullis_jose::{DpopKey, DpopRequest};
use reqwest::header::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

use self::endpoints::Endpoints;
pub use self::{
    answer::{OAuthAnswer, OAuthError},
    builder::AuthorizationServerBuilder,
};
use crate::{
    ClientAuthentication, DpopNonces, FetchError, FetchErrorKind,
    client_auth::{Addressee, Attempt, MutualTls},
    http::HttpClient,
};

/// An authorization server, and where its endpoints are (RFC 6749 §3, RFC 8414).
///
/// Nothing runs in the background: metadata is read when it is first needed, and again when it is an hour old or two
/// requests in a row have failed. Clones are cheap and share what was read.
///
/// Whoever wants tokens from it uses `portcullis-client`; this is what that is built on.
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
    endpoints: Endpoints,
    nonces: DpopNonces,
    clock: SharedClock,
}

/// A place of an authorization server that clients send forms to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthEndpoint {
    /// Where tokens are issued (RFC 6749 §3.2).
    Token,
    /// Where tokens are revoked (RFC 7009 §2).
    Revocation,
}

impl OAuthEndpoint {
    /// Its name in metadata (RFC 8414 §2), and that of the setting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Revocation => "revocation_endpoint",
        }
    }
}

impl AuthorizationServer {
    /// A server that says in its metadata where its endpoints are (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
    ///
    /// `issuer` is compared character by character with what the metadata says. Endpoints that metadata names receive
    /// the client's credentials, so they must be on the issuer's own origin or on one that is
    /// [listed](AuthorizationServerBuilder::allow_origin).
    pub fn discover(issuer: impl Into<String>) -> AuthorizationServerBuilder {
        AuthorizationServerBuilder::discover(issuer.into())
    }

    /// A server whose token endpoint is at `url`. No metadata is read.
    pub fn token_endpoint(url: impl Into<String>) -> AuthorizationServerBuilder {
        AuthorizationServerBuilder::configured(url.into())
    }

    /// The server's issuer identifier (RFC 8414 §2), where it was given.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.endpoints.issuer()
    }

    /// What tells the time.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// Sends a form to an endpoint as this client. Where the client has several credentials, they are offered in turn
    /// until one is accepted.
    ///
    /// # Errors
    ///
    /// When there was no answer: the endpoint or the client's own credential could not be had, or the server could not
    /// be reached or did not answer in time and within bounds. An error that the server answers with is an
    /// [`OAuthAnswer`].
    pub async fn post(
        &self,
        endpoint: OAuthEndpoint,
        client: &ClientAuthentication,
        form: &[(&str, &str)],
    ) -> Result<OAuthAnswer, FetchError> {
        let url = self.locate(endpoint, client, form).await?;
        let (answer, _) = self.offer(&url, client, form, None).await?;
        Ok(answer)
    }

    /// As [`post`](Self::post), with a proof of `key` (RFC 9449 §5), so that what is issued is bound to it. If the server
    /// asks for a nonce in it, the request is made once more, with that (§8).
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post), and when no proof could be made.
    pub async fn post_bound(
        &self,
        endpoint: OAuthEndpoint,
        client: &ClientAuthentication,
        key: &DpopKey,
        form: &[(&str, &str)],
    ) -> Result<OAuthAnswer, FetchError> {
        let url = self.locate(endpoint, client, form).await?;
        let (answer, has_new_nonce) = self.offer(&url, client, form, Some(key)).await?;
        let asks_for_nonce = answer
            .error()
            .is_some_and(|error| &*error.code == "use_dpop_nonce");
        if asks_for_nonce && has_new_nonce {
            // From the start: an assertion is for one request.
            let (answer, _) = self.offer(&url, client, form, Some(key)).await?;
            return Ok(answer);
        }
        Ok(answer)
    }

    async fn locate(
        &self,
        endpoint: OAuthEndpoint,
        client: &ClientAuthentication,
        form: &[(&str, &str)],
    ) -> Result<Url, FetchError> {
        let inner = &*self.0;
        let holds_a_token = form.iter().any(|(name, _)| TOKENS.contains(name));
        // A token in the form could be used by who receives it, as a secret could.
        let tls = match client.mutual_tls() {
            MutualTls::Alone if holds_a_token => MutualTls::Beside,
            tls => tls,
        };
        inner
            .endpoints
            .locate(endpoint, tls, &inner.http, &inner.clock)
            .await
            .and_then(|url| match client.mutual_tls() {
                MutualTls::Alone if url.scheme() != "https" => Err(FetchError::new(
                    FetchErrorKind::Forbidden,
                    format!(
                        "the `{}` is not https, so that a certificate proves nothing there: use https",
                        endpoint.as_str()
                    ),
                )),
                _ => Ok(url),
            })
    }

    /// Offers the client's credentials until the server accepts one. Tells also whether the last answer had a nonce that
    /// is new.
    async fn offer(
        &self,
        url: &Url,
        client: &ClientAuthentication,
        form: &[(&str, &str)],
        key: Option<&DpopKey>,
    ) -> Result<(OAuthAnswer, bool), FetchError> {
        let inner = &*self.0;
        let origin = url.origin().ascii_serialization();
        let to = Addressee {
            issuer: self.issuer(),
            endpoint: url,
            now: inner.clock.now(),
        };
        let mut last = None;
        for attempt in self.attempts(client, to).await? {
            let mut headers = attempt.headers.clone();
            let mut secrets = sent(form, &attempt);
            let nonce = inner.nonces.get(&origin);
            if let Some(key) = key {
                let proof = proof(key, to, nonce.as_deref())?;
                secrets.push(Secret::new(proof.as_bytes()));
                headers.insert("dpop", proof);
            }
            let http = match &attempt.identity {
                Some(identity) => inner.http.with_identity(&identity.pem)?,
                None => inner.http.clone(),
            };
            let answer = http
                .post(url, headers, encode(form, &attempt))
                .await
                .inspect_err(|_| inner.endpoints.failed())?;
            if matches!(answer.status.as_u16(), 404 | 405 | 410) {
                // It may have moved.
                inner.endpoints.failed();
            } else {
                inner.endpoints.answered();
            }
            let has_new_nonce = key.is_some() && {
                inner.nonces.learn(&origin, &answer.headers);
                inner.nonces.get(&origin) != nonce
            };
            let answer = OAuthAnswer::new(url, answer, to.now, attempt.expires_at, secrets);
            if !answer.rejects_client() {
                client.accepted(&attempt);
                return Ok((answer, has_new_nonce));
            }
            last = Some((answer, has_new_nonce));
        }
        last.ok_or_else(|| {
            FetchError::new(
                FetchErrorKind::Credential,
                "the client has no credential to offer",
            )
        })
    }

    /// A file or a provider that does not answer must not hold everything up.
    async fn attempts(
        &self,
        client: &ClientAuthentication,
        to: Addressee<'_>,
    ) -> Result<Vec<Attempt>, FetchError> {
        let patience = self.0.http.timeout();
        let attempts = tokio::time::timeout(patience, client.attempts(to)).await;
        attempts.unwrap_or_else(|_| {
            let why = format!("the client's credential could not be had within {patience:?}");
            Err(FetchError::new(FetchErrorKind::Credential, why))
        })
    }

    /// Whether this client can authenticate here.
    ///
    /// # Errors
    ///
    /// When its id or algorithm cannot be used, or its assertions would have no addressee.
    pub fn check(&self, client: &ClientAuthentication) -> Result<(), ConfigError> {
        client.check(self.issuer())
    }
}

fn proof(key: &DpopKey, to: Addressee<'_>, nonce: Option<&str>) -> Result<HeaderValue, FetchError> {
    let mut uri = to.endpoint.clone();
    uri.set_query(None);
    let proof = key.proof(&DpopRequest {
        method: "POST",
        uri: uri.as_str(),
        now: to.now,
        nonce,
        access_token: None,
    });
    let failed = |why: String| FetchError::new(FetchErrorKind::Credential, why);
    let proof = proof.map_err(|error| failed(format!("no DPoP proof could be made: {error}")))?;
    let mut value = HeaderValue::try_from(proof)
        .map_err(|_| failed("no header can carry the DPoP proof".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What of a request must not be repeated: the client's own secrets, and tokens.
fn sent(form: &[(&str, &str)], attempt: &Attempt) -> Vec<Secret> {
    let tokens = form.iter().filter(|(name, _)| TOKENS.contains(name));
    let tokens = tokens.map(|(_, value)| Secret::new(*value));
    attempt.secrets.iter().cloned().chain(tokens).collect()
}

/// The parameters that hold tokens.
const TOKENS: [&str; 3] = ["token", "subject_token", "actor_token"];

/// The body of the request. It holds secrets: it is wiped when dropped, and made in one piece so that no copy is left.
fn encode(form: &[(&str, &str)], attempt: &Attempt) -> Zeroizing<Vec<u8>> {
    let fields = attempt
        .fields
        .iter()
        .map(|(name, value)| (*name, &***value));
    let fields: Vec<_> = form.iter().copied().chain(fields).collect();
    // A byte becomes three at most.
    let longest = fields
        .iter()
        .map(|(name, value)| 3 * (name.len() + value.len()) + 2)
        .sum();
    let mut body = form_urlencoded::Serializer::new(String::with_capacity(longest));
    body.extend_pairs(fields);
    Zeroizing::new(body.finish().into_bytes())
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer")
            .field("endpoints", &self.0.endpoints)
            .finish_non_exhaustive()
    }
}
