//! Why a token was refused, or could not be judged.

use std::{borrow::Cow, time::Duration};

use portcullis_core::{Failure, escape, escape_url};
use portcullis_jose::{Algorithm, JsonError, JwsError};

/// Why a token was not accepted.
///
/// `Display` is for operators: it names what was found and what was expected, with everything that the sender of the
/// token controls escaped, masked where it looks like a credential, and cut short. Callers are shown
/// [`external`](Self::external).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is no signed JWT of a form that is read here.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// Its algorithm is not on the allow-list.
    #[error("the algorithm {0} is not on the allow-list")]
    AlgorithmNotAllowed(Algorithm),
    /// Its `typ` is not one of an access token: it may be an ID token, a client assertion, a DPoP proof.
    #[error(
        "`typ` in the header is {found}, which the profile {profile:?} does not accept: it accepts {expected}"
    )]
    Type {
        /// What was found, escaped.
        found: String,
        /// What the profile accepts.
        expected: String,
        /// The name of the profile.
        profile: String,
    },
    /// Its `iss` is absent, or none of the trusted issuers.
    #[error("the issuer {found} is not trusted")]
    UnknownIssuer {
        /// What was found, escaped.
        found: String,
    },
    /// The issuer's keys have never been loaded, so nothing can be said about the token.
    #[error("the issuer's keys have not been loaded yet")]
    KeysNotLoaded,
    /// The issuer's keys are past their stale limit, so nothing can be said about the token.
    #[error("the issuer's keys are past their stale limit")]
    KeysStale,
    /// None of the issuer's keys has the token's `kid`, or the token has no `kid` and no key is for its algorithm.
    #[error("none of the issuer's keys {wanted}")]
    UnknownKey {
        /// The key that was looked for, escaped.
        wanted: String,
    },
    /// The token has no `kid`, and none of the issuer's keys verifies its signature.
    #[error("none of the issuer's keys verifies the signature, and the token has no `kid`")]
    NoKeyVerifies,
    /// As [`UnknownKey`](Self::UnknownKey) or [`NoKeyVerifies`](Self::NoKeyVerifies), but the issuer may have published
    /// the key since: its keys could not be fetched.
    #[error("{0}; newer keys cannot be fetched now")]
    UnknownKeyInOutage(Box<Self>),
    /// The issuer has a key with the token's `kid`, but the key is not for the token's algorithm.
    #[error("the issuer's key of that `kid` is not for {0}")]
    KeyMismatch(Algorithm),
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The payload is not a JSON object with unique members.
    #[error("the payload {0}")]
    Claims(JsonError),
    /// A claim is missing that must be there.
    #[error("the claim `{0}` is missing")]
    MissingClaim(String),
    /// A claim has another type than its name asks for, or is out of range.
    #[error("the claim `{0}` has the wrong type, or is out of range")]
    InvalidClaim(String),
    /// `iss` is not the issuer whose key signed the token.
    #[error("`iss` is {found}, which is not the issuer whose keys these are")]
    Issuer {
        /// What was found, escaped.
        found: String,
    },
    /// It is meant for someone else.
    #[error("`{claim}` is {found}, which is none of the accepted audiences")]
    Audience {
        /// The claim: `aud`, unless the profile has another.
        claim: String,
        /// What was found, escaped.
        found: String,
    },
    /// The client it was issued to is not on the list.
    #[error("the client {found} is not on the list of accepted clients")]
    ClientId {
        /// What was found, escaped.
        found: String,
    },
    /// A token of the issuer's, but not an access token.
    #[error("not an access token by the profile {profile:?}, which requires that {mark}")]
    NotAnAccessToken {
        /// The condition it does not meet.
        mark: String,
        /// The name of the profile.
        profile: String,
    },
    /// `exp` has passed, by more than the leeway.
    #[error("expired {} s ago, which is more than the leeway", .ago.as_secs())]
    Expired {
        /// How long ago.
        ago: Duration,
    },
    /// `nbf` lies in the future, by more than the leeway.
    #[error("`nbf` is {} s away, which is more than the leeway", .away.as_secs())]
    NotYetValid {
        /// How far away.
        away: Duration,
    },
    /// `iat` lies in the future, by more than the leeway.
    #[error("`iat` is {} s in the future, which is more than the leeway", .away.as_secs())]
    IssuedInTheFuture {
        /// How far away.
        away: Duration,
    },
    /// `exp` is too far from `iat`, or without an `iat`, from now.
    #[error(
        "the token lives for {} s, which is longer than the {} s that are accepted (`max_lifetime`)",
        .lifetime.as_secs(), .limit.as_secs()
    )]
    Lifetime {
        /// How long it lives.
        lifetime: Duration,
        /// How long it may.
        limit: Duration,
    },
    /// `exp` is before `iat`.
    #[error("`exp` is before `iat`")]
    ExpiresBeforeIssued,
    /// It is bound to a key or certificate (`cnf`, RFC 7800), which this scheme cannot check.
    #[error(
        "the token is bound to a key or certificate by `cnf`, which a plain bearer scheme cannot check"
    )]
    SenderConstrained,
    /// The custom claims cannot be decoded into the type that was configured.
    #[error("the custom claims do not decode: {0}")]
    CustomClaims(String),
}

