//! The error of a verification.

use std::{borrow::Cow, time::Duration};

use portcullis_core::{log::escape_url, scheme::Failure};
use portcullis_jose::{Algorithm, JsonError, JwsError, SignatureError};

/// Why a token was not accepted.
///
/// `Display` is for operators: it names what was found and what was expected. Text that the sender of the token controls
/// is escaped, shortened, and masked where it looks like a credential. [`external`](Self::external) is the message for
/// callers.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is not a signed JWT in a supported form.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// The algorithm is not allowed.
    #[error("the token's algorithm {0} is not in `algorithms`: add it if the issuer signs with it")]
    AlgorithmNotAllowed(Algorithm),
    /// The `typ` is not that of an access token: the token may be an ID token, a client assertion or a DPoP proof.
    #[error(
        "the token's `typ` is {found}, but the profile {profile:?} accepts only {expected}: if this is an access token, \
         choose the profile of its issuer (`profile`)"
    )]
    Type {
        /// What was found, escaped.
        found: Box<str>,
        /// What the profile accepts.
        expected: Box<str>,
        /// The name of the profile.
        profile: Box<str>,
    },
    /// The issuer's keys were never loaded, so the token cannot be judged.
    #[error("the issuer's keys were never fetched: see the log of this service for the reason")]
    KeysNotLoaded,
    /// The issuer's keys are older than their lifetime and `stale_limit` together, so the token cannot be judged.
    #[error(
        "the issuer's keys could not be fetched, and are older than their lifetime and `stale_limit` together: see the log of this \
         service for the reason"
    )]
    KeysStale,
    /// No key of the issuer has the token's `kid`, and none of its keys without a `kid` verifies the signature. The field
    /// is the token's `kid`, escaped.
    #[error(
        "no key of the issuer has the `kid` {0}, and none of its keys without a `kid` verifies the signature: compare with the \
         published or configured keys (the key may be withdrawn, or the token from another environment)"
    )]
    UnknownKid(String),
    /// The token has no `kid`, and no key of the issuer is for its algorithm.
    #[error("the token has no `kid`, and no key is for {0}: compare `alg` with the issuer's keys")]
    NoKeyForAlgorithm(Algorithm),
    /// The token has no `kid`, and none of the issuer's keys that were tried verifies its signature: at most
    /// [`KeySet::MAX_CANDIDATES`](portcullis_jose::KeySet::MAX_CANDIDATES) keys for its algorithm.
    #[error("{}", SignatureError::NoKeyMatches)]
    NoKeyMatches,
    /// The token cannot be judged: its key is unknown, as the field says, and newer keys, which may include it, were not
    /// available in time.
    #[error(
        "{0}; newer keys were not available in time: if that persists, look for \"issuer keys\" in the log"
    )]
    UnknownKeyNotJudged(Box<Self>),
    /// The issuer's key with the token's `kid` is not for the token's algorithm.
    #[error(
        "the key with the token's `kid` is not for {0}, the token's `alg`: check who issued the token"
    )]
    KidForOtherAlgorithm(Algorithm),
    /// The signature is invalid. The field, escaped, names the keys that were tried, and for a key with the token's `kid`
    /// the possible causes.
    #[error("the signature does not verify with {0}")]
    Signature(String),
    /// The payload is not a JSON object with unique members.
    #[error("the token's payload, which must be a JSON object, {0}: check who issued the token")]
    Claims(JsonError),
    /// A required claim is missing.
    #[error(
        "the claim `{0}` is missing: have the issuer add it, or if its tokens never have it, choose the profile of this issuer (`profile`)"
    )]
    MissingClaim(String),
    /// A claim has the wrong type or is out of range. The fields are the claim, and what it is and must be.
    #[error("the claim `{0}` {1}: have the issuer correct it, or set another claim in the profile")]
    InvalidClaim(String, String),
    /// `iss` is not a trusted issuer, or was looked for to choose keys and is absent. The field is the `iss`, escaped.
    #[error("the token names {} (`iss`), but only trusted issuers are accepted: check who issued the token, and compare its `iss` with those configured (it is shown without user name and query)", named("issuer", .0))]
    Issuer(Option<String>),
    /// The token is for another audience.
    #[error("`{claim}` is {found}, which is not an accepted audience: compare with `audience`")]
    Audience {
        /// The claim: `aud`, or another of the profile.
        claim: String,
        /// What was found, escaped.
        found: String,
    },
    /// The client of the token is not accepted. The field is the client, escaped.
    #[error("the token names {}, but only those in `client_ids` are accepted: if this client may call, add it, and if none is named, check the profile's claims for the client", named("client", .0))]
    ClientId(Option<String>),
    /// The token is from the issuer, but not an access token.
    #[error(
        "not an access token: the profile {profile:?} requires of the claims that {mark}: have the caller send one, or choose another `profile`"
    )]
    NotAnAccessToken {
        /// The condition that the token does not meet, and the value found.
        mark: String,
        /// The name of the profile.
        profile: String,
    },
    /// The token expired: `exp` is in the past by at least the leeway. The fields are how long ago `exp` was, and the leeway.
    #[error("expired: `exp` was {} s ago, the `leeway` is {} s: the caller must get a new token, unless the clocks differ", seconds(.0), seconds(.1))]
    Expired(Duration, Duration),
    /// `nbf` is in the future by more than the leeway. The fields are how far, and the leeway.
    #[error("not valid yet: `nbf` is {}", in_future(.0, .1))]
    NotYetValid(Duration, Duration),
    /// `iat` is in the future by more than the leeway. The fields are how far, and the leeway.
    #[error("issued in the future: `iat` is {}", in_future(.0, .1))]
    IssuedInTheFuture(Duration, Duration),
    /// The time from `iat`, or without `iat` from now, to `exp` is too long.
    #[error(
        "the lifetime (until `exp`, from `iat` or else from now) of {} s is longer than the accepted {} s: shorten it at the issuer, or raise `max_lifetime`",
        seconds(.lifetime), seconds(.limit)
    )]
    Lifetime {
        /// The lifetime of the token.
        lifetime: Duration,
        /// The longest accepted lifetime.
        limit: Duration,
    },
    /// `exp` is before `iat`.
    #[error("`exp` is before `iat`, so the token was never valid: check the issuer")]
    ExpiresBeforeIssued,
    /// The token is bound to a key or certificate (`cnf`, RFC 7800).
    #[error(
        "the token is bound to a key or certificate (`cnf`), which a bearer scheme cannot check: configure its client (DPoP, mTLS) and its issuer not to bind it"
    )]
    SenderConstrained,
    /// The claims cannot be decoded into the configured type.
    #[error("the token's claims do not fit the type given to `claims`, so correct either: {0}")]
    CustomClaims(String),
}

