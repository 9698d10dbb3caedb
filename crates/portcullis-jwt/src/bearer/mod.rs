//! JWT access tokens as `Authorization: Bearer` credentials (RFC 6750 §2.1).

mod builder;

use std::{fmt, pin::Pin, sync::Arc};

use portcullis_core::{
    Challenge, CredentialSource, Failure, Head, Outcome, Presence, Principal, Scheme, Secret,
    SharedClock, UnixTime, authorization_credentials, check_token68,
};
use portcullis_jose::{CompactJws, TokenLimits};

pub use self::builder::{BearerBuilder, TrustingBearerBuilder};
use crate::{
    CacheStatus, IssuerKeys, JwtVerifier, KeySnapshot, RefreshAnswer, RefreshOutcome,
    TrustedIssuers, VerifiedToken, VerifyError,
    cache::{Grounds, TokenCache},
    claims::peek_issuer,
    known_headers::KnownHeaders,
    trusted::Snapshot,
    verify_error::found_name,
};

/// The scheme of JWT access tokens, sent as `Authorization: Bearer`.
///
/// Issuer, audience and algorithms are mandatory. All else has a default that a machine-to-machine service can keep.
///
/// ```
/// use portcullis_core::{AuthenticateLayer, ConfigError};
/// use portcullis_jwt::{Algorithm, Bearer, IssuerKeys};
///
/// fn layer(issuer: &IssuerKeys) -> Result<AuthenticateLayer, ConfigError> {
///     let bearer = Bearer::jwt(issuer) // the keys carry their issuer
///         .audience("https://orders.example.com")
///         .algorithms([Algorithm::ES256])
///         .build()?;
///     Ok(AuthenticateLayer::new(bearer))
/// }
/// ```
///
/// With the issuer's keys at hand a token is judged in place. Only a token whose key is unknown waits, for a refresh
/// that it has signalled, at most as long as the owner of the keys lets it. When keys cannot be had, the answer is
/// 503, never 401.
#[derive(Clone)]
pub struct Bearer(Arc<Inner>);

struct Inner {
    issuers: Issuers,
    known_headers: KnownHeaders,
    cache: Option<TokenCache>,
    keep_access_token: bool,
    clock: SharedClock,
    challenge: Arc<Challenge>,
}

enum Issuers {
    One(Box<JwtVerifier>),
    Many(TrustedIssuers),
}

const SCHEME: &str = "Bearer";

impl Bearer {
    /// Accepts the access tokens of one issuer.
    pub fn jwt(issuer: &impl AsRef<IssuerKeys>) -> BearerBuilder {
        BearerBuilder::new(JwtVerifier::of(issuer))
    }

    /// Accepts the access tokens of several issuers, each by its own rules.
    pub fn trusting(issuers: &TrustedIssuers) -> TrustingBearerBuilder {
        TrustingBearerBuilder::new(issuers.clone())
    }

    /// What the cache of verified tokens holds; `None` where there is no cache.
    #[must_use]
    pub fn cache_status(&self) -> Option<CacheStatus> {
        self.0.cache.as_ref().map(TokenCache::status)
    }
}

/// The path of a token: detect, verify or find it verified, bind; the layer's chain then admits the principal.
impl Scheme for Bearer {
    fn source(&self) -> CredentialSource {
        CredentialSource::Authorization(SCHEME)
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Presence<'h> {
        authorization_credentials(head.headers(), SCHEME).into()
    }

    /// Nobody has looked at the characters of `sent` yet: what is in the cache or verifies has none that are out of
    /// place, and what does not is held to them before anything else is said of it.
    fn authenticate(&self, _: &Head<'_>, sent: &[u8]) -> Outcome {
        let now = self.0.clock.now();
        if let Some(bound) = self.0.find_verified(sent, now) {
            return Outcome::Done(bound);
        }
        let refused = match self.0.verify(sent, now) {
            Ok(verified) => return Outcome::Done(bind(&verified)),
            Err(refused) => refused,
        };
        match check_token68(sent) {
            Ok(token) => self.refuse_or_wait(token, refused),
            Err(failure) => Outcome::Done(Err(failure)),
        }
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.0.challenge
    }

    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        CompactJws::looks_like_one(text).then_some("a JWT")
    }
}

