//! An access token that was obtained.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};
use portcullis_core::{ScopeSet, SharedClock, UnixTime};
use portcullis_jose::{DpopKey, DpopRequest};
use portcullis_oauth::DpopNonces;
use zeroize::Zeroizing;

use crate::{
    TokenError, TokenErrorKind,
    secret_header::{joined, secret_header},
    source::Shared,
};

/// An access token (RFC 6749 §1.4), and what the server said about it. Clones are cheap; `Debug` does not show it. Its
/// memory is zeroed when the last clone and the last header with it are dropped.
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

struct Inner {
    text: Zeroizing<String>,
    header: HeaderValue,
    binding: Option<Binding>,
    /// The source that fetched the token, which is told when a service rejects it. Dangling for an exchanged token.
    source: Weak<Shared>,
    expires_at: UnixTime,
    scopes: ScopeSet,
}

/// What was put on a request beside the token.
#[derive(Clone, Debug)]
pub struct Authorized {
    nonce: Option<Arc<str>>,
}

/// What a token is bound to (RFC 9449), and what proofs of that are made of.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) key: DpopKey,
    pub(crate) nonces: Arc<DpopNonces>,
    pub(crate) clock: SharedClock,
}

const DPOP: HeaderName = HeaderName::from_static("dpop");

impl AccessToken {
    /// `text` must be what a header can hold.
    pub(crate) fn new(
        text: Zeroizing<String>,
        binding: Option<Binding>,
        source: Weak<Shared>,
        expires_at: UnixTime,
        scopes: ScopeSet,
    ) -> Option<Self> {
        let scheme: &[u8] = if binding.is_some() {
            b"DPoP "
        } else {
            b"Bearer "
        };
        let header = secret_header(joined(&[scheme, text.as_bytes()])).ok()?;
        Some(Self(Arc::new(Inner {
            text,
            header,
            binding,
            source,
            expires_at,
            scopes,
        })))
    }

    /// Puts the token on a request to `uri`, which names scheme and authority, in place of any `Authorization` it has; and
    /// with a token that is bound to a key, a fresh proof for this request in `DPoP` (RFC 9449 §7.1). Both are marked as
    /// sensitive: `Debug` hides them, and HPACK does not index them.
    ///
    /// Whether the request may have the token is for the caller to know: see [`Origins`](crate::Origins). The layers
    /// do both.
    ///
    /// # Errors
    ///
    /// When no proof could be made. The headers are then as they were.
    pub fn authorize(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
    ) -> Result<Authorized, TokenError> {
        let mut sent = Authorized { nonce: None };
        if let Some(binding) = &self.0.binding {
            let origin = origin(uri).ok_or_else(|| {
                failed("the URI names no scheme and authority, which a proof must tell")
            })?;
            sent.nonce = binding.nonces.get(&origin);
            let nonce = sent.nonce.as_deref();
            let proof = binding.proof(method, &origin, uri.path(), nonce, self.expose())?;
            headers.insert(DPOP, proof);
        }
        self.put_on(headers);
        Ok(sent)
    }

