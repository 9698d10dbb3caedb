//! An access token.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION};
use portcullis_core::{ScopeSet, clock::UnixTime};
use portcullis_jose::DpopRequest;
use portcullis_oauth::DpopNonces;
use url::Url;

use crate::{
    TokenError, TokenErrorKind, challenge, lifetime::Lifetime, token_client::TokenClient,
    token_response::TokenResponse,
};

/// An access token (RFC 6749 §1.4) with its lifetime and scopes.
///
/// Clones are cheap, and `Debug` does not show the token. Its memory is zeroed when the last clone and the last header
/// with it are dropped.
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

struct Inner {
    response: TokenResponse,
    client: Arc<TokenClient>,
    /// `None` for an exchanged token.
    source: Option<WeakSource>,
    lifetime: Lifetime,
}

/// The source of a token. Weak, because the source holds the token.
pub(crate) type WeakSource = Weak<dyn RejectToken>;

pub(crate) trait RejectToken: Send + Sync {
    /// Withdraws a token that a service rejected. Returns whether the source no longer hands it out.
    fn reject(&self, token: &AccessToken) -> bool;
}

/// What [`AccessToken::learn_from_response`] needs to know of the proof that [`AccessToken::authorize`] added to a request,
/// if the token is bound to a key.
#[derive(Clone, Debug, Default)]
pub struct SentProof(pub(crate) Option<Box<SentProofDetails>>);

/// The origin that a proof was sent to, and the nonce in the proof, if any.
#[derive(Clone, Debug)]
pub(crate) struct SentProofDetails {
    origin: String,
    nonce: Option<Arc<str>>,
}

impl AccessToken {
    pub(crate) fn new(
        response: TokenResponse,
        client: Arc<TokenClient>,
        source: Option<WeakSource>,
        lifetime: Lifetime,
    ) -> Self {
        Self(Arc::new(Inner {
            response,
            client,
            source,
            lifetime,
        }))
    }

    /// Adds the token to a request to `uri`, which must have a scheme and an authority. An existing `Authorization` is
    /// replaced. A bound token comes with a fresh proof in `DPoP` (RFC 9449 §7.1). Both headers are marked as sensitive.
    /// The caller must check by [`Origins::allows`](crate::Origins::allows) that the token may be sent there.
    ///
    /// # Errors
    ///
    /// When no proof could be made. The headers are then unchanged.
    pub fn authorize(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
    ) -> Result<SentProof, TokenError> {
        let (client, mut sent_nonce) = (&self.0.client, None);
        if let Some(key) = &client.dpop_key {
            let origin = origin(uri).ok_or_else(|| {
                let why = "no DPoP proof could be made, because the request's URI has no scheme or no authority: use an absolute URL";
                TokenError::new(TokenErrorKind::Credential, why)
            })?;
            let request = DpopRequest {
                method: method.as_str(),
                uri: &format!("{origin}{}", uri.path()),
                now: client.clock().now(),
                access_token: Some(self.expose()),
            };
            let (proof, nonce) = client.service_nonces.proof(key, &origin, &request)?;
            headers.insert(DpopNonces::PROOF_HEADER, proof);
            sent_nonce = Some(Box::new(SentProofDetails { origin, nonce }));
        }
        self.insert_header(headers);
        Ok(SentProof(sent_nonce))
    }

    #[inline]
    pub(crate) fn insert_header(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.0.response.header.clone());
    }

    #[inline]
    pub(crate) fn is_bound(&self) -> bool {
        self.0.client.dpop_key.is_some()
    }

    /// Reads the head of the answer to a request with this token. Stores a DPoP nonce (RFC 9449 §8.2), and reports a
    /// rejection of the token by [`TokenSource::reject`](crate::TokenSource::reject). For an exchanged token, the caller
    /// must call [`TokenExchange::reject`](crate::TokenExchange::reject). `proof` is from [`authorize`](Self::authorize).
    /// Returns whether to send the request once more: with this token if the service requires a new nonce (§9), or with the
    /// source's next token if the service rejected this one.
    #[must_use]
    pub fn learn_from_response(
        &self,
        proof: &SentProof,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> bool {
        let requires_nonce = proof.0.as_ref().is_some_and(|sent| {
            // Compared with the nonce that was sent: another request may already have stored the new one.
            let nonces = &self.0.client.service_nonces;
            let is_new = nonces.learn(&sent.origin, headers, sent.nonce.as_deref());
            status == StatusCode::UNAUTHORIZED
                && is_new
                && challenge::has_error(headers, "use_dpop_nonce")
        });
        requires_nonce || (challenge::rejects_token(status, headers) && self.reject())
    }

    fn reject(&self) -> bool {
        let source = self.0.source.as_ref().and_then(Weak::upgrade);
        source.is_some_and(|source| source.reject(self))
    }

    /// The token. The caller must not log, echo or store it.
    pub fn expose(&self) -> &str {
        &self.0.response.token
    }

    /// When the token expires by the local clock, counted from the moment before the token request.
    pub fn expires_at(&self) -> UnixTime {
        self.0.lifetime.expires_at
    }

    pub(crate) fn is_untyped(&self) -> bool {
        self.0.response.is_untyped
    }

    #[inline]
    pub(crate) fn lifetime(&self) -> &Lifetime {
        &self.0.lifetime
    }

    /// The granted scopes: those in the server's answer, or the requested ones if it named none (RFC 6749 §5.1).
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.response.scopes
    }

    /// Whether `self` and `other` are clones of one token.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Scheme and authority as `htu` states them (RFC 9449 §4.2): lower case, without the scheme's default port.
