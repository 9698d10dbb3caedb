//! How a client authenticates at the endpoints of an authorization server.

mod assertion;
mod certificate;
mod file;
mod keys;
mod likeness;
mod secrets;

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use portcullis_core::{ConfigError, Secret, UnixTime};
use portcullis_jose::{Algorithm, SigningKey};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::certificate::ClientIdentity;
use self::file::failed;
pub use self::{
    certificate::ClientCertificate,
    keys::{ClientKeyProvider, ClientKeys, KeysFuture},
    secrets::{ClientSecret, ClientSecretProvider, ClientSecrets, SecretsFuture},
};
use crate::FetchError;

/// A client, and how it proves to the authorization server that it is the one (RFC 6749 §2.3).
///
/// Clones are cheap, and remember together which of several secrets the server accepted last.
///
/// ```
/// use portcullis_oauth::{ClientAuthentication, ClientSecrets};
///
/// let by_value = ClientAuthentication::secret_basic("billing", "s3cr3t");
/// let by_file = ClientAuthentication::secret_post("billing", ClientSecrets::file("/run/secrets/billing"));
/// assert_eq!(by_file.client_id(), by_value.client_id());
/// ```
#[derive(Clone)]
pub struct ClientAuthentication {
    shared: Arc<Shared>,
    certificate: Option<ClientCertificate>,
    endpoint_audience: bool,
    /// The `typ` of assertions.
    assertion_typ: Cow<'static, str>,
}

struct Shared {
    client_id: Box<str>,
    method: Method,
    /// Which of the credentials was accepted last.
    accepted: AtomicUsize,
}

#[derive(Debug)]
enum Method {
    Basic(ClientSecrets),
    Post(ClientSecrets),
    SecretJwt(ClientSecrets, Algorithm),
    PrivateKeyJwt(ClientKeys),
    /// By the certificate alone.
    Tls,
    SelfSignedTls,
}

/// What a client shows in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MutualTls {
    /// Nothing.
    No,
    /// A certificate, beside another credential in the request.
    Beside,
    /// A certificate, and no other credential.
    Alone,
}

/// Whom a client authenticates to, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressee<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) endpoint: &'a Url,
    pub(crate) now: UnixTime,
}

/// What one credential adds to a request.
#[derive(Default)]
pub(crate) struct Attempt {
    pub(crate) headers: HeaderMap,
    /// Parameters of the form.
    pub(crate) fields: Vec<(&'static str, Zeroizing<String>)>,
    /// What must not come back in a message.
    pub(crate) secrets: Vec<Secret>,
    /// What is shown in TLS.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    pub(crate) expires_at: Option<UnixTime>,
    /// Its place among those that may be offered.
    place: usize,
}

impl ClientAuthentication {
    /// `client_secret_basic`: id and secret by HTTP Basic, each form-encoded first (RFC 6749 §2.3.1). Every server that
    /// issues secrets must accept this one.
    pub fn secret_basic(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        Self::new(client_id.into(), Method::Basic(secrets.into()))
    }

    /// `client_secret_post`: id and secret in the form (RFC 6749 §2.3.1). For servers that do not accept
    /// [`secret_basic`](Self::secret_basic).
    pub fn secret_post(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        Self::new(client_id.into(), Method::Post(secrets.into()))
    }

    /// `client_secret_jwt`: an assertion under the secret, which itself is not sent (RFC 7523, OpenID Connect Core §9).
    /// `algorithm` is one of `HS256`, `HS384`, `HS512`, and the secret no shorter than its hash.
    pub fn secret_jwt(
        client_id: impl Into<String>,
        secrets: impl Into<ClientSecrets>,
        algorithm: Algorithm,
    ) -> Self {
        Self::new(
            client_id.into(),
            Method::SecretJwt(secrets.into(), algorithm),
        )
    }

    /// `private_key_jwt`: an assertion that the client signs (RFC 7523 as updated by 7523bis). The server knows the
    /// public half alone.
    ///
    /// An assertion is addressed to the server's issuer identifier, has the type `client-authentication+jwt`, lives a
    /// minute, and is made anew for each request.
    pub fn private_key_jwt(client_id: impl Into<String>, keys: impl Into<ClientKeys>) -> Self {
        Self::new(client_id.into(), Method::PrivateKeyJwt(keys.into()))
    }

