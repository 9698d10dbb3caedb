//! The verification of a token, without IO: bytes and a time in, a [`VerifiedToken`] or an error out.

mod builder;
mod times;

use std::{any::Any, iter, sync::Arc};

use portcullis_core::{
    Principal,
    clock::UnixTime,
    log::{escape, escape_to},
    scheme::{Challenge, PrincipalParts},
};
use portcullis_jose::{Algorithm, CompactJws, Header, KeySet, SignatureError, TokenLimits};

pub use self::builder::{JwtBuilder, JwtVerifierBuilder};
use self::times::TimeRules;
pub(crate) use self::times::Validity;
use crate::{
    IssuerKeys, KeySnapshot, Profile, VerifiedToken, VerifyError,
    claims::{Claims, NON_EMPTY_TEXT, invalid},
    verify_error::{escape_name, quoted},
};

/// The authentication scheme and the default realm in challenges (RFC 6750 §3).
pub(crate) const SCHEME: &str = "Bearer";
pub(crate) const DEFAULT_REALM: &str = "api";

/// Verifies the access tokens of one issuer.
///
/// It does no IO and reads no clock: it uses the current snapshot of [`IssuerKeys`]. [`Bearer`](crate::Bearer) makes it
/// a scheme for a layer.
///
/// ```
/// use portcullis_core::{ConfigError, clock::UnixTime};
/// use portcullis_jwt::{Algorithm, IssuerKeys, JwtVerifier};
///
/// fn is_accepted(issuer: &IssuerKeys, token: &str, now: UnixTime) -> Result<bool, ConfigError> {
///     let verifier = JwtVerifier::of(issuer)
///         .audience("https://orders.example.com")
///         .algorithms([Algorithm::ES256])
///         .build()?;
///     let verified = verifier.verify(token, now);
///     Ok(verified.and_then(|token| token.as_bearer().cloned()).is_ok())
/// }
/// ```
#[derive(Debug)]
pub struct JwtVerifier {
    pub(crate) keys: IssuerKeys,
    audiences: Vec<Box<str>>,
    client_ids: Option<Vec<Box<str>>>,
    algorithms: Vec<Algorithm>,
    pub(crate) profile: Profile,
    times: TimeRules,
    pub(crate) limits: TokenLimits,
    custom_claims: Option<DecodeClaims>,
    /// Used by [`verify`](Self::verify); a `Bearer` has a challenge of its own, with its realm.
    challenge: Arc<Challenge>,
}

type DecodeClaims = fn(&[u8]) -> Result<Arc<dyn Any + Send + Sync>, serde_json::Error>;

