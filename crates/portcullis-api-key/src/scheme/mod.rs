//! The scheme that reads a key from a header.

mod builder;
mod foreign;
mod limits;
mod missing_peppers;
mod networks;
mod verify;

use std::{fmt, net::SocketAddr, sync::Arc};

use http::HeaderName;
use portcullis_core::{
    clock::{SharedClock, UnixTime},
    scheme::{Challenge, CredentialSource, Failure, Head, Outcome, Scheme},
};

use crate::{
    digest::{KeyDigest, UnknownPepper},
    format::{ApiKeyId, InvalidApiKey, KeyPrefix, PresentedKey},
    pepper::Peppers,
    store::{KeyStore, Lookup, StoreError},
    stored::StoredKey,
};

pub use builder::ApiKeysBuilder;
use foreign::{Search, Searched};
use missing_peppers::MissingPeppers;
use networks::check_network;

/// Authenticates callers by an API key in a header, `X-API-Key` by default. Query strings are not read.
///
/// | the request has | answer |
/// |---|---|
/// | no key | 401, a challenge that names the header, without an error |
/// | the header twice, empty, or with characters other than visible ASCII | 400 `invalid_request` |
/// | other text, or a key that is mistyped, unknown, expired or revoked | 401 `invalid_token` |
/// | a key that may not be used from the peer's address | 403 |
/// | a key over its limit, or the limit of its owner | 429, `Retry-After`, `RateLimit` |
/// | a key that cannot be checked: the store is unreachable, or a pepper is missing | 503 |
/// | a key with networks, but the peer's address is unknown; a key with a limit, but no limiter | 500 |
///
/// Networks and limits come last: they apply only to a valid key with the right secret.
///
/// The principal is a machine. Its subject is the key's owner, and its credential id is the key's id.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

#[derive(Debug)]
struct Settings {
    store: Arc<dyn KeyStore>,
    header: HeaderName,
    prefixes: Vec<KeyPrefix>,
    peppers: Option<Peppers>,
    accepts_foreign: bool,
    limits: limits::Limits,
    clock: SharedClock,
    realm: Box<str>,
}

struct Inner {
    settings: Settings,
    dummy_digest: KeyDigest,
    missing_peppers: MissingPeppers,
    challenge: Arc<Challenge>,
}

impl ApiKeys {
    /// The pepper versions that keys in requests needed since the start and that are not configured, in ascending order. Such
    /// keys get 503.
    #[must_use]
    pub fn missing_peppers(&self) -> Vec<u32> {
        self.0.missing_peppers.versions()
    }
}

impl Scheme for ApiKeys {
    fn source(&self) -> CredentialSource {
        CredentialSource::Header(self.0.settings.header.clone())
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        let mut values = head.headers.get_all(&self.0.settings.header).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (_, Some(_)) => Err(Failure::malformed("the API key was sent more than once")),
            (Some(value), _) if value.is_empty() => Err(Failure::malformed("the API key is empty")),
            (Some(value), _) => Ok(Some(value.as_bytes())),
        }
    }

    fn authenticate(&self, head: &Head<'_>, text: &[u8]) -> Outcome {
        let presented = match PresentedKey::parse(text) {
            Ok(presented) => presented,
            Err(invalid) => return self.0.authenticate_foreign(head, text, invalid),
        };
        if let Err(failure) = self.0.check_prefix(&presented) {
            return Outcome::Done(Err(failure));
        }
        let id = presented.id;
        match self.0.settings.store.lookup_presented(&id, text) {
            Lookup::Ready(found) => match self.0.check(id, presented.digest_input, found) {
                Ok(key) => self.0.admit(&key, || head.peer_address()),
                Err(failure) => Outcome::Done(Err(failure)),
            },
            Lookup::Pending(pending) => {
                let digest_input = portcullis_core::Secret::new(presented.digest_input);
                let peer = head.peer_address();
                let inner = self.0.clone();
                Outcome::Pending(Box::pin(async move {
                    let found = pending.await;
                    let key = inner.check(id, digest_input.expose(), found)?;
                    match inner.admit(&key, || peer) {
                        Outcome::Done(verdict) => verdict,
                        Outcome::Pending(limit) => limit.await,
                    }
                }))
            }
        }
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.0.challenge
    }

    /// Also recognises mistyped keys, keys of a wrong length, and keys of other services.
    fn recognise(&self, text: &[u8]) -> Option<&'static str> {
        match PresentedKey::parse(text) {
            Err(InvalidApiKey::Form) => None,
            _ => Some("an API key"),
        }
    }
}