impl VerifyError {
    /// Whether the token could not be judged, for want of the issuer's keys. It may well be good: the answer is 503,
    /// never 401.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::KeysNotLoaded | Self::KeysStale | Self::UnknownKeyInOutage(_)
        )
    }

    /// Whether newer keys of the issuer may include the token's.
    pub(crate) fn is_unknown_key(&self) -> bool {
        matches!(self, Self::UnknownKey { .. } | Self::NoKeyVerifies)
    }

    /// What the caller is told. Of the token it names the algorithm, where that is a registered one, and the `typ`,
    /// where that is short and plain; of the configuration, the accepted `typ`.
    #[must_use]
    pub fn external(&self) -> Cow<'static, str> {
        match self {
            Self::AlgorithmNotAllowed(algorithm) => not_accepted(algorithm.as_str()),
            Self::Jws(JwsError::AlgorithmUnsupported(name)) => not_accepted(name),
            Self::Type {
                found, expected, ..
            } => {
                let found = plain(found).map(|found| format!("{found}, "));
                let found = found.unwrap_or_default();
                format!("the token is not an access token: its `typ` is {found}not {expected}")
                    .into()
            }
            fixed => fixed.fixed().into(),
        }
    }

    /// What the caller is told where that is always the same.
    fn fixed(&self) -> &'static str {
        match self {
            Self::Jws(JwsError::Encrypted) => "encrypted tokens are not accepted",
            Self::Jws(JwsError::AlgorithmNone) => "the token is not signed: its `alg` is none",
            Self::Jws(JwsError::TooLong { .. }) => "the token is longer than this service accepts",
            Self::Jws(JwsError::HeaderTooLong { .. }) => {
                "the header of the token is longer than this service accepts"
            }
            Self::Jws(_) | Self::Claims(_) => "the token is not a well-formed signed JWT",
            Self::AlgorithmNotAllowed(_) => "the token's signature algorithm is not accepted",
            Self::Type { .. } | Self::NotAnAccessToken { .. } => "the token is not an access token",
            Self::UnknownIssuer { .. } | Self::Issuer { .. } => {
                "the token's issuer is not accepted"
            }
            Self::KeysNotLoaded | Self::KeysStale | Self::UnknownKeyInOutage(_) => {
                "the issuer's keys are not available now"
            }
            Self::Signature | Self::NoKeyVerifies => "the token's signature does not hold",
            Self::UnknownKey { .. } | Self::KeyMismatch(_) => {
                "the token is signed with an unknown key"
            }
            Self::MissingClaim(_) => "the token lacks a required claim",
            Self::InvalidClaim(_) => "a claim of the token is not of the right type",
            Self::Audience { .. } => "the token is meant for another audience",
            Self::ClientId { .. } => "the token's client is not accepted",
            Self::Expired { .. } => "the token has expired",
            Self::NotYetValid { .. } => "the token is not valid yet",
            Self::IssuedInTheFuture { .. } => "the token claims to be issued in the future",
            Self::Lifetime { .. } | Self::ExpiresBeforeIssued => {
                "the token's lifetime is not accepted"
            }
            Self::SenderConstrained => {
                "the token is bound to a key and must not be sent as a bearer token"
            }
            Self::CustomClaims(_) => "the token's claims are not accepted",
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let failure = if error.is_outage() {
            Self::unavailable(error.external())
        } else {
            Self::invalid(error.external())
        };
        failure.with_internal(error.to_string())
    }
}