portcullis_core::debug_as_report!(VerifyError);

impl VerifyError {
    /// Whether the token could not be judged: the issuer's keys are missing or stale, or newer keys, which may include the
    /// token's key, were not available in time. The token may be valid, so the answer is 503, not 401.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.key_problem() == Some(KeyProblem::Undecided)
    }

    /// The failure: 503 if the token could not be judged, otherwise 401. `whose` ends the message for the log.
    pub(crate) fn into_failure(self, whose: &str) -> Failure {
        let failure = match self.is_undecided() {
            true => Failure::unavailable(self.external()),
            false => Failure::invalid(self.external()),
        };
        failure.with_internal(format!("{self}{whose}"))
    }

    /// Why no key verified the signature; `None` for other errors.
    pub(crate) fn key_problem(&self) -> Option<KeyProblem> {
        use KeyProblem::{KnownKeyFailed, Undecided, UnknownKey};

        Some(match self {
            Self::KeysNotLoaded | Self::KeysStale | Self::UnknownKeyNotJudged(_) => Undecided,
            Self::UnknownKid(_) | Self::NoKeyForAlgorithm(_) | Self::NoKeyMatches => UnknownKey,
            Self::Signature(_) | Self::KidForOtherAlgorithm(_) => KnownKeyFailed,
            _ => return None,
        })
    }

    /// The message for the caller. It may name the token's algorithm if it is registered, the token's `typ` if it is a
    /// short media type, and the accepted `typ`.
    #[must_use]
    pub fn external(&self) -> Cow<'static, str> {
        let fixed_message = match self {
            Self::AlgorithmNotAllowed(algorithm) => return not_accepted(algorithm.as_str()),
            Self::Jws(JwsError::AlgorithmUnsupported(name)) => return not_accepted(name),
            Self::Type {
                found, expected, ..
            } => {
                let found = short_media_type(found).map(|found| format!("{found}, "));
                let found = found.unwrap_or_default();
                return format!(
                    "the token is not an access token: its `typ` is {found}not {expected}"
                )
                .into();
            }
            Self::Jws(JwsError::Encrypted) => "encrypted tokens are not accepted",
            Self::Jws(JwsError::AlgorithmNone) => "the token is not signed: its `alg` is none",
            Self::Jws(JwsError::TooLong { part: "header", .. }) => {
                "the header of the token is longer than this service accepts"
            }
            Self::Jws(JwsError::TooLong { .. }) => "the token is longer than this service accepts",
            Self::Jws(_) | Self::Claims(_) => "the token is not a well-formed signed JWT",
            Self::NotAnAccessToken { .. } => "the token is not an access token",
            Self::Issuer(_) => "the token's issuer is not accepted",
            Self::KeysNotLoaded | Self::KeysStale | Self::UnknownKeyNotJudged(_) => {
                "the issuer's keys are not available now"
            }
            Self::Signature(_) | Self::NoKeyMatches => "the token's signature does not hold",
            Self::UnknownKid(_) | Self::NoKeyForAlgorithm(_) | Self::KidForOtherAlgorithm(_) => {
                "the token is signed with an unknown key"
            }
            Self::MissingClaim(_) => "the token lacks a required claim",
            Self::InvalidClaim(..) => "a claim of the token is not of the right type",
            Self::Audience { .. } => "the token is meant for another audience",
            Self::ClientId(_) => "the token's client is not accepted",
            Self::Expired(..) => "the token has expired",
            Self::NotYetValid(..) => "the token is not valid yet",
            Self::IssuedInTheFuture(..) => "the token claims to be issued in the future",
            Self::Lifetime { .. } | Self::ExpiresBeforeIssued => {
                "the token's lifetime is not accepted"
            }
            Self::SenderConstrained => {
                "the token is bound to a key and must not be sent as a bearer token"
            }
            Self::CustomClaims(_) => "the token's claims are not accepted",
        };
        fixed_message.into()
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        error.into_failure("")
    }
}

