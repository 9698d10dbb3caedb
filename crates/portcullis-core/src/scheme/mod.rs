//! The contract between the authenticate layer and a way to authenticate.

use std::{fmt, net::SocketAddr, pin::Pin, sync::Arc};

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri, header::AUTHORIZATION};

use crate::{Principal, challenge::is_token, facts::Facts, log::escape};
pub use crate::{challenge::Challenge, failure::Failure, principal::PrincipalBuilder};

/// A way to authenticate: API keys, JWT bearer tokens.
///
/// A request passes two steps. [`detect`](Self::detect) looks whether the scheme's credential was sent; it does no IO
/// and no cryptography. Only if it was, and no other was, [`authenticate`](Self::authenticate) decides whether it
/// holds.
///
/// ```
/// use std::sync::Arc;
/// use portcullis_core::{AuthenticateLayer, ConfigError, Principal, PrincipalKind, scheme::*};
///
/// /// Lets a caller in that says the magic word. Do not do this.
/// struct MagicWord(Arc<Challenge>);
///
/// impl Scheme for MagicWord {
///     fn source(&self) -> CredentialSource {
///         CredentialSource::Authorization("Magic")
///     }
///     fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h> {
///         authorization_credentials(head.headers(), "Magic").into()
///     }
///     fn authenticate(&self, _: &Head<'_>, credential: &[u8]) -> Outcome {
///         Outcome::Done(match credential {
///             b"please" => Ok(Principal::builder(self.0.clone(), "magic", PrincipalKind::Unknown).build()),
///             _ => Err(Failure::invalid("that is not the magic word")),
///         })
///     }
///     fn challenge(&self) -> &Arc<Challenge> {
///         &self.0
///     }
/// }
///
/// let layer = AuthenticateLayer::new(MagicWord(Arc::new(Challenge::new("Magic", "orders")?)));
/// # Ok::<_, ConfigError>(())
/// ```
pub trait Scheme: Send + Sync + 'static {
    /// Which part of a request the scheme reads. Two schemes in one layer must not read the same, and what is read is
    /// stripped before the request is passed on.
    fn source(&self) -> CredentialSource;

    /// Whether the scheme's credential was sent, and where it is.
    fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h>;

    /// Whether the credential holds: the one that [`detect`](Self::detect) found.
    fn authenticate(&self, head: &Head<'_>, credential: &[u8]) -> Outcome;

    /// How to ask for this scheme's credential.
    fn challenge(&self) -> &Arc<Challenge>;

    /// What `text` is, such as "an API key", where it has the form of this scheme's credential. A caller that sent one
    /// in the wrong place is then told where it belongs. Default: nothing is recognised.
    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        let _ = text;
        None
    }
}

impl<T: Scheme + ?Sized> Scheme for Arc<T> {
    fn source(&self) -> CredentialSource {
        (**self).source()
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h> {
        (**self).detect(head)
    }

    fn authenticate(&self, head: &Head<'_>, credential: &[u8]) -> Outcome {
        (**self).authenticate(head, credential)
    }

    fn challenge(&self) -> &Arc<Challenge> {
        (**self).challenge()
    }

    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        (**self).recognise(text)
    }
}

/// Which part of a request a scheme reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// `Authorization`, under this authentication scheme (RFC 9110 §11.1).
    Authorization(&'static str),
    /// A header of its own.
    Header(HeaderName),
    /// The connection, such as a client certificate. It counts as identity only when no header credential was sent,
    /// and never stands in for a bad one.
    Connection,
}

impl CredentialSource {
    /// The header that holds the credential.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Authorization(_) => Some(&AUTHORIZATION),
            Self::Header(name) => Some(name),
            Self::Connection => None,
        }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Authorization(one), Self::Authorization(other)) => {
                one.eq_ignore_ascii_case(other)
            }
            _ => self.header() == other.header(),
        }
    }
}

/// Whether a scheme's credential was sent.
///
/// `Debug` does not show the credential.
#[derive(Clone)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a scheme must give one of these answers"
)]
pub enum Presence<'h> {
    /// Nothing for this scheme.
    Absent,
    /// Something that could be this scheme's credential, once. Empty where the credential is not in the head, as that
    /// of a connection.
    Present(&'h [u8]),
    /// Something that is no credential at all, or sent twice.
    Malformed(Failure),
}