fn not_accepted(algorithm: &str) -> Cow<'static, str> {
    format!("the token's signature algorithm is not accepted: {algorithm}").into()
}

/// What was found, for the caller: only a value that could be a media type, and no long one.
fn plain(found: &str) -> Option<&str> {
    const LONGEST: usize = 32;

    let quoted = found
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = quoted.unwrap_or(found); // `absent` has no quotation marks
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"+-./".contains(&octet);
    ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

/// What was found in a token, for an error message.
pub(crate) fn found(text: Option<&str>) -> String {
    text.map_or_else(
        || "absent".to_owned(),
        |text| format!("\"{}\"", escape(text)),
    )
}

/// As [`found`], for the name of an issuer or an audience, which an operator copies into the configuration. What may be a
/// secret in a URL is left out.
pub(crate) fn found_name(text: Option<&str>) -> String {
    const LONGEST: usize = 512;

    text.map_or_else(
        || "absent".to_owned(),
        |text| {
            let shown = escape_url(text);
            match shown.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("\"{}…\"", &shown[..end]),
                None => format!("\"{shown}\""),
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_must_be_copied_is_shown_whole() {
        let issuer = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
        assert_eq!(found_name(Some(issuer)), format!("\"{issuer}\""));
        let long = found_name(Some(&"x".repeat(30_000)));
        assert_eq!(long.chars().count(), 512 + "\"…\"".chars().count());
        assert_eq!(found_name(None), "absent");
        for secret in ["https://s3cr3t@i.example/a", "https://i.example/a?s3cr3t"] {
            assert_eq!(found_name(Some(secret)), "\"https://i.example/a\"");
        }
    }

    fn of_type(typ: Option<&str>) -> Cow<'static, str> {
        VerifyError::Type {
            found: found(typ),
            expected: "at+jwt".to_owned(),
            profile: "rfc9068".to_owned(),
        }
        .external()
    }

    #[test]
    fn the_caller_is_told_its_type_where_that_is_plain() {
        let told = |found: &str| {
            format!("the token is not an access token: its `typ` is {found}not at+jwt")
        };
        assert_eq!(of_type(Some("JWT")), told("JWT, "));
        assert_eq!(
            of_type(Some("application/logout+jwt")),
            told("application/logout+jwt, ")
        );
        assert_eq!(of_type(None), told("absent, "));
        for typ in [
            "",
            "a\"b",
            "a b",
            "a\r\nb",
            "<b>",
            "ü",
            &"x".repeat(33),
            "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
            "acme_4fXq0ZbT9kLm_9Zr3mWq8TfL2xVb7Nc5Ky1Jd0Ph4aBcDeF",
        ] {
            assert_eq!(of_type(Some(typ)), told(""), "{typ}");
        }
    }

    #[test]
    fn credentials_in_kid_or_iss_are_masked() {
        let key = "acme_4fXq0ZbT9kLm_9Zr3mWq8TfL2xVb7Nc5Ky1Jd0Ph4aBcDeF";
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2ln";
        for text in [
            key,
            token,
            &format!("https://a/{key}"),
            &format!("x {token}"),
        ] {
            let shown = found(Some(text));
            assert!(shown.contains("[masked]"), "{shown}");
            assert!(!shown.contains("9Zr3") && !shown.contains("eyJ"), "{shown}");
        }
    }
}