/// Why no key verified a signature. Newer keys of the issuer could verify it; fixed keys have no newer ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyProblem {
    /// See [`VerifyError::is_undecided`].
    Undecided,
    /// The token's key is not among the keys. Newer keys may include it, so the request may wait for them.
    UnknownKey,
    /// The key with the token's `kid` did not make the signature or is not for its algorithm, or no fixed key made it. The
    /// issuer may have reused the `kid`, but anyone can send such a token, so the request does not wait.
    KnownKeyFailed,
}

fn named(what: &str, name: &Option<String>) -> String {
    match name {
        Some(name) => format!("the {what} \"{name}\""),
        None => format!("no {what}"),
    }
}

/// Rounds up, so that a time that exceeds a limit never reads as the limit.
fn seconds(time: &Duration) -> f64 {
    time.as_secs_f64().ceil()
}

fn in_future(away: &Duration, leeway: &Duration) -> String {
    let (away, leeway) = (seconds(away), seconds(leeway));
    format!(
        "{away} s in the future, the `leeway` is {leeway} s: check the clocks of the issuer and of this machine"
    )
}

fn not_accepted(algorithm: &str) -> Cow<'static, str> {
    format!("the token's signature algorithm is not accepted: {algorithm}").into()
}

/// The `typ` of the token, if it could be a media type.
fn short_media_type(found: &str) -> Option<&str> {
    const LONGEST: usize = 32;

    let text = found.trim_matches('"');
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"+-./".contains(&octet);
    ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

/// Quotes a value from a token for an error message.
pub(crate) fn quoted(text: Option<&str>, escape: fn(&str) -> String) -> String {
    text.map_or_else(
        || "absent".to_owned(),
        |text| format!("\"{}\"", escape(text)),
    )
}

/// Escapes the name of an issuer or audience, without the parts of a URL that may be secret. Shows up to 512 characters, not
/// the usual 64, since operators copy the name into their configuration.
pub(crate) fn escape_name(name: &str) -> String {
    const LONGEST: usize = 512;

    let shown = escape_url(name);
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::log::escape;

    use super::*;

    #[test]
    fn issuer_name_is_shown_whole_without_secrets() {
        let issuer = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
        let shown = |issuer: &str| quoted(Some(issuer), escape_name);
        assert_eq!(shown(issuer), format!("\"{issuer}\""));
        let long = shown(&"x".repeat(30_000));
        assert_eq!(long.chars().count(), 512 + "\"…\"".chars().count());
        assert_eq!(quoted(None, escape_name), "absent");
        for secret in ["https://s3cr3t@i.example/a", "https://i.example/a?s3cr3t"] {
            assert_eq!(shown(secret), "\"https://i.example/a\"");
        }
    }

    fn of_type(typ: Option<&str>) -> Cow<'static, str> {
        VerifyError::Type {
            found: quoted(typ, escape).into(),
            expected: "at+jwt".into(),
            profile: "rfc9068".into(),
        }
        .external()
    }

    #[test]
    fn external_message_names_a_plain_typ_only() {
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
            let shown = quoted(Some(text), escape);
            assert!(shown.contains("[masked]"), "{shown}");
            assert!(!shown.contains("9Zr3") && !shown.contains("eyJ"), "{shown}");
        }
    }
}