/// The same message for an unknown id, a wrong secret, a prefix that is not accepted, and text that is not an API key.
const NOT_VALID: &str = "the API key is not valid";

impl Inner {
    #[cold]
    fn authenticate_foreign(
        self: &Arc<Self>,
        head: &Head<'_>,
        text: &[u8],
        invalid: InvalidApiKey,
    ) -> Outcome {
        match self.search_foreign(text, invalid) {
            Err(failure) => Outcome::Done(Err(failure)),
            Ok((Search::Done(searched), failure)) => match self.check_foreign(searched, failure) {
                Ok(key) => self.admit(&key, || head.peer_address()),
                Err(failure) => Outcome::Done(Err(failure)),
            },
            Ok((Search::Pending(pending), failure)) => {
                let peer = head.peer_address();
                let inner = self.clone();
                Outcome::Pending(Box::pin(async move {
                    let key = inner.check_foreign(pending.await, failure)?;
                    match inner.admit(&key, || peer) {
                        Outcome::Done(verdict) => verdict,
                        Outcome::Pending(limit) => limit.await,
                    }
                }))
            }
        }
    }

    /// Looks the text up as a foreign key if the builder allowed them. Also returns the failure if none is found.
    fn search_foreign(
        &self,
        text: &[u8],
        invalid: InvalidApiKey,
    ) -> Result<(Search, Failure), Failure> {
        let failure = self.refuse(text, invalid);
        if !self.settings.accepts_foreign || !foreign::may_be_key(text) {
            return Err(failure);
        }
        let Settings { store, peppers, .. } = &self.settings;
        let digests = KeyDigest::all_of(text, peppers.as_ref());
        Ok((
            foreign::search(store, text, digests, self.dummy_digest),
            failure,
        ))
    }

    /// The foreign key that was found, or else `failure`.
    fn check_foreign(
        &self,
        searched: Searched,
        failure: Failure,
    ) -> Result<Arc<StoredKey>, Failure> {
        if let Some(key) = searched.found {
            return Ok(key);
        }
        Err(
            match searched.problem.or_else(|| self.settings.store.doubt()) {
                Some(problem) => cannot_check("that may be foreign", &problem),
                None => failure,
            },
        )
    }

    /// The failure for a text that is not a well-formed key.
    fn refuse(&self, text: &[u8], invalid: InvalidApiKey) -> Failure {
        // Only a refused key needs this check: a well-formed key has visible ASCII only.
        if !text.iter().all(u8::is_ascii_graphic) {
            let start = text.get(..7).unwrap_or_default();
            return Failure::malformed(if start.eq_ignore_ascii_case(b"bearer ") {
                "the API key follows `Bearer`: send the key alone"
            } else {
                "the API key holds characters that no key has"
            });
        }
        let (external, problem) = match invalid {
            InvalidApiKey::Checksum => (
                "the API key was mistyped",
                "a mistyped API key (its checksum does not match)",
            ),
            InvalidApiKey::Length => (
                "the API key has the wrong length: it was cut off or pasted twice",
                "an API key that was cut off or pasted twice",
            ),
            _ if self.settings.accepts_foreign => (NOT_VALID, "text that is not a known API key"),
            _ => (NOT_VALID, "text that is not an API key"),
        };
        let header = &self.settings.header;
        Failure::invalid(external).with_internal(format!(
            "the header `{header}` has {problem}: the caller must send the whole key as it was issued"
        ))
    }