    /// `tls_client_auth`: a certificate of an authority that the server trusts (RFC 8705 §2.1). Tokens are bound to it
    /// (§3): the client that calls services must show it too, by its own TLS connector.
    pub fn tls_client_auth(client_id: impl Into<String>, certificate: ClientCertificate) -> Self {
        Self::new(client_id.into(), Method::Tls).with_certificate(certificate)
    }

    /// `self_signed_tls_client_auth`: a certificate that the server knows by itself (RFC 8705 §2.2). Tokens are bound to
    /// it (§3): the client that calls services must show it too, by its own TLS connector.
    pub fn self_signed_tls_client_auth(
        client_id: impl Into<String>,
        certificate: ClientCertificate,
    ) -> Self {
        Self::new(client_id.into(), Method::SelfSignedTls).with_certificate(certificate)
    }

    /// Shows this certificate in TLS beside authenticating another way, so that tokens are bound to it (RFC 8705 §3).
    /// The client that calls services must show it too, by its own TLS connector.
    #[must_use]
    pub fn with_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    fn new(client_id: String, method: Method) -> Self {
        Self {
            shared: Arc::new(Shared {
                client_id: client_id.into(),
                method,
                accepted: AtomicUsize::new(0),
            }),
            certificate: None,
            endpoint_audience: false,
            assertion_typ: assertion::TYP.into(),
        }
    }

    /// Addresses assertions to the URL of the endpoint they are sent to instead of the server's issuer identifier, for
    /// servers that know nothing else. Has no effect on methods without assertions.
    ///
    /// An assertion then says less about whom it is meant for: a client of several servers, of which one is hostile, can
    /// be brought to make one that another server accepts. That is why RFC 7523bis asks for the issuer.
    #[must_use]
    pub fn dangerous_endpoint_audience(mut self) -> Self {
        self.endpoint_audience = true;
        self
    }

    /// The header `typ` of assertions; `client-authentication+jwt` by default (RFC 7523bis §4). `JWT` is for servers that
    /// accept nothing else, such as Spring Authorization Server up to 1.5. Has no effect on methods without assertions.
    #[must_use]
    pub fn assertion_typ(mut self, typ: impl Into<String>) -> Self {
        self.assertion_typ = typ.into().into();
        self
    }

    /// The client's id (RFC 6749 §2.2).
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.shared.client_id
    }