impl Bearer {
    /// A refusal that newer keys could turn: signals the owner of the keys, and waits where that can help.
    fn refuse_or_wait(&self, token: &str, refused: Refused) -> Outcome {
        let Refused {
            error,
            keys: Some(keys),
            epoch,
        } = refused
        else {
            return Outcome::Done(Err(refused.error.into()));
        };
        if !asks_for_newer_keys(&error) {
            return Outcome::Done(Err(error.into()));
        }
        if let Some(foreign) = of_another_issuer(token, &keys) {
            return Outcome::Done(Err(if error.is_outage() {
                in_outage(error, &keys)
            } else {
                foreign.into()
            }));
        }
        let failure = match error {
            // Another request's fetch has ended since the verdict: it costs nothing to look at what it brought.
            error if error.is_unknown_key() && keys.snapshot().epoch() != epoch => {
                return match self.0.verify(token.as_bytes(), self.0.clock.now()) {
                    Ok(verified) => Outcome::Done(bind(&verified)),
                    Err(refused) => self.refuse_or_wait(token, refused),
                };
            }
            error if error.is_unknown_key() => {
                let before = keys.snapshot();
                match keys.unknown_key() {
                    RefreshAnswer::Wait(refreshed) => {
                        let again = verify_again(self.0.clone(), token.into(), refreshed);
                        return Outcome::Pending(Box::pin(again));
                    }
                    // The key may have come after the verdict.
                    RefreshAnswer::Exhausted if keys.snapshot().epoch() != epoch => {
                        let again = judge_again(&self.0, token, RefreshOutcome::Succeeded);
                        return Outcome::Done(again);
                    }
                    RefreshAnswer::Exhausted => unknown_key(error, &before, &keys),
                    RefreshAnswer::Saturated => in_outage(error, &keys),
                }
            }
            VerifyError::KeysNotLoaded | VerifyError::KeysStale => {
                keys.no_keys();
                in_outage(error, &keys)
            }
            error => {
                keys.bad_signature();
                error.into()
            }
        };
        Outcome::Done(Err(failure))
    }
}

fn asks_for_newer_keys(error: &VerifyError) -> bool {
    error.is_unknown_key()
        || matches!(
            error,
            VerifyError::Signature
                | VerifyError::KeyMismatch(_)
                | VerifyError::KeysNotLoaded
                | VerifyError::KeysStale
        )
}

/// The error of a token that does not even claim to be from the issuer of `keys`. It is no reason to fetch them: what
/// an issuer's rotation needs must not go on the tokens of another that a caller sends here by mistake.
fn of_another_issuer(token: &str, keys: &IssuerKeys) -> Option<VerifyError> {
    // It was held to the limits before.
    let payload = CompactJws::parse_within(token.as_bytes(), &TokenLimits::MOST)
        .and_then(|jws| jws.payload())
        .ok()?;
    let issuer = peek_issuer(&payload);
    (issuer.as_deref() != Some(&**keys.issuer())).then(|| VerifyError::Issuer {
        found: found_name(issuer.as_deref()),
    })
}

/// Judges a token once more when its issuer's keys have been refreshed, or have not been in time.
async fn verify_again(
    inner: Arc<Inner>,
    token: Box<str>,
    refreshed: Pin<Box<dyn Future<Output = RefreshOutcome> + Send>>,
) -> Result<Principal, Failure> {
    let waited = refreshed.await;
    judge_again(&inner, &token, waited)
}

fn judge_again(inner: &Inner, token: &str, waited: RefreshOutcome) -> Result<Principal, Failure> {
    let now = inner.clock.now();
    match inner.verify(token.as_bytes(), now) {
        Ok(verified) => bind(&verified),
        Err(Refused {
            error,
            keys: Some(keys),
            ..
        }) => Err(match (error, waited) {
            (error, RefreshOutcome::Succeeded) if error.is_unknown_key() => {
                unknown_key(error, &keys.snapshot(), &keys)
            }
            (error, RefreshOutcome::Failed) if error.is_unknown_key() => in_outage(error, &keys),
            (error, _) if error.is_outage() => in_outage(error, &keys),
            (error, _) => error.into(),
        }),
        Err(refused) => Err(refused.error.into()),
    }
}

