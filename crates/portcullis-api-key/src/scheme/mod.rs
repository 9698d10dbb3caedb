//! The scheme that reads a key from a header.

mod builder;

use std::{fmt, sync::Arc};

use http::HeaderName;
use portcullis_core::{
    Principal,
    clock::SharedClock,
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

/// Authenticates callers by an API key in a header, `X-API-Key` by default. Query strings are not read.
///
/// | the request has | answer |
/// |---|---|
/// | no key | 401, a challenge that names the header, without an error |
/// | the header twice, empty, or with characters other than visible ASCII | 400 `invalid_request` |
/// | other text, or a key that is mistyped, unknown, expired or revoked | 401 `invalid_token` |
/// | a key that cannot be checked: the store is unreachable, or a pepper is missing | 503 |
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
    clock: SharedClock,
    realm: Box<str>,
}

struct Inner {
    settings: Settings,
    dummy_digest: KeyDigest,
    challenge: Arc<Challenge>,
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

    fn authenticate(&self, _: &Head<'_>, text: &[u8]) -> Outcome {
        let presented = match self.0.parse(text) {
            Ok(presented) => presented,
            Err(failure) => return Outcome::Done(Err(failure)),
        };
        let id = presented.id;
        match self.0.settings.store.lookup(&id) {
            Lookup::Ready(found) => Outcome::Done(self.0.check(id, presented.digest_input, found)),
            Lookup::Pending(pending) => {
                let digest_input = portcullis_core::Secret::new(presented.digest_input);
                let inner = self.0.clone();
                Outcome::Pending(Box::pin(async move {
                    let found = pending.await;
                    inner.check(id, digest_input.expose(), found)
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
    fn parse<'h>(&self, text: &'h [u8]) -> Result<PresentedKey<'h>, Failure> {
        let presented = PresentedKey::parse(text).map_err(|invalid| {
            // Only a refused key needs this check: a well-formed key has visible ASCII only.
            if !text.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
                let start = text.get(..7).unwrap_or_default();
                return Failure::malformed(if start.eq_ignore_ascii_case(b"bearer ") {
                    "the API key follows `Bearer`: send the key alone"
                } else {
                    "the API key holds characters that no key has"
                });
            }
            let (external, problem) = match invalid {
                InvalidApiKey::Checksum => ("the API key was mistyped", "a mistyped API key (its checksum does not match)"),
                InvalidApiKey::Length => ("the API key has the wrong length: it was cut off or pasted twice", "an API key that was cut off or pasted twice"),
                _ => (NOT_VALID, "text that is not an API key"),
            };
            let header = &self.settings.header;
            Failure::invalid(external).with_internal(format!("the header `{header}` has {problem}: the caller must send the whole key as it was issued"))
        })?;
        let prefixes = &self.settings.prefixes;
        let matches = |prefix: &KeyPrefix| prefix.as_str().as_bytes() == presented.prefix;
        if prefixes.is_empty() || prefixes.iter().any(matches) {
            return Ok(presented);
        }
        let accepted: Vec<&str> = prefixes.iter().map(KeyPrefix::as_str).collect();
        Err(Failure::invalid(NOT_VALID).with_internal(format!(
            "API key {}_{}: only the prefixes {} are accepted (`prefixes`): the caller probably sent a key of another environment",
            String::from_utf8_lossy(presented.prefix),
            presented.id,
            accepted.join(", ")
        )))
    }

    /// To hide which ids exist, a wrong secret gets the same answer as an unknown id, after the same work. A known id whose
    /// pepper is missing gets 503.
    fn check(
        &self,
        id: ApiKeyId,
        digest_input: &[u8],
        found: Result<Option<Arc<StoredKey>>, StoreError>,
    ) -> Result<Principal, Failure> {
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
        match (&known, digest.matches(digest_input, peppers)) {
            (Some(key), Ok(true)) => return key.admit(&self.challenge, clock.now()),
            (Some(_), Err(UnknownPepper(version))) => {
                let why = format!("its pepper, version {version}, is missing: add it to `peppers`");
                return Err(cannot_check(id, &why));
            }
            _ => {}
        }
        Err(match problem.or_else(|| store.doubt()) {
            Some(problem) => cannot_check(id, &problem),
            None => {
                let why = match known {
                    Some(_) => "has a wrong secret: it is forged, or one of `peppers` is wrong",
                    None => "is unknown (removed, or of another environment): send a current key",
                };
                Failure::invalid(NOT_VALID)
                    .with_internal(["API key ", id.as_str(), " ", why].concat())
            }
        })
    }
}

/// 503: the key may be valid.
fn cannot_check(id: ApiKeyId, why: &dyn fmt::Display) -> Failure {
    Failure::unavailable("the API key cannot be checked now")
        .with_internal(format!("API key {id}: {why}"))
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKeys").field(&self.0.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use portcullis_core::{FailureKind, Secret, clock::UnixTime, facts::FactFinders};

    use super::*;
    use crate::{
        digest,
        issue::{IssuedKey, NewKey},
        record::KeyRecord,
        store::MemoryStore,
    };

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    /// Finds the keys of another store, and has a doubt.
    struct Doubtful(MemoryStore);

    impl KeyStore for Doubtful {
        fn lookup(&self, id: &ApiKeyId) -> Lookup {
            match self.0.lookup(id) {
                Lookup::Ready(Ok(None)) => Lookup::Ready(Err(StoreError::new("unreadable"))),
                found => found,
            }
        }

        fn doubt(&self) -> Option<StoreError> {
            Some(StoreError::new("unreadable"))
        }
    }

    fn peppers() -> Peppers {
        Peppers::new(1, &Secret::new(vec![1; 32])).expect("long enough")
    }

    fn issue(peppers: Option<&Peppers>) -> IssuedKey {
        NewKey::new("a").issue(NOW, peppers).expect("made")
    }

    /// The failure for a key, and the work it took.
    fn refusal(keys: &ApiKeys, key: &IssuedKey) -> (FailureKind, String, digest::Work) {
        let (failure, work) = failure(keys, key);
        (failure.kind(), failure.external().to_owned(), work)
    }

    fn failure(keys: &ApiKeys, key: &IssuedKey) -> (Failure, digest::Work) {
        let request = Request::builder()
            .header("x-api-key", key.key().expose())
            .body(())
            .expect("a request");
        let finders = FactFinders::default();
        let head = Head::new(&request, &finders);
        let Ok(Some(credential)) = keys.detect(&head) else {
            panic!("a key was sent")
        };
        digest::Work::take();
        let Outcome::Done(Err(failure)) = keys.authenticate(&head, credential) else {
            panic!("a refusal")
        };
        (failure, digest::Work::take())
    }

    /// A key whose record has the digest of another key.
    fn with_other_secret(store: &MemoryStore, peppers: Option<&Peppers>) -> IssuedKey {
        let (key, other) = (issue(None), issue(peppers));
        let record = KeyRecord::new(key.key().id(), other.record().digest, "a", NOW);
        store.insert([record.expect("a record")]).expect("stored");
        key
    }

    #[test]
    fn known_id_with_a_missing_pepper_is_503() {
        let store = MemoryStore::new();
        let known = with_other_secret(&store, Some(&peppers()));
        let keys = ApiKeys::new(store);
        assert_eq!(refusal(&keys, &known).0, FailureKind::Unavailable);
        assert_eq!(refusal(&keys, &issue(None)).0, FailureKind::Invalid);
    }

    #[test]
    fn log_names_every_key_that_cannot_be_checked() {
        let store = MemoryStore::new();
        let wrong = with_other_secret(&store, None);
        let no_pepper = with_other_secret(&store, Some(&peppers()));
        let keys = ApiKeys::new(Doubtful(store));
        for key in [wrong, no_pepper, issue(None)] {
            let (failure, _) = failure(&keys, &key);
            assert_eq!(failure.kind(), FailureKind::Unavailable);
            let named = format!("API key {}: ", key.key().id());
            assert!(failure.internal().starts_with(&named), "{failure:?}");
        }
    }

    #[test]
    fn known_and_unknown_ids_cost_the_same_work() {
        let peppers = peppers();
        // The last is a record from before peppers were introduced.
        for (scheme, record) in [
            (None, None),
            (Some(&peppers), Some(&peppers)),
            (Some(&peppers), None),
        ] {
            for is_doubtful in [false, true] {
                let store = MemoryStore::new();
                let known = with_other_secret(&store, record);
                let keys = match is_doubtful {
                    false => ApiKeys::builder(store),
                    true => ApiKeys::builder(Doubtful(store)),
                };
                let keys = match scheme {
                    Some(peppers) => keys.peppers(peppers.clone()),
                    None => keys,
                };
                let keys = keys.build().expect("good settings");
                let known = refusal(&keys, &known);
                let unknown = refusal(&keys, &issue(None));
                assert_eq!(known, unknown);
                let (kind, _, work) = known;
                let expected = match is_doubtful {
                    false => FailureKind::Invalid,
                    true => FailureKind::Unavailable,
                };
                assert_eq!(kind, expected);
                assert_eq!(work.comparisons, 1);
                assert_eq!(work.digests, if scheme.is_some() { 2 } else { 1 });
            }
        }
    }
}
