//! JWT access tokens as `Authorization: Bearer` credentials (RFC 6750 §2.1).

mod builder;
mod rejected_token;
mod rejection;

use std::sync::Arc;

use portcullis_core::{
    Principal, Secret,
    clock::{SharedClock, UnixTime},
    log::escape,
    scheme::{
        Challenge, CredentialSource, Failure, Head, Outcome, Scheme, authorization_credentials,
        check_token68,
    },
};
use portcullis_jose::CompactJws;

pub use self::builder::{BearerBuilder, BearerSettings};
use self::rejected_token::{Rejected, whose_token};
use crate::{
    CacheStatus, JwtVerifier, TrustedIssuers, VerifiedToken, cache::TokenCache, verifier::SCHEME,
    verify_error::quoted,
};

/// The scheme of JWT access tokens, sent as `Authorization: Bearer`.
///
/// Issuer, audience and algorithms are mandatory. Everything else has a default that suits machine-to-machine services.
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
/// Once the issuer has keys, a token is verified in place. Only a token with an unknown key waits for a
/// refresh, for a bounded time. If the refresh fails, the answer is 503. If the budget of refreshes is spent and the
/// last refresh succeeded, the answer is 401.
#[derive(Clone, Debug)]
pub struct Bearer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuers: Issuers,
    cache: Option<TokenCache>,
    keep_access_token: bool,
    clock: SharedClock,
    challenge: Arc<Challenge>,
}

#[derive(Debug)]
enum Issuers {
    One(Box<JwtVerifier>),
    Many(TrustedIssuers),
}

/// The trust epoch of a scheme with one issuer, whose rules never change.
const ONLY_TRUST_EPOCH: u64 = 0;

impl Bearer {
    /// The contents of the cache of verified tokens; `None` without a cache.
    #[must_use]
    pub fn cache_status(&self) -> Option<CacheStatus> {
        self.0.cache.as_ref().map(TokenCache::status)
    }
}

impl Scheme for Bearer {
    fn source(&self) -> CredentialSource {
        CredentialSource::Authorization(SCHEME)
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        authorization_credentials(head.headers, SCHEME)
    }

    /// Checks the characters of rejected tokens only: illegal characters make the answer 400, not 401.
    fn authenticate(&self, _: &Head<'_>, sent: &[u8]) -> Outcome {
        let now = self.0.clock.now();
        if let Some(verdict) = self.0.find_cached(sent, now) {
            return Outcome::Done(verdict);
        }
        let rejected = match self.0.verify(sent, now) {
            Ok(verdict) => return Outcome::Done(verdict),
            Err(rejected) => rejected,
        };
        match check_token68(sent) {
            Ok(token) => self.0.decide_rejected(token, rejected),
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

type Verdict = Result<Principal, Failure>;

/// Checks that the sender may use the token. This scheme cannot check a proof of possession, so it rejects a token that
/// requires such a proof (RFC 9449 §7.2).
fn accept_as_bearer(verified: &VerifiedToken) -> Verdict {
    verified.as_bearer().cloned().map_err(|error| {
        let caller = &verified.principal;
        let issuer = caller.issuer().unwrap_or_default();
        let client = quoted(caller.client_id(), escape);
        error.into_failure(&format!(" (a token of issuer {issuer:?}, client {client})"))
    })
}

impl Inner {
    /// The verdict on a cached token; `None` if the token is not cached.
    #[inline]
    fn find_cached(&self, sent: &[u8], now: UnixTime) -> Option<Verdict> {
        let trust_epoch = match &self.issuers {
            Issuers::One(_) => ONLY_TRUST_EPOCH,
            Issuers::Many(issuers) => issuers.snapshot().epoch,
        };
        self.cache
            .as_ref()?
            .get(sent, trust_epoch, now, accept_as_bearer)
    }

    /// Verifies a token with the loaded keys and caches it, then checks that the sender may use it. `Ok` is final: the
    /// caller, or the refusal of a bound token. `Err` is every other failure, and `decide_rejected` finds out whether newer keys
    /// could change it.
    fn verify(&self, token: &[u8], now: UnixTime) -> Result<Verdict, Rejected> {
        let trusted;
        let (jws, header, verifier, payload, trust_epoch) = match &self.issuers {
            Issuers::One(verifier) => {
                let jws = CompactJws::parse_within(token, &verifier.limits)?;
                let header = jws.header()?;
                (jws, header, &**verifier, None, ONLY_TRUST_EPOCH)
            }
            Issuers::Many(issuers) => {
                trusted = issuers.snapshot();
                let jws = CompactJws::parse_within(token, &trusted.limits)?;
                let header = jws.header()?;
                let (verifier, payload) = trusted.choose(&jws)?;
                (jws, header, verifier, Some(payload), trusted.epoch)
            }
        };
        let snapshot = verifier.keys.snapshot();
        let mut verified = verifier
            .verify_parsed(&jws, &header, payload, &snapshot, now, &self.challenge)
            .map_err(|error| Rejected {
                whose: whose_token(verifier, &jws, &header, &error).into(),
                error,
                keys: Some((verifier.keys.clone(), snapshot.epoch)),
            })?;
        if self.keep_access_token {
            verified.principal = verified.principal.with_access_token(Secret::new(token));
        }
        if let Some(cache) = &self.cache {
            let current_keys = verifier.keys.snapshot_cell();
            cache.insert(token, &verified, current_keys, trust_epoch, now);
        }
        Ok(accept_as_bearer(&verified))
    }
}