/// An unknown key is the caller's fault only if the issuer's keys could be fetched.
fn unknown_key(error: VerifyError, snapshot: &KeySnapshot, keys: &IssuerKeys) -> Failure {
    if snapshot.last_fetch_failed() {
        in_outage(error, keys)
    } else {
        error.into()
    }
}

/// The token cannot be judged now. The caller is told when it makes sense to try again.
fn in_outage(error: VerifyError, keys: &IssuerKeys) -> Failure {
    let error = if error.is_unknown_key() {
        VerifyError::UnknownKeyInOutage(Box::new(error))
    } else {
        error
    };
    let failure = Failure::from(error);
    match keys.next_attempt() {
        Some(due) => failure.retry_when_due(due),
        None => failure,
    }
}

/// Whether the sender may hold the token. A plain bearer scheme has no means to check a proof, so a token that asks
/// for one is refused (RFC 9449 §7.2); schemes that have the means take this step's place.
fn bind(verified: &VerifiedToken) -> Result<Principal, Failure> {
    verified.bind_as_bearer().cloned().map_err(Into::into)
}

impl Inner {
    /// The caller of a token that was verified before and still holds, if it may be used as it was sent.
    #[inline]
    fn find_verified(&self, sent: &[u8], now: UnixTime) -> Option<Result<Principal, Failure>> {
        let trust_epoch = match &self.issuers {
            Issuers::One(_) => 0,
            Issuers::Many(issuers) => issuers.epoch(),
        };
        self.cache.as_ref()?.get(sent, trust_epoch, now, bind)
    }

    /// The verdict by the keys at hand.
    fn verify(&self, token: &[u8], now: UnixTime) -> Result<VerifiedToken, Refused> {
        let judges = match &self.issuers {
            Issuers::One(verifier) => Judges::One(verifier),
            Issuers::Many(issuers) => Judges::Many(issuers.snapshot()),
        };
        let limits = match &judges {
            Judges::One(verifier) => verifier.limits(),
            Judges::Many(trusted) => trusted.limits(),
        };
        let jws = CompactJws::parse_within(token, limits)?;
        self.known_headers.read(&jws, |header| {
            let (verifier, payload, trust_epoch) = match &judges {
                Judges::One(verifier) => (*verifier, None, 0),
                Judges::Many(trusted) => {
                    let (verifier, payload) = trusted.choose(&jws)?;
                    (verifier, Some(payload), trusted.epoch())
                }
            };
            let epoch = verifier.keys().view().epoch();
            let mut verified = verifier
                .verify_parsed(&jws, header, payload, now, &self.challenge)
                .map_err(|error| Refused::by(verifier, epoch, error))?;
            if self.keep_access_token {
                verified.principal = verified.principal.with_access_token(Secret::new(token));
            }
            if let Some(cache) = &self.cache {
                let grounds = Grounds {
                    keys: verifier.keys().view(),
                    trust_epoch,
                };
                cache.insert(token, &verified, &grounds, now);
            }
            Ok(verified)
        })
    }
}

/// Who may judge a token: the one issuer's verifier, or those that are trusted at that moment.
enum Judges<'s> {
    One(&'s JwtVerifier),
    Many(Snapshot),
}

/// A token that was not accepted, and the keys that did not accept it, if it came to that.
struct Refused {
    error: VerifyError,
    keys: Option<IssuerKeys>,
    /// Of those keys, or of earlier ones.
    epoch: u64,
}

impl Refused {
    fn by(verifier: &JwtVerifier, epoch: u64, error: VerifyError) -> Self {
        Self {
            error,
            keys: Some(verifier.keys().clone()),
            epoch,
        }
    }
}

impl<E: Into<VerifyError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            keys: None,
            epoch: 0,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bearer = f.debug_struct("Bearer");
        match &self.0.issuers {
            Issuers::One(verifier) => bearer.field("verifier", verifier),
            Issuers::Many(issuers) => bearer.field("issuers", issuers),
        };
        bearer
            .field("cache", &self.0.cache)
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