impl<'h, T: AsRef<[u8]> + ?Sized> From<Result<Option<&'h T>, Failure>> for Presence<'h> {
    fn from(found: Result<Option<&'h T>, Failure>) -> Self {
        match found {
            Ok(None) => Self::Absent,
            Ok(Some(credential)) => Self::Present(credential.as_ref()),
            Err(failure) => Self::Malformed(failure),
        }
    }
}

impl fmt::Debug for Presence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Present(_) => f.write_str("Present([redacted])"),
            Self::Malformed(failure) => f.debug_tuple("Malformed").field(failure).finish(),
        }
    }
}

/// A scheme's answer.
#[expect(
    clippy::exhaustive_enums,
    reason = "a scheme must give one of these answers"
)]
pub enum Outcome {
    /// Decided in place.
    Done(Result<Principal, Failure>),
    /// The answer waits for IO. This is the only case that costs a boxed future.
    Pending(PendingOutcome),
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// An answer that is not there yet. Dropping it must be harmless: a caller may leave at any moment.
pub type PendingOutcome = Pin<Box<dyn Future<Output = Result<Principal, Failure>> + Send>>;

/// What a scheme sees of a request: everything but the body.
///
/// `Debug` shows the method, the path and the names of the header fields, each through [`escape`]: values and the query
/// may hold secrets.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    facts: &'a Facts,
}

impl<'a> Head<'a> {
    /// The head of a request, for calling a scheme directly.
    pub fn new<B>(request: &'a Request<B>, facts: &'a Facts) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            facts,
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target as this layer sees it.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// The peer's address, where the layer was told how to find it.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.facts.find_peer_address(self.extensions)
    }

    /// The target as the client sent it, where the layer was told how to find it.
    #[must_use]
    pub fn original_target(&self) -> Option<&'a Uri> {
        self.facts.find_original_target(self.extensions)
    }

    /// The route that matched, where the layer was told how to find it.
    #[must_use]
    pub fn route_template(&self) -> Option<&'a str> {
        self.facts.find_route_template(self.extensions)
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .headers
            .keys()
            .map(|name| escape(name.as_str()))
            .collect();
        f.debug_struct("Head")
            .field("method", &format_args!("{}", escape(self.method.as_str())))
            .field("path", &format_args!("{}", escape(self.uri.path())))
            .field("header_names", &format_args!("{}", names.join(" ")))
            .finish_non_exhaustive()
    }
}

/// The credentials sent under an authentication scheme in `Authorization`: `1*SP` and then the characters of a
/// b64token (RFC 6750 §2.1). The scheme's name is compared without case (RFC 9110 §11.1).
///
/// `Ok(None)` when the header is absent or names another scheme.
///
/// # Errors
///
/// When the header was sent twice, is empty or begins with something that no scheme is called, or when the credentials
/// are missing or hold a character that none may.
pub fn authorization_credentials<'h>(
    headers: &'h HeaderMap,
    scheme: &str,
) -> Result<Option<&'h str>, Failure> {
    authorization_presented(headers, scheme)?
        .map(check_credentials)
        .transpose()
}

/// What [`authorization_credentials`] reads, before [`check_credentials`] has looked at its characters: for a scheme
/// that can tell a good credential from the rest without.
///
/// # Errors
///
/// As [`authorization_credentials`], but for the characters.
#[inline]
pub fn authorization_presented<'h>(
    headers: &'h HeaderMap,
    scheme: &str,
) -> Result<Option<&'h [u8]>, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Failure::malformed(
            "the Authorization header was sent more than once",
        ));
    }
    let value = value.as_bytes();
    // The usual case: the scheme, one space, and something after it.
    if let Some((name, [b' ', rest @ ..])) = value.split_at_checked(scheme.len())
        && name.eq_ignore_ascii_case(scheme.as_bytes())
        && rest.first().is_some_and(|first| *first != b' ')
    {
        return Ok(Some(rest));
    }
    unusually_presented(value, scheme)
}

#[cold]
fn unusually_presented<'h>(value: &'h [u8], scheme: &str) -> Result<Option<&'h [u8]>, Failure> {
    if value.is_empty() {
        return Err(Failure::malformed("the Authorization header is empty"));
    }
    let (name, rest) = match value.iter().position(|byte| matches!(byte, b' ' | b'\t')) {
        Some(end) => value.split_at(end),
        None => (value, &value[value.len()..]),
    };
    if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
        return if is_token(name) {
            Ok(None)
        } else {
            Err(Failure::malformed(
                "the Authorization header names no authentication scheme",
            ))
        };
    }
    let start = rest
        .iter()
        .position(|byte| *byte != b' ')
        .unwrap_or(rest.len());
    let credentials = &rest[start..];
    if credentials.is_empty() {
        return Err(Failure::malformed(
            "the Authorization header holds no credentials",
        ));
    }
    Ok(Some(credentials))
}