    /// Puts the token on a request, and no proof.
    #[inline]
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.0.header.clone());
    }

    /// Takes note of what the answer to a request with this token says of nonces (RFC 9449 §8.2), and tells whether the
    /// server asks for the request once more with another than was sent (§9). `sent` is what
    /// [`authorize`](Self::authorize) returned for that request.
    #[must_use]
    pub fn answered(
        &self,
        sent: &Authorized,
        uri: &Uri,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> bool {
        let Some((binding, origin)) = self.0.binding.as_ref().zip(origin(uri)) else {
            return false;
        };
        binding.nonces.learn(&origin, headers);
        // Another request may have learnt it first.
        status == StatusCode::UNAUTHORIZED
            && binding.nonces.get(&origin) != sent.nonce
            && crate::challenge::says(headers, "use_dpop_nonce")
    }

    /// Reports to its source that a service did not accept the token: see [`TokenSource::reject`](crate::TokenSource::reject).
    pub(crate) fn reject(&self) -> bool {
        let source = self.0.source.upgrade();
        source.is_some_and(|source| source.reject(self))
    }

    /// The value of an `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1), marked as sensitive.
    #[must_use]
    #[inline]
    pub fn header_value(&self) -> &HeaderValue {
        &self.0.header
    }

    /// The key that the token is bound to, where it is.
    #[must_use]
    pub fn dpop_key(&self) -> Option<&DpopKey> {
        self.0.binding.as_ref().map(|binding| &binding.key)
    }

    /// The token. Whoever calls this takes on the duty not to log, echo or keep it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// When it expires, by our clock, counted from before it was asked for.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.0.expires_at
    }

    /// What it grants: what the server said, or what was asked for where it said nothing (RFC 6749 §5.1).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Whether both are the same one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Binding {
    fn proof(
        &self,
        method: &Method,
        origin: &str,
        path: &str,
        nonce: Option<&str>,
        token: &str,
    ) -> Result<HeaderValue, TokenError> {
        let proof = self.key.proof(&DpopRequest {
            method: method.as_str(),
            uri: &format!("{origin}{path}"),
            now: self.clock.now(),
            nonce,
            access_token: Some(token),
        });
        let proof =
            proof.map_err(|error| failed(&format!("no DPoP proof could be made: {error}")))?;
        let mut value = HeaderValue::try_from(proof)
            .map_err(|_| failed("no header can carry the DPoP proof"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn failed(why: &str) -> TokenError {
    TokenError::new(TokenErrorKind::Credential, why)
}

/// Scheme and authority as `htu` has them (RFC 9449 §4.2): in lower case, and without a port that is the scheme's own.
fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority()?;
    let host = authority.host().to_ascii_lowercase();
    let usual = if scheme == "https" { 443 } else { 80 };
    Some(match authority.port_u16() {
        Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("dpop_key", &self.dpop_key())
            .field("expires_at", &self.0.expires_at)
            // Not the scopes: a server may have put the token there.
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::system_clock;

    use super::*;

    fn token(binding: Option<Binding>) -> AccessToken {
        let text = Zeroizing::new("s3cr3t".to_owned());
        let end = UnixTime::from_secs(1);
        AccessToken::new(
            text,
            binding,
            Weak::new(),
            end,
            ScopeSet::default(),
        )
        .expect("a token")
    }

    fn bound() -> AccessToken {
        token(Some(Binding {
            key: DpopKey::generate().expect("a key"),
            nonces: Arc::default(),
            clock: system_clock(),
        }))
    }

    fn claims(headers: &HeaderMap) -> serde_json::Value {
        use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

        let proof = headers[DPOP].to_str().expect("text");
        let claims = proof.split('.').nth(1).expect("three parts");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        serde_json::from_slice(&claims).expect("JSON")
    }

    #[test]
    fn a_bearer_token_is_put_on_a_request_by_itself() {
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("/orders");
        token(None)
            .authorize(&Method::GET, &uri, &mut headers)
            .expect("authorized");
        assert_eq!(headers[AUTHORIZATION], "Bearer s3cr3t");
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert!(!headers.contains_key(DPOP));
    }

    #[test]
    fn a_bound_token_comes_with_a_proof_for_the_request() {
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
            assert!(headers[DPOP].is_sensitive());
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
        assert!(headers.is_empty(), "the token does not go without a proof");
    }

    #[test]
    fn d6_the_newest_nonce_is_used_for_the_server_that_gave_it() {
        let token = bound();
        let uri: Uri = "https://a.example/x".parse().expect("a URI");
        let send = || {
            let mut headers = HeaderMap::new();
            let sent = token.authorize(&Method::GET, &uri, &mut headers);
            sent.expect("authorized")
        };
        let asks = |sent: &Authorized, status, headers: &HeaderMap| {
            let status = StatusCode::from_u16(status).expect("a status");
            token.answered(sent, &uri, status, headers)
        };
        let mut answer = HeaderMap::new();
        answer.insert(
            "www-authenticate",
            HeaderValue::from_static(r#"DPoP error="use_dpop_nonce""#),
        );
        let (first, second) = (send(), send());
        assert!(!asks(&first, 401, &answer), "there is no nonce to use");
        answer.insert("dpop-nonce", HeaderValue::from_static("n-1"));
        assert!(asks(&first, 401, &answer));
        assert!(asks(&second, 401, &answer), "it had none either");
        assert!(!asks(&send(), 401, &answer), "it had that one");
        answer.insert("dpop-nonce", HeaderValue::from_static("n-2"));
        assert!(!asks(&send(), 200, &answer), "nothing is asked for");

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