    /// The method by its registered name (RFC 7591 §2), such as `client_secret_basic`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self.shared.method {
            Method::Basic(_) => "client_secret_basic",
            Method::Post(_) => "client_secret_post",
            Method::SecretJwt(..) => "client_secret_jwt",
            Method::PrivateKeyJwt(_) => "private_key_jwt",
            Method::Tls => "tls_client_auth",
            Method::SelfSignedTls => "self_signed_tls_client_auth",
        }
    }

    /// What the operator should change about the files that hold the credentials, as of the last time that they were
    /// read: other users may read them, or they are mounted so that changes are not seen. Each is also logged.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = match &self.shared.method {
            Method::Basic(secrets) | Method::Post(secrets) | Method::SecretJwt(secrets, _) => {
                secrets.warnings()
            }
            Method::PrivateKeyJwt(keys) => keys.warnings(),
            Method::Tls | Method::SelfSignedTls => Vec::new(),
        };
        warnings.extend(
            self.certificate
                .iter()
                .flat_map(ClientCertificate::warnings),
        );
        warnings
    }

    pub(crate) fn mutual_tls(&self) -> MutualTls {
        match (&self.shared.method, &self.certificate) {
            (Method::Tls | Method::SelfSignedTls, _) => MutualTls::Alone,
            (_, Some(_)) => MutualTls::Beside,
            (_, None) => MutualTls::No,
        }
    }

    /// Whether it can be used at all, at a server that has this issuer identifier.
    pub(crate) fn check(&self, issuer: Option<&str>) -> Result<(), ConfigError> {
        let id = self.client_id();
        if id.is_empty() || !id.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(ConfigError::new(
                "client_id",
                "it is empty or has characters outside printable ASCII: use the id that the server gave the client",
            ));
        }
        let typ = &*self.assertion_typ;
        if !(1..=127).contains(&typ.len()) || !typ.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::new(
                "assertion_typ",
                "it is not a media type: give one such as JWT",
            ));
        }
        let secrets = match &self.shared.method {
            Method::Basic(secrets) | Method::Post(secrets) | Method::SecretJwt(secrets, _) => {
                secrets.check()
            }
            Method::PrivateKeyJwt(keys) => keys.check(),
            Method::Tls | Method::SelfSignedTls => Ok(()),
        };
        secrets?;
        if let Method::SecretJwt(secrets, algorithm) = &self.shared.method {
            if !algorithm.is_symmetric() {
                let problem = format!("{algorithm} is not for secrets: use HS256, HS384 or HS512");
                return Err(ConfigError::new("secret_jwt", problem));
            }
            for secret in secrets.values() {
                SigningKey::from_secret(secret.secret(), *algorithm)
                    .map_err(|error| ConfigError::new("secrets", error.to_string()))?;
            }
        }
        let is_asserted = matches!(
            self.shared.method,
            Method::SecretJwt(..) | Method::PrivateKeyJwt(_)
        );
        if is_asserted && issuer.is_none() && !self.endpoint_audience {
            return Err(ConfigError::new(
                "issuer",
                "the client's assertions are addressed to it: set the server's issuer identifier beside its token endpoint",
            ));
        }
        Ok(())
    }

    /// What may be offered to the server, in this order, until it accepts one.
    pub(crate) async fn attempts(&self, to: Addressee<'_>) -> Result<Vec<Attempt>, FetchError> {
        let mut attempts = match &self.shared.method {
            Method::Basic(secrets) => self.each(secrets, |secret| self.basic(secret)).await,
            Method::Post(secrets) => self.each(secrets, |secret| self.post(secret)).await,
            Method::SecretJwt(secrets, algorithm) => {
                let sign = |secret: &ClientSecret| {
                    let key =
                        SigningKey::from_secret(secret.secret(), *algorithm).map_err(|error| {
                            failed(format!("the client's secret cannot sign: {error}"))
                        })?;
                    self.asserted(&key, to)
                };
                self.each(secrets, sign).await
            }
            Method::PrivateKeyJwt(keys) => {
                let keys = keys.get().await?;
                keys.iter().map(|key| self.asserted(key, to)).collect()
            }
            Method::Tls | Method::SelfSignedTls => Ok(vec![self.in_form([])]),
        }?;
        if let Some(certificate) = &self.certificate {
            let identity = Arc::new(certificate.get().await?);
            for attempt in &mut attempts {
                let ends = attempt.expires_at.into_iter().chain([identity.expires_at]);
                attempt.expires_at = ends.min();
                attempt.identity = Some(identity.clone());
            }
        }
        for (place, attempt) in attempts.iter_mut().enumerate() {
            attempt.place = place;
        }
        let first = self.shared.accepted.load(Ordering::Relaxed) % attempts.len();
        attempts.rotate_left(first);
        Ok(attempts)
    }

    /// Notes that the server accepted this one.
    pub(crate) fn accepted(&self, attempt: &Attempt) {
        self.shared.accepted.store(attempt.place, Ordering::Relaxed);
    }

    async fn each(
        &self,
        secrets: &ClientSecrets,
        attempt: impl Fn(&ClientSecret) -> Result<Attempt, FetchError>,
    ) -> Result<Vec<Attempt>, FetchError> {
        let secrets = secrets.get().await?;
        let attempts = secrets.iter().map(|secret| {
            let mut attempt = attempt(secret)?;
            attempt.expires_at = secret.expires_at();
            attempt.secrets.push(secret.secret().clone());
            Ok(attempt)
        });
        attempts.collect()
    }

    fn basic(&self, secret: &ClientSecret) -> Result<Attempt, FetchError> {
        let mut attempt = Attempt::default();
        let value = basic(self.client_id(), secret.secret().expose());
        let encoded = value.as_bytes().strip_prefix(b"Basic ");
        let encoded = encoded.unwrap_or_default();
        attempt.secrets.push(Secret::new(encoded));
        // A server may repeat it without its padding.
        let mut unpadded = encoded;
        while let Some(shorter) = unpadded.strip_suffix(b"=") {
            unpadded = shorter;
        }
        attempt.secrets.push(Secret::new(unpadded));
        attempt.headers.insert(AUTHORIZATION, value);
        Ok(attempt)
    }

    fn post(&self, secret: &ClientSecret) -> Result<Attempt, FetchError> {
        let text = secret.secret().expose_str().ok_or_else(|| {
            failed("the client's secret is not text, which a form cannot hold".to_owned())
        })?;
        Ok(self.in_form([("client_secret", text.to_owned().into())]))
    }

    fn asserted(&self, key: &SigningKey, to: Addressee<'_>) -> Result<Attempt, FetchError> {
        let audience = match to.issuer {
            Some(issuer) if !self.endpoint_audience => issuer,
            _ => to.endpoint.as_str(),
        };
        let assertion =
            assertion::make(key, self.client_id(), audience, &self.assertion_typ, to.now)?;
        let sent = Secret::new(assertion.as_bytes());
        let mut attempt = self.in_form([
            ("client_assertion_type", assertion::TYPE.to_owned().into()),
            ("client_assertion", assertion),
        ]);
        attempt.secrets.push(sent);
        Ok(attempt)
    }

    fn in_form<const N: usize>(&self, fields: [(&'static str, Zeroizing<String>); N]) -> Attempt {
        let id = ("client_id", self.client_id().to_owned().into());
        Attempt {
            fields: std::iter::once(id).chain(fields).collect(),
            ..Attempt::default()
        }
    }
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthentication")
            .field("client_id", &self.shared.client_id)
            .field("method", &self.shared.method)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// Both halves are form-encoded before they are joined, so that a colon in the id is not taken for the one between
/// them (RFC 6749 §2.3.1, appendix B).
fn basic(client_id: &str, secret: &[u8]) -> HeaderValue {
    const SCHEME: &str = "Basic ";

    // Strings that grow leave copies behind.
    let mut pair = Zeroizing::new(String::with_capacity(
        3 * (client_id.len() + secret.len()) + 1,
    ));
    pair.extend(form_encoded(client_id.as_bytes()));
    pair.push(':');
    pair.extend(form_encoded(secret));
    let mut value = Zeroizing::new(String::with_capacity(
        SCHEME.len() + pair.len().div_ceil(3) * 4,
    ));
    value.push_str(SCHEME);
    BASE64_STANDARD.encode_string(&*pair, &mut value);
    // The header owns the memory, so that it is wiped with the last clone.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
        .expect("base64 has no characters that headers forbid");
    value.set_sensitive(true);
    value
}

/// As a form has it, but for `~`: it may stand for itself in any URL encoding (RFC 3986 §2.3), and servers that do not
/// decode the credentials then accept it too.
fn form_encoded(text: &[u8]) -> impl Iterator<Item = &str> {
    byte_serialize(text).map(|part| if part == "%7E" { "~" } else { part })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        // RFC 6749 §2.3.1's own example, and what Base64 alone would get wrong.
        let decoded = |id, secret: &str| {
            let value = basic(id, secret.as_bytes());
            assert!(value.is_sensitive());
            let encoded = value.to_str().expect("ASCII").strip_prefix("Basic ");
            let bytes = BASE64_STANDARD.decode(encoded.expect("Basic"));
            String::from_utf8(bytes.expect("base64")).expect("text")
        };
        assert_eq!(
            basic("s6BhdRkqt3", b"7Fjfp0ZBr1KtDRbnfVdmIw"),
            "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"
        );
        assert_eq!(decoded("a:b c", "p%w+d/ü"), "a%3Ab+c:p%25w%2Bd%2F%C3%BC");
        assert_eq!(decoded("a~b", "c~%7E~"), "a~b:c~%257E~");
    }

    #[tokio::test]
    async fn a_basic_value_that_is_echoed_without_padding_is_masked_too() {
        let client = ClientAuthentication::secret_basic("billing", "a/b&c=de");
        let attempts = offered(&client).await;
        let value = attempts[0].headers[AUTHORIZATION].to_str().expect("ASCII");
        let padded = value.strip_prefix("Basic ").expect("Basic");
        let unpadded = padded.trim_end_matches('=');
        assert_ne!(padded, unpadded);
        for sent in [padded, unpadded] {
            let mut secrets = attempts[0].secrets.iter();
            assert!(secrets.any(|secret| secret.expose() == sent.as_bytes()));
        }
    }

    fn endpoint() -> Url {
        Url::parse("https://id.example/token").expect("a URL")
    }

    async fn offered(client: &ClientAuthentication) -> Vec<Attempt> {
        let endpoint = endpoint();
        let to = Addressee {
            issuer: Some("https://id.example"),
            endpoint: &endpoint,
            now: UnixTime::from_secs(1_000_000),
        };
        client.attempts(to).await.expect("credentials")
    }

    fn field<'a>(attempt: &'a Attempt, name: &str) -> &'a str {
        let found = attempt.fields.iter().find(|(other, _)| *other == name);
        found.expect("the field").1.as_str()
    }

    #[tokio::test]
    async fn the_secret_that_was_accepted_is_offered_first() {
        let client = ClientAuthentication::secret_post("c", ClientSecrets::new(["new", "old"]));
        let secrets = async || {
            let attempts = offered(&client).await;
            let texts = attempts
                .iter()
                .map(|attempt| field(attempt, "client_secret").to_owned());
            (texts.collect::<Vec<_>>(), attempts)
        };
        let (texts, attempts) = secrets().await;
        assert_eq!(texts, ["new", "old"]);
        client.accepted(&attempts[1]);
        let (texts, attempts) = secrets().await;
        assert_eq!(texts, ["old", "new"]);
        client.accepted(&attempts[1]);
        assert_eq!(secrets().await.0, ["new", "old"]);
    }

    #[tokio::test]
    async fn an_assertion_is_fresh_short_lived_and_addressed_to_the_issuer() {
        let secret = "a secret of at least 256 bits, that is";
        let client = ClientAuthentication::secret_jwt("billing", secret, Algorithm::HS256);
        let decoded = |assertion: &str| {
            let part = |index| {
                let part = assertion.split('.').nth(index).expect("three parts");
                let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part);
                let json = serde_json::from_slice::<serde_json::Value>(&bytes.expect("base64"));
                json.expect("JSON")
            };
            (part(0), part(1))
        };
        let attempt = &offered(&client).await[0];
        assert_eq!(field(attempt, "client_id"), "billing");
        assert_eq!(field(attempt, "client_assertion_type"), assertion::TYPE);
        let (header, mut claims) = decoded(field(attempt, "client_assertion"));
        assert_eq!(
            header,
            serde_json::json!({"alg": "HS256", "typ": "client-authentication+jwt"})
        );
        let id = claims
            .as_object_mut()
            .and_then(|claims| claims.remove("jti"));
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": "billing", "sub": "billing", "aud": "https://id.example",
                "iat": 1_000_000, "exp": 1_000_060,
            })
        );
        let again = &offered(&client).await[0];
        let (_, claims) = decoded(field(again, "client_assertion"));
        assert_ne!(claims.get("jti"), id.as_ref());

        let older = client.clone().assertion_typ("JWT");
        let attempt = &offered(&older).await[0];
        let (header, _) = decoded(field(attempt, "client_assertion"));
        assert_eq!(header["typ"], "JWT");

        let older = client.dangerous_endpoint_audience();
        let attempt = &offered(&older).await[0];
        let (_, claims) = decoded(field(attempt, "client_assertion"));
        assert_eq!(claims["aud"], "https://id.example/token");
    }

    #[test]
    fn what_cannot_authenticate_is_told() {
        let setting = |client: ClientAuthentication, issuer| {
            client.check(issuer).expect_err("it cannot").setting()
        };
        for id in ["", "a\nb", "ü"] {
            let client = ClientAuthentication::secret_basic(id, "s");
            assert_eq!(setting(client, None), "client_id", "{id:?}");
        }
        for typ in ["", "a b", "a\n", "ü"] {
            let client = ClientAuthentication::secret_basic("c", "s").assertion_typ(typ);
            assert_eq!(setting(client, None), "assertion_typ", "{typ:?}");
        }
        let basic = ClientAuthentication::secret_basic("a b:c", "s");
        basic.check(None).expect("it can");
        let long = "0123456789abcdef0123456789abcdef";
        let by = |algorithm| ClientAuthentication::secret_jwt("c", long, algorithm);
        assert_eq!(setting(by(Algorithm::ES256), Some("i")), "secret_jwt");
        assert_eq!(setting(by(Algorithm::HS256), None), "issuer");
        let older = by(Algorithm::HS256).dangerous_endpoint_audience();
        older.check(None).expect("it can");
        assert_eq!(setting(by(Algorithm::HS384), Some("i")), "secrets");
    }
}