/// Credentials as text, if they have no other characters than those of a b64token (RFC 6750 §2.1).
///
/// # Errors
///
/// When they have.
pub fn check_credentials(presented: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(presented)
        .ok()
        // No early exit: this way the compiler looks at many octets at once.
        .filter(|credentials| !credentials.is_empty())
        .filter(|credentials| {
            let octets = credentials.bytes();
            octets.fold(true, |so_far, octet| so_far & is_credential_octet(octet))
        })
        .ok_or_else(|| {
            Failure::malformed("the Authorization header holds characters that no credentials have")
        })
}

/// The octets of a b64token. A misplaced `=` is left to the scheme: it makes a bad token, not a bad request.
const fn is_credential_octet(byte: u8) -> bool {
    // From `-` to `9` lie `-`, `.`, `/` and the digits.
    let in_one_piece = byte.wrapping_sub(b'-') <= b'9' - b'-';
    let is_letter = (byte | 0x20).wrapping_sub(b'a') <= b'z' - b'a';
    in_one_piece | is_letter | (byte == b'_') | (byte == b'~') | (byte == b'+') | (byte == b'=')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &[u8]) -> Result<Option<String>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::from_bytes(value).expect("a header value"),
        );
        authorization_credentials(&headers, "Bearer").map(|found| found.map(str::to_owned))
    }

    #[test]
    fn a_head_that_is_logged_gives_no_secret_away() {
        let key = "acme_4fxq0zbt9klm_9zr3mwq8tfl2xvb7nc5ky1jd0ph4abcdef";
        let request = Request::builder()
            .method(key)
            .uri(format!("/orders/{key}?access_token=in-the-query"))
            .header("authorization", "Bearer in-a-header")
            .header("x-api-key", "in-another")
            .header(key, "")
            .body(())
            .expect("a request");
        let shown = format!("{:?}", Head::new(&request, &Facts::new()));
        for secret in ["in-the-query", "in-a-header", "in-another", "9zr3"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            shown.contains("/orders") && shown.contains("x-api-key"),
            "{shown}"
        );
    }

    #[test]
    fn b5_one_or_more_spaces_and_nothing_else() {
        assert_eq!(
            read(b"Bearer abc").expect("well-formed").as_deref(),
            Some("abc")
        );
        assert_eq!(
            read(b"Bearer   abc").expect("well-formed").as_deref(),
            Some("abc")
        );
        for bad in [
            &b"Bearer\tabc"[..],
            b"Bearer \tabc",
            b"Bearer abc def",
            b"Bearer a,b",
            b"Bearer",
            b"Bearer ",
            b"",
            b"Bearer a\xff",
            b"Bearer \"a\"",
            b" Bearer a",
            b"\tBearer a",
            b"Bearer,a",
            b"Bearer=a",
            b"\xff",
            b"B\xe9arer a",
        ] {
            assert!(read(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn h1_the_scheme_has_no_case() {
        assert_eq!(
            read(b"bEaReR abc").expect("well-formed").as_deref(),
            Some("abc")
        );
    }

    #[test]
    fn b1_another_scheme_is_no_credential_of_ours() {
        for other in [
            &b"Basic abc"[..],
            b"Bearerabc",
            b"Bear abc",
            b"BearerX abc",
            b"Basic \xff",
        ] {
            assert_eq!(
                read(other).expect("not ours"),
                None,
                "{}",
                other.escape_ascii()
            );
        }
    }

    #[test]
    fn b2_twice_is_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert!(authorization_credentials(&headers, "Bearer").is_err());
    }

    #[test]
    fn b5_the_octets_are_those_of_a_b64token() {
        for octet in 0..=u8::MAX {
            let is_one = octet.is_ascii_alphanumeric() || b"-._~+/=".contains(&octet);
            assert_eq!(is_credential_octet(octet), is_one, "{octet:#x}");
            assert_eq!(
                check_credentials(&[b'a', octet]).is_ok(),
                is_one,
                "{octet:#x}"
            );
        }
    }
}
