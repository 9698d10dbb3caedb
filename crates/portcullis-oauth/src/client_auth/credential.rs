//! Credentials as parts of a request.

use std::time::Duration;

use aws_lc_rs::rand;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use portcullis_core::{Secret, clock::UnixTime};
use portcullis_jose::SigningKey;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Serialize;
use zeroize::Zeroizing;

use super::unusable;
use crate::FetchError;

/// The value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The lifetime of an assertion: its way to the server, and a small difference of clocks.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// One credential of a client, as parts of a request.
#[derive(Default)]
pub(crate) struct Credential {
    pub(crate) headers: HeaderMap,
    /// Parameters of the form.
    pub(crate) fields: Vec<(&'static str, Zeroizing<String>)>,
    /// Values that no message may repeat.
    pub(crate) secrets: Vec<Secret>,
    /// The certificate and private key for TLS, in PEM.
    pub(crate) identity: Option<Secret>,
    pub(crate) expires_at: Option<UnixTime>,
    /// Its position among the client's credentials.
    pub(super) index: usize,
}

impl Credential {
    /// HTTP Basic authentication (RFC 6749 §2.3.1).
    pub(super) fn basic(client_id: &str, secret: &[u8]) -> Self {
        let mut credential = Self::default();
        let value = basic(client_id, secret);
        let encoded = value.as_bytes().strip_prefix(b"Basic ").unwrap_or_default();
        // A server may repeat it without its padding.
        let padding = encoded.iter().rev().take_while(|byte| **byte == b'=');
        let unpadded = &encoded[..encoded.len() - padding.count()];
        credential.secrets.push(Secret::new(unpadded));
        credential.headers.insert(AUTHORIZATION, value);
        credential
    }

    /// The client's id in the form, alone or with a secret or an assertion.
    pub(super) fn form<const N: usize>(
        client_id: &str,
        fields: [(&'static str, Zeroizing<String>); N],
    ) -> Self {
        let client_id = ("client_id", client_id.to_owned().into());
        Self {
            fields: std::iter::once(client_id).chain(fields).collect(),
            ..Self::default()
        }
    }

    /// An assertion in the form (RFC 7523 §2.2).
    pub(super) fn assertion(client_id: &str, assertion: Zeroizing<String>) -> Self {
        let secret = Secret::new(assertion.as_bytes());
        let mut credential = Self::form(
            client_id,
            [
                ("client_assertion_type", ASSERTION_TYPE.to_owned().into()),
                ("client_assertion", assertion),
            ],
        );
        credential.secrets.push(secret);
        credential
    }
}

/// Id and secret are form-encoded before they are joined, so that a colon in the id is not the separator (RFC 6749
/// §2.3.1, appendix B).
fn basic(client_id: &str, secret: &[u8]) -> HeaderValue {
    const SCHEME: &str = "Basic ";

    // With sufficient capacity: strings that grow leave copies of the secret behind.
    let pair_capacity = 3 * (client_id.len() + secret.len()) + 1;
    let mut pair = Zeroizing::new(String::with_capacity(pair_capacity));
    pair.extend(form_encoded(client_id.as_bytes()));
    pair.push(':');
    pair.extend(form_encoded(secret));
    let value_capacity = SCHEME.len() + pair.len().div_ceil(3) * 4;
    let mut value = Zeroizing::new(String::with_capacity(value_capacity));
    value.push_str(SCHEME);
    BASE64_STANDARD.encode_string(&*pair, &mut value);
    // The header owns the memory, which is zeroed with its last clone.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
        .expect("base64 consists of visible ASCII");
    value.set_sensitive(true);
    value
}

/// Form encoding except for `~`, which needs no encoding in URLs (RFC 3986 §2.3): servers that do not decode the
/// credentials then accept it too.
fn form_encoded(text: &[u8]) -> impl Iterator<Item = &str> {
    byte_serialize(text).map(|part| if part == "%7E" { "~" } else { part })
}

#[derive(Serialize)]
struct Claims<'c> {
    iss: &'c str,
    sub: &'c str,
    /// A string rather than a list, so that the server sees that it is the only audience.
    aud: &'c str,
    jti: String,
    iat: u64,
    exp: u64,
}

/// A fresh assertion: a JWT signed by the client (RFC 7523 §3).
pub(super) fn sign_assertion(
    key: &SigningKey,
    client_id: &str,
    audience: &str,
    typ: &str,
    now: UnixTime,
) -> Result<Zeroizing<String>, FetchError> {
    let mut id = [0; 16];
    rand::fill(&mut id)
        .map_err(|_| unusable("the operating system has no random numbers".to_owned()))?;
    let claims = Claims {
        iss: client_id,
        sub: client_id,
        aud: audience,
        jti: BASE64_URL_SAFE_NO_PAD.encode(id),
        iat: now.as_secs(),
        exp: now.saturating_add(ASSERTION_LIFETIME).as_secs(),
    };
    let assertion = key.sign_compact(Some(typ), &claims);
    let assertion = assertion
        .map_err(|error| unusable(format!("cannot sign the client's assertion: {error}")))?;
    Ok(Zeroizing::new(assertion))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded() {
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

    #[test]
    fn basic_value_is_redacted_without_its_padding() {
        let credential = Credential::basic("billing", b"a/b&c=de");
        let value = credential.headers[AUTHORIZATION].to_str().expect("ASCII");
        let padded = value.strip_prefix("Basic ").expect("Basic");
        assert!(padded.ends_with('='));
        let unpadded = padded.trim_end_matches('=').as_bytes();
        assert_eq!(credential.secrets[0].expose(), unpadded);
    }
}