impl JwtVerifier {
    /// The issuer whose tokens are verified.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.keys.issuer()
    }

    /// Verifies `token` at the time `now`.
    ///
    /// # Errors
    ///
    /// If the token is rejected, or cannot be judged; see [`VerifyError::is_undecided`].
    pub fn verify(&self, token: &str, now: UnixTime) -> Result<VerifiedToken, VerifyError> {
        let jws = CompactJws::parse_within(token.as_bytes(), &self.limits)?;
        let header = jws.header()?;
        let snapshot = self.keys.snapshot();
        self.verify_parsed(&jws, &header, None, &snapshot, now, &self.challenge)
    }

    /// As [`verify`](Self::verify), for a parsed token. `payload` is `None` if the caller has not decoded it.
    pub(crate) fn verify_parsed(
        &self,
        jws: &CompactJws<'_>,
        header: &Header,
        payload: Option<Vec<u8>>,
        snapshot: &KeySnapshot,
        now: UnixTime,
        challenge: &Arc<Challenge>,
    ) -> Result<VerifiedToken, VerifyError> {
        self.check_header(header)?;
        self.check_signature(snapshot, jws, header, now)?;
        let payload = payload.map_or_else(|| jws.payload(), Ok)?;
        let claims = Claims::parse(&payload).map_err(VerifyError::Claims)?;
        let (expires_at, validity) = self.check_claims(&claims, now)?;
        let custom = self.custom_claims.map(|decode| decode(&payload));
        let custom = custom
            .transpose()
            .map_err(|error| VerifyError::CustomClaims(escape_to(&error.to_string(), 160)))?;
        Ok(VerifiedToken {
            principal: self.principal(&claims, expires_at, custom, challenge),
            validity,
            sender_constrained: claims.get("cnf").is_some(),
            epoch: snapshot.epoch,
        })
    }

    fn check_header(&self, header: &Header) -> Result<(), VerifyError> {
        if !self.algorithms.contains(&header.algorithm()) {
            return Err(VerifyError::AlgorithmNotAllowed(header.algorithm()));
        }
        if !self.profile.accepts_type(header) {
            return Err(VerifyError::Type {
                found: quoted(header.typ(), escape).into(),
                expected: self.profile.accepted_types().into(),
                profile: self.profile.name().into(),
            });
        }
        Ok(())
    }

    /// Checks that one of the issuer's keys, found by `kid` and algorithm, made the signature.
    fn check_signature(
        &self,
        snapshot: &KeySnapshot,
        jws: &CompactJws<'_>,
        header: &Header,
        now: UnixTime,
    ) -> Result<(), VerifyError> {
        use SignatureError as E;

        let keys = snapshot.keys().ok_or(VerifyError::KeysNotLoaded)?;
        if snapshot.is_stale(now) {
            return Err(VerifyError::KeysStale);
        }
        let Err(error) = keys.verify(jws, header) else {
            return Ok(());
        };
        let kid = || quoted(header.kid(), escape);
        Err(match error {
            E::Malformed(error) => error.into(),
            E::UnknownKid => VerifyError::UnknownKid(kid()),
            E::NoKeyForAlgorithm(algorithm) => VerifyError::NoKeyForAlgorithm(algorithm),
            // Fixed keys never change, so the signature is bad.
            E::NoKeyMatches if self.keys.is_fixed() => {
                let most = KeySet::MAX_CANDIDATES;
                VerifyError::Signature(format!(
                    "any of the configured keys that were tried (at most {most} for the algorithm): compare them with the issuer's"
                ))
            }
            E::NoKeyMatches => VerifyError::NoKeyMatches,
            E::KidForOtherAlgorithm(algorithm) => VerifyError::KidForOtherAlgorithm(algorithm),
            _ => VerifyError::Signature(format!(
                "the issuer's key {}: the token was altered, or was signed by another key with the same `kid`: check where the caller got it",
                kid()
            )),
        })
    }

    /// Checks the registered claims, then the conditions of the profile. Returns the expiry and the span of
    /// validity.
    fn check_claims(
        &self,
        claims: &Claims<'_>,
        now: UnixTime,
    ) -> Result<(UnixTime, Validity), VerifyError> {
        let issuer = claims.text("iss")?.ok_or_else(|| missing("iss"))?;
        if issuer != self.issuer() {
            return Err(VerifyError::Issuer(Some(escape_name(issuer))));
        }
        let expires_at = claims.time("exp")?.ok_or_else(|| missing("exp"))?;
        let (not_before, issued_at) = (claims.time("nbf")?, claims.time("iat")?);
        let validity = self.times.check(expires_at, not_before, issued_at, now)?;
        self.check_audience_and_client(claims)?;
        if let Some(path) = self.profile.missing_claim(claims) {
            return Err(missing(path));
        }
        claims.text("sub")?; // may be absent, but not of a wrong type or empty
        let mut ids = self.profile.id_claims();
        if let Some(path) = ids.find(|path| claims.text_at(path).is_err()) {
            return Err(invalid(path, NON_EMPTY_TEXT, claims.at(path)));
        }
        if let Some(mark) = self.profile.missing_mark(claims) {
            let profile = self.profile.name().to_owned();
            return Err(VerifyError::NotAnAccessToken { mark, profile });
        }
        Ok((expires_at, validity))
    }

    fn check_audience_and_client(&self, claims: &Claims<'_>) -> Result<(), VerifyError> {
        let mut has_audience = false;
        let listed = || self.profile.listed_audience_claims();
        for claim in iter::once("aud").chain(listed().filter(|claim| *claim != "aud")) {
            has_audience |= self.check_audience_claim(claims, claim)?;
        }
        if !has_audience && self.profile.needs_audience() {
            return Err(missing(listed().next().unwrap_or("aud")));
        }
        if let Some(client_ids) = &self.client_ids {
            let client = self.profile.client_id(claims);
            if !client.is_some_and(|client| client_ids.iter().any(|accepted| **accepted == *client))
            {
                return Err(VerifyError::ClientId(client.map(escape)));
            }
        }
        Ok(())
    }

    /// Checks that the claim, if it is present, names an accepted audience. Returns whether the claim is present.
    fn check_audience_claim(&self, claims: &Claims<'_>, name: &str) -> Result<bool, VerifyError> {
        let Some(claim) = claims.get(name) else {
            return Ok(false);
        };
        if !claim.is_only_texts() {
            return Err(invalid(name, "a text or a list of texts", Some(claim)));
        }
        let mut audiences = claim.texts();
        let is_accepted = |audience: &str| self.audiences.iter().any(|it| **it == *audience);
        if audiences.any(is_accepted) {
            return Ok(true);
        }
        let audiences: Vec<&str> = claim.texts().collect();
        Err(VerifyError::Audience {
            claim: name.to_owned(),
            found: quoted(Some(&audiences.join(" ")), escape_name),
        })
    }

    fn principal(
        &self,
        claims: &Claims<'_>,
        expires_at: UnixTime,
        custom: Option<Arc<dyn Any + Send + Sync>>,
        challenge: &Arc<Challenge>,
    ) -> Principal {
        let mut parts = PrincipalParts::new(challenge.clone(), "jwt", self.profile.kind(claims));
        parts.subject = claims.text("sub").ok().flatten().map(Into::into);
        parts.client_id = self.profile.client_id(claims).map(Into::into);
        parts.credential_id = self.profile.token_id(claims).map(Into::into);
        parts.issuer = Some(self.keys.issuer().clone());
        parts.scopes = self.profile.scopes(claims, &self.audiences);
        parts.expires_at = Some(expires_at);
        parts.claims = custom;
        parts.into()
    }
}

fn missing(claim: impl ToString) -> VerifyError {
    VerifyError::MissingClaim(claim.to_string())
}