    fn check_prefix(&self, presented: &PresentedKey<'_>) -> Result<(), Failure> {
        let prefixes = &self.settings.prefixes;
        let matches = |prefix: &KeyPrefix| prefix.as_str().as_bytes() == presented.prefix;
        if prefixes.is_empty() || prefixes.iter().any(matches) {
            return Ok(());
        }
        let accepted: Vec<&str> = prefixes.iter().map(KeyPrefix::as_str).collect();
        Err(Failure::invalid(NOT_VALID).with_internal(format!(
            "API key {}_{}: only the prefixes {} are accepted (`prefixes`): the caller probably sent a key of another environment",
            String::from_utf8_lossy(presented.prefix),
            presented.id,
            accepted.join(", ")
        )))
    }

    /// Returns the key if the secret is right, whether or not it can still be used.
    ///
    /// To hide which ids exist, a wrong secret gets the same answer as an unknown id, after the same work. A known id whose
    /// pepper is missing gets 503.
    fn check(
        &self,
        id: ApiKeyId,
        digest_input: &[u8],
        found: Result<Option<Arc<StoredKey>>, StoreError>,
    ) -> Result<Arc<StoredKey>, Failure> {
        let Settings {
            store,
            peppers,
            clock,
            ..
        } = &self.settings;
        let peppers = peppers.as_ref();
        let (known, problem) = match found {
            Ok(known) => (known, None),
            Err(problem) => (None, Some(problem)),
        };
        let digest = known
            .as_ref()
            .map_or(&self.dummy_digest, |key| &key.record().digest);
        let matches = digest.matches(digest_input, peppers);
        let behind = peppers.filter(|peppers| digest.is_behind(peppers));
        let is_known = known.is_some();
        match (known, matches) {
            (Some(key), Ok(true)) => {
                if let Some(peppers) = behind {
                    rehash(&key, digest_input, peppers, clock.now());
                }
                return Ok(key);
            }
            (Some(_), Err(UnknownPepper(version))) => {
                self.missing_peppers.note(version, clock.now());
                let why = format!("its pepper, version {version}, is missing: add it to `peppers`");
                return Err(cannot_check(id.as_str(), &why));
            }
            _ => {}
        }
        Err(match problem.or_else(|| store.doubt()) {
            Some(problem) => cannot_check(id.as_str(), &problem),
            None => {
                let why = match is_known {
                    true => "has a wrong secret: it is forged, or one of `peppers` is wrong",
                    false => "is unknown (removed, or of another environment): send a current key",
                };
                Failure::invalid(NOT_VALID)
                    .with_internal(["API key ", id.as_str(), " ", why].concat())
            }
        })
    }

    /// Decides whether the holder of a key may use it now.
    fn admit(&self, key: &Arc<StoredKey>, peer: impl FnOnce() -> Option<SocketAddr>) -> Outcome {
        let now = self.settings.clock.now();
        let record = key.record();
        let verdict = key.admit(&self.challenge, now).and_then(|principal| {
            check_network(record, peer)?;
            Ok(principal)
        });
        match verdict {
            Ok(principal) => self.settings.limits.admit(record, principal, now),
            Err(failure) => Outcome::Done(Err(failure)),
        }
    }
}

/// Offers the store the digest under the current pepper, if the key can still be used. Never for foreign keys, whose id follows
/// from the digest.
#[cold]
fn rehash(key: &StoredKey, digest_input: &[u8], peppers: &Peppers, now: UnixTime) {
    let record = key.record();
    if !record.is_foreign && !record.has_ended(now) {
        key.note_rehash(|| KeyDigest::of_input(digest_input, peppers));
    }
}

/// 503: the key may be valid.
fn cannot_check(which: &str, why: &dyn fmt::Display) -> Failure {
    Failure::unavailable("the API key cannot be checked now")
        .with_internal(format!("API key {which}: {why}"))
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKeys").field(&self.0.settings).finish()
    }
}

#[cfg(test)]
mod tests;
