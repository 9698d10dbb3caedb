//! How a client authenticates at the endpoints of an authorization server.

mod secrets;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use form_urlencoded::byte_serialize;
use portcullis_core::{ConfigError, UnixTime};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

pub use self::secrets::{ClientSecret, ClientSecretProvider, ClientSecrets, SecretsFuture};
use crate::{FetchError, FetchErrorKind};

/// A client, and how it proves to the authorization server that it is the one (RFC 6749 §2.3).
///
/// Clones are cheap, and remember together which of several secrets the server accepted last.
///
/// ```
/// use portcullis_remote::{ClientAuthentication, ClientSecrets};
///
/// let by_value = ClientAuthentication::secret_basic("billing", "s3cr3t");
/// let by_file = ClientAuthentication::secret_post("billing", ClientSecrets::file("/run/secrets/billing"));
/// assert_eq!(by_file.client_id(), by_value.client_id());
/// ```
#[derive(Clone)]
pub struct ClientAuthentication(Arc<Inner>);

struct Inner {
    client_id: Box<str>,
    method: Method,
    secrets: ClientSecrets,
    /// Which of the secrets was accepted last.
    accepted: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Basic,
    Post,
}

/// What one credential adds to a request.
pub(crate) struct Attempt {
    pub(crate) headers: HeaderMap,
    /// Parameters of the form.
    pub(crate) fields: Vec<(&'static str, Zeroizing<String>)>,
    pub(crate) expires_at: Option<UnixTime>,
    /// Its place among those that may be offered.
    place: usize,
}

impl ClientAuthentication {
    /// `client_secret_basic`: id and secret by HTTP Basic, each form-encoded first (RFC 6749 §2.3.1). Every server that
    /// issues secrets must accept this one.
    pub fn secret_basic(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        Self::new(client_id.into(), Method::Basic, secrets.into())
    }

    /// `client_secret_post`: id and secret in the form (RFC 6749 §2.3.1). For servers that do not accept
    /// [`secret_basic`](Self::secret_basic).
    pub fn secret_post(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        Self::new(client_id.into(), Method::Post, secrets.into())
    }

    fn new(client_id: String, method: Method, secrets: ClientSecrets) -> Self {
        Self(Arc::new(Inner {
            client_id: client_id.into(),
            method,
            secrets,
            accepted: AtomicUsize::new(0),
        }))
    }

    /// The client's id (RFC 6749 §2.2).
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The method by its registered name (RFC 7591 §2), such as `client_secret_basic`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self.0.method {
            Method::Basic => "client_secret_basic",
            Method::Post => "client_secret_post",
        }
    }

    /// Whether it can be used at all.
    ///
    /// # Errors
    ///
    /// When there is no client id, or one with characters that none has (RFC 6749 appendix A.1).
    pub fn check(&self) -> Result<(), ConfigError> {
        let id = self.client_id();
        if id.is_empty() || !id.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err(ConfigError::new(
                "client_id",
                "it is empty or has characters outside printable ASCII: use the id that the server gave the client",
            ));
        }
        Ok(())
    }

    /// What may be offered to the server, in this order, until it accepts one.
    pub(crate) async fn attempts(&self) -> Result<Vec<Attempt>, FetchError> {
        let secrets = self.0.secrets.get().await?;
        let first = self.0.accepted.load(Ordering::Relaxed) % secrets.len();
        let mut attempts = Vec::with_capacity(secrets.len());
        for offset in 0..secrets.len() {
            let place = (first + offset) % secrets.len();
            attempts.push(self.attempt(place, &secrets[place])?);
        }
        Ok(attempts)
    }

    /// Notes that the server accepted this one.
    pub(crate) fn accepted(&self, attempt: &Attempt) {
        self.0.accepted.store(attempt.place, Ordering::Relaxed);
    }

    fn attempt(&self, place: usize, secret: &ClientSecret) -> Result<Attempt, FetchError> {
        let mut attempt = Attempt {
            headers: HeaderMap::new(),
            fields: Vec::new(),
            expires_at: secret.expires_at(),
            place,
        };
        match self.0.method {
            Method::Basic => {
                let value = basic(self.client_id(), secret.secret().expose());
                attempt.headers.insert(AUTHORIZATION, value);
            }
            Method::Post => {
                let text = secret.secret().expose_str().ok_or_else(|| {
                    FetchError::new(
                        FetchErrorKind::Credential,
                        "the client's secret is not text, which a form cannot hold",
                    )
                })?;
                let id = Zeroizing::new(self.client_id().to_owned());
                attempt.fields.push(("client_id", id));
                let secret = Zeroizing::new(text.to_owned());
                attempt.fields.push(("client_secret", secret));
            }
        }
        Ok(attempt)
    }
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthentication")
            .field("client_id", &self.0.client_id)
            .field("method", &self.method())
            .field("secrets", &self.0.secrets)
            .finish_non_exhaustive()
    }
}

/// Both halves are form-encoded before they are joined, so that a colon in the id is not taken for the one between
/// them (RFC 6749 §2.3.1, appendix B).
fn basic(client_id: &str, secret: &[u8]) -> HeaderValue {
    let pair: Zeroizing<String> = Zeroizing::new(
        byte_serialize(client_id.as_bytes())
            .chain([":"])
            .chain(byte_serialize(secret))
            .collect(),
    );
    let encoded = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)));
    let mut value =
        HeaderValue::from_str(&encoded).expect("base64 has no characters that headers forbid");
    value.set_sensitive(true);
    value
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
    }

    #[tokio::test]
    async fn the_secret_that_was_accepted_is_offered_first() {
        let client = ClientAuthentication::secret_post("c", ClientSecrets::new(["new", "old"]));
        let offered = async || {
            let attempts = client.attempts().await.expect("secrets");
            let texts = attempts
                .iter()
                .map(|attempt| attempt.fields[1].1.to_string());
            (texts.collect::<Vec<_>>(), attempts)
        };
        let (texts, attempts) = offered().await;
        assert_eq!(texts, ["new", "old"]);
        client.accepted(&attempts[1]);
        let (texts, attempts) = offered().await;
        assert_eq!(texts, ["old", "new"]);
        client.accepted(&attempts[1]);
        assert_eq!(offered().await.0, ["new", "old"]);
    }

    #[test]
    fn a_client_needs_an_id() {
        for id in ["", "a\nb", "ü"] {
            let error = ClientAuthentication::secret_basic(id, "s").check();
            assert_eq!(error.expect_err("no id").setting(), "client_id", "{id:?}");
        }
        ClientAuthentication::secret_basic("a b:c", "s")
            .check()
            .expect("an id");
    }
}