fn origin(uri: &Uri) -> Option<String> {
    let origin = format!("{}://{}", uri.scheme()?, uri.authority()?);
    let origin = Url::parse(&origin).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("is_bound", &self.is_bound())
            .field("expires_at", &self.expires_at())
            // Without the scopes: a server may have put the token there.
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use portcullis_jose::DpopKey;
    use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
    use portcullis_worker::Jitter;

    use super::*;
    use crate::token_response::{BEARER_TYPE, DPOP_TYPE};

    impl AccessToken {
        /// A token of no source.
        pub(crate) fn example(token: &str, dpop_key: Option<DpopKey>) -> Self {
            let server = AuthorizationServer::discover("https://issuer.example.com").build();
            let client = ClientAuthentication::secret_basic("billing", "s3cr3t");
            let mut client = TokenClient::new(server.expect("a server"), client);
            client.dpop_key = dpop_key;
            let token_type = client.dpop_key.as_ref().map_or(BEARER_TYPE, |_| DPOP_TYPE);
            let response = TokenResponse::example(token_type, token);
            let lifetime = Lifetime::new(UnixTime::from_secs(1), response.lifetime, Jitter::MIDDLE);
            Self::new(response, client.into(), None, lifetime)
        }
    }

    fn bound() -> AccessToken {
        AccessToken::example("s3cr3t", Some(DpopKey::generate().expect("a key")))
    }

    fn claims(headers: &HeaderMap) -> serde_json::Value {
        use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

        let proof = headers[DpopNonces::PROOF_HEADER].to_str().expect("text");
        let claims = proof.split('.').nth(1).expect("three parts");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        serde_json::from_slice(&claims).expect("JSON")
    }

    #[test]
    fn bearer_token_is_sent_without_a_proof() {
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("/orders");
        AccessToken::example("s3cr3t", None)
            .authorize(&Method::GET, &uri, &mut headers)
            .expect("authorized");
        assert_eq!(headers[AUTHORIZATION], "Bearer s3cr3t");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!headers.contains_key(DpopNonces::PROOF_HEADER));
    }

    #[test]
    fn bound_token_is_sent_with_a_proof_for_the_request() {
        let token = bound();
        for (uri, expected) in [
            (
                "https://Orders.Example.com:443/a/b?c=d",
                "https://orders.example.com/a/b",
            ),
            ("https://orders.example.com", "https://orders.example.com/"),
            ("http://127.0.0.1:3000/a", "http://127.0.0.1:3000/a"),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            let mut headers = HeaderMap::new();
            token
                .authorize(&Method::PUT, &uri, &mut headers)
                .expect("authorized");
            assert_eq!(headers[AUTHORIZATION], "DPoP s3cr3t");
            assert!(headers[DpopNonces::PROOF_HEADER].is_sensitive());
            let claims = claims(&headers);
            assert_eq!(
                (&claims["htm"], &claims["htu"]),
                (&"PUT".into(), &expected.into())
            );
        }
        let mut headers = HeaderMap::new();
        let relative = Uri::from_static("/orders");
        let error = token.authorize(&Method::GET, &relative, &mut headers);
        assert_eq!(
            error.expect_err("no origin").kind(),
            TokenErrorKind::Credential
        );
        assert!(
            headers.is_empty(),
            "a bound token must not be sent without a proof"
        );
    }

    #[test]
    fn d6_newest_nonce_is_used_for_its_origin_only() {
        let token = bound();
        let uri: Uri = "https://a.example/x".parse().expect("a URI");
        let send = || {
            let mut headers = HeaderMap::new();
            let sent = token.authorize(&Method::GET, &uri, &mut headers);
            sent.expect("authorized")
        };
        let requires = |proof: &SentProof, status, headers: &HeaderMap| {
            let status = StatusCode::from_u16(status).expect("a status");
            token.learn_from_response(proof, status, headers)
        };
        let mut answer = HeaderMap::new();
        answer.insert(
            "www-authenticate",
            HeaderValue::from_static(r#"DPoP error="use_dpop_nonce""#),
        );
        let (first, second) = (send(), send());
        assert!(!requires(&first, 401, &answer), "no nonce was given");
        answer.insert("dpop-nonce", HeaderValue::from_static("n-1"));
        assert!(requires(&first, 401, &answer));
        assert!(
            requires(&second, 401, &answer),
            "it was sent without a nonce"
        );
        assert!(
            !requires(&send(), 401, &answer),
            "it was sent with that nonce"
        );
        answer.insert("dpop-nonce", HeaderValue::from_static("n-2"));
        assert!(!requires(&send(), 200, &answer), "only a 401 requires one");

        let nonce = |uri: &'static str| {
            let mut headers = HeaderMap::new();
            let uri = Uri::from_static(uri);
            token
                .authorize(&Method::GET, &uri, &mut headers)
                .expect("authorized");
            claims(&headers).get("nonce").cloned()
        };
        assert_eq!(nonce("https://a.example/y"), Some("n-2".into()));
        assert_eq!(nonce("https://b.example/y"), None);
    }
}
