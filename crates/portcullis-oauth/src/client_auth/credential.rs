//! Credentials as parts of a request.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use form_urlencoded::byte_serialize;
use portcullis_core::{Secret, clock::UnixTime};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::http::secret_header;

#[derive(Default)]
pub(crate) struct Credential {
    pub(crate) headers: HeaderMap,
    pub(crate) fields: Vec<(&'static str, Zeroizing<String>)>,
    /// Values that no message may repeat.
    pub(crate) secrets: Vec<Secret>,
    /// The certificate and private key for TLS, in PEM.
    pub(crate) identity: Option<Secret>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(super) index: usize,
}

impl Credential {
    pub(super) fn basic(client_id: &str, secret: &[u8]) -> Self {
        let mut credential = Self::default();
        let value = basic_header(client_id, secret);
        // An error of the server may repeat the value without scheme and padding.
        let encoded = value.to_str().unwrap_or_default();
        let encoded = encoded.trim_start_matches("Basic ").trim_end_matches('=');
        credential.secrets.push(Secret::new(encoded));
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
}

/// Id and secret are form-encoded, so that the first colon separates them (RFC 6749 §2.3.1, appendix B).
fn basic_header(client_id: &str, secret: &[u8]) -> HeaderValue {
    const SCHEME: &str = "Basic ";

    // The capacity is sufficient: a string that grows leaves copies of the secret behind.
    let pair_capacity = 3 * (client_id.len() + secret.len()) + 1;
    let mut pair = Zeroizing::new(String::with_capacity(pair_capacity));
    pair.extend(form_encoded(client_id.as_bytes()));
    pair.push(':');
    pair.extend(form_encoded(secret));
    let value_capacity = SCHEME.len() + pair.len().div_ceil(3) * 4;
    let mut value = String::with_capacity(value_capacity);
    value.push_str(SCHEME);
    BASE64_STANDARD.encode_string(&*pair, &mut value);
    secret_header(value.into_bytes().into()).expect("base64 consists of visible ASCII")
}

/// Leaves `~` as it is (RFC 3986 §2.3), for servers that do not decode the credentials.
fn form_encoded(text: &[u8]) -> impl Iterator<Item = &str> {
    byte_serialize(text).map(|part| if part == "%7E" { "~" } else { part })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded() {
        // RFC 6749 §2.3.1's own example, and what Base64 alone would get wrong.
        let decoded = |id, secret: &str| {
            let value = basic_header(id, secret.as_bytes());
            assert!(value.is_sensitive());
            let encoded = value.to_str().expect("ASCII").strip_prefix("Basic ");
            let bytes = BASE64_STANDARD.decode(encoded.expect("Basic"));
            String::from_utf8(bytes.expect("base64")).expect("text")
        };
        assert_eq!(
            basic_header("s6BhdRkqt3", b"7Fjfp0ZBr1KtDRbnfVdmIw"),
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
