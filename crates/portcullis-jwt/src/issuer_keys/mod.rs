//! The keys of one issuer, as a verifier borrows them and whoever keeps them fresh publishes them.

mod publisher;
mod view;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use arc_swap::Guard;
use portcullis_core::ConfigError;
use portcullis_jose::KeySet;

pub(crate) use self::view::KeyView;
pub use self::{publisher::KeyPublisher, view::KeySnapshot};

/// The keys of one issuer. Cloning shares them.
///
/// A verifier borrows the current [`KeySnapshot`]; it never waits for a lock. Keys are either fixed, or kept fresh by
/// an owner that publishes through a [`KeyPublisher`] and answers requests for a refresh.
#[derive(Clone)]
pub struct IssuerKeys(Arc<Shared>);

struct Shared {
    issuer: Arc<str>,
    /// Shared with the publisher and with what was concluded from the keys: neither must keep `refresh` alive.
    view: KeyView,
    refresh: Option<Box<dyn Refresh>>,
}

impl IssuerKeys {
    /// Keys that never change and never grow stale: from a file or from configuration.
    ///
    /// # Errors
    ///
    /// When `issuer` is empty.
    pub fn fixed(issuer: &str, keys: KeySet) -> Result<Self, ConfigError> {
        Self::new(issuer, KeySnapshot::fixed(keys), None).map(|(keys, _)| keys)
    }

    /// Keys that `refresh` keeps fresh. None are there until the publisher gives the first.
    ///
    /// `refresh` lives as long as any clone of the keys does; dropping it is the sign to stop refreshing. The
    /// publisher does not keep it alive.
    ///
    /// # Errors
    ///
    /// When `issuer` is empty.
    pub fn refreshed(
        issuer: &str,
        refresh: Box<dyn Refresh>,
    ) -> Result<(Self, KeyPublisher), ConfigError> {
        Self::new(issuer, KeySnapshot::default(), Some(refresh))
    }

    fn new(
        issuer: &str,
        snapshot: KeySnapshot,
        refresh: Option<Box<dyn Refresh>>,
    ) -> Result<(Self, KeyPublisher), ConfigError> {
        if issuer.is_empty() {
            return Err(ConfigError::new(
                "issuer",
                "it is empty: give the value that tokens carry as `iss`",
            ));
        }
        let view = KeyView::new(snapshot);
        let publisher = KeyPublisher::new(view.clone());
        Ok((
            Self(Arc::new(Shared {
                issuer: issuer.into(),
                view,
                refresh,
            })),
            publisher,
        ))
    }

    /// The issuer, exactly as tokens must carry it in `iss` (RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        &self.0.issuer
    }

    /// The keys as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Guard<Arc<KeySnapshot>> {
        self.0.view.snapshot()
    }

    /// The keys, now and later, without whoever keeps them fresh.
    pub(crate) fn view(&self) -> &KeyView {
        &self.0.view
    }

    /// Whether the keys never change.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.0.refresh.is_none()
    }

    /// Tells the owner that a token names a key that is not there.
    pub(crate) fn unknown_key(&self) -> RefreshAnswer {
        self.0
            .refresh
            .as_ref()
            .map_or(RefreshAnswer::Exhausted, |refresh| refresh.unknown_key())
    }

    /// Tells the owner that a signature under a known key is bad.
    pub(crate) fn bad_signature(&self) {
        if let Some(refresh) = &self.0.refresh {
            refresh.bad_signature();
        }
    }

    /// Tells the owner that there are no keys to judge a token by.
    pub(crate) fn no_keys(&self) {
        if let Some(refresh) = &self.0.refresh {
            refresh.no_keys();
        }
    }

    /// How long until the owner tries again to fetch the keys, if that is known.
    pub(crate) fn next_attempt(&self) -> Option<Duration> {
        self.0.refresh.as_ref()?.next_attempt()
    }
}

impl AsRef<Self> for IssuerKeys {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKeys")
            .field("issuer", &self.0.issuer)
            .field("snapshot", &*self.snapshot())
            .field("fixed", &self.is_fixed())
            .finish()
    }
}

/// Keeps the keys of an issuer fresh, at the request of verifiers. All calls are cheap and never block.
pub trait Refresh: Send + Sync + 'static {
    /// A token names a key that is not in the set, or names none and none of the set signed it: a newer set may have
    /// the key.
    fn unknown_key(&self) -> RefreshAnswer;

    /// A signature under a known key is bad: the issuer may have put new material under the old name. As anyone can send
    /// such a token, it must not spend what an unknown key needs.
    fn bad_signature(&self);

    /// There are no keys to judge a token by: the first were not loaded yet, or those at hand are too old.
    fn no_keys(&self) {}

    /// How long until the next attempt to fetch the keys, if that is known: callers who cannot be answered are told to
    /// come back then.
    fn next_attempt(&self) -> Option<Duration> {
        None
    }
}

/// Whether a refresh is under way.
pub enum RefreshAnswer {
    /// One is: the future ends with it, or when the caller has waited long enough. Dropping the future is harmless.
    Wait(Pin<Box<dyn Future<Output = RefreshOutcome> + Send>>),
    /// None will be made for this request: the budget is spent, or the keys are fixed.
    Exhausted,
    /// One is, but too many requests wait for it already.
    Saturated,
}

/// How a refresh ended for a request that waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a third outcome would leave open whether the keys can be used"
)]
pub enum RefreshOutcome {
    /// The keys were fetched: the snapshot is up to date.
    Succeeded,
    /// The fetch failed or did not end in time: the snapshot is that of an earlier fetch.
    Failed,
}

impl fmt::Debug for RefreshAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait(_) => "Wait",
            Self::Exhausted => "Exhausted",
            Self::Saturated => "Saturated",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use portcullis_core::UnixTime;

    use super::*;

    /// Counts how many of it are alive.
    struct Owner(Arc<AtomicUsize>);

    impl Owner {
        fn new(alive: &Arc<AtomicUsize>) -> Box<Self> {
            alive.fetch_add(1, Ordering::Relaxed);
            Box::new(Self(alive.clone()))
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl Refresh for Owner {
        fn unknown_key(&self) -> RefreshAnswer {
            RefreshAnswer::Saturated
        }

        fn bad_signature(&self) {}
    }

    fn refreshed() -> (IssuerKeys, KeyPublisher, Arc<AtomicUsize>) {
        let alive = Arc::default();
        let (keys, publisher) =
            IssuerKeys::refreshed("https://issuer.example", Owner::new(&alive)).expect("an issuer");
        (keys, publisher, alive)
    }

    /// A new public key with these members (`,"kid":"a"`).
    fn jwk(members: &str) -> String {
        let pair = Ed25519KeyPair::generate().expect("an Ed25519 key");
        jwk_of(&pair, members)
    }

    fn jwk_of(pair: &Ed25519KeyPair, members: &str) -> String {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{members}}}"#)
    }

    /// The RSA key of RFC 7638 §3.1.
    fn rsa_jwk(members: &str) -> String {
        format!(r#"{{"kty":"RSA","n":"{RSA_MODULUS}","e":"AQAB"{members}}}"#)
    }

    const RSA_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn set(keys: &[&str]) -> KeySet {
        let keys = keys.join(",");
        KeySet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).expect("a usable set")
    }

    const LOADED: UnixTime = UnixTime::from_secs(1000);
    const STALE: UnixTime = UnixTime::from_secs(2000);

    #[test]
    fn the_epoch_moves_with_the_keys_and_with_nothing_else() {
        let (keys, mut publisher, _) = refreshed();
        assert_eq!(
            (keys.snapshot().epoch(), keys.snapshot().keys().is_some()),
            (0, false)
        );
        let b = Ed25519KeyPair::generate().expect("an Ed25519 key");
        let (named_a, named_b) = (rsa_jwk(r#","kid":"a""#), jwk_of(&b, r#","kid":"b""#));
        let other_b = jwk(r#","kid":"b""#);
        let renamed_b = jwk_of(&b, r#","kid":"c""#);
        let narrowed_a = rsa_jwk(r#","kid":"a","alg":"RS256""#);
        for (what, published, moves) in [
            ("the first", vec![&named_a, &named_b], true),
            ("again", vec![&named_a, &named_b], false),
            ("in another order", vec![&named_b, &named_a], false),
            ("one withdrawn", vec![&named_b], true),
            ("one added", vec![&named_b, &named_a], true),
            (
                "new material under an old name",
                vec![&other_b, &named_a],
                true,
            ),
            ("the old material", vec![&named_b, &named_a], true),
            ("a new name", vec![&renamed_b, &named_a], true),
            ("fewer algorithms", vec![&renamed_b, &narrowed_a], true),
        ] {
            let before = keys.snapshot().epoch();
            let published: Vec<&str> = published.into_iter().map(String::as_str).collect();
            assert_eq!(
                publisher.publish(set(&published), LOADED, STALE),
                moves,
                "{what}"
            );
            assert_eq!(keys.snapshot().epoch(), before + u64::from(moves), "{what}");
        }
        let before = keys.snapshot().epoch();
        publisher.confirm(LOADED, STALE);
        publisher.record_failure();
        publisher.rebase(LOADED, STALE);
        publisher.expire(LOADED, STALE);
        assert_eq!(keys.snapshot().epoch(), before);
    }

    #[test]
    fn a_failure_is_on_record_until_a_success_and_takes_no_keys_away() {
        let (keys, mut publisher, _) = refreshed();
        publisher.record_failure();
        assert!(keys.snapshot().last_fetch_failed() && keys.snapshot().keys().is_none());
        let key = jwk("");
        publisher.publish(set(&[&key]), LOADED, STALE);
        assert!(!keys.snapshot().last_fetch_failed());
        publisher.record_failure();
        let later = UnixTime::from_secs(3000);
        publisher.rebase(LOADED, later);
        let snapshot = keys.snapshot();
        assert!(snapshot.last_fetch_failed() && snapshot.keys().is_some());
        assert_eq!(
            (snapshot.loaded_at(), snapshot.stale_at()),
            (Some(LOADED), Some(later))
        );
        publisher.confirm(STALE, later);
        assert!(!keys.snapshot().last_fetch_failed());
    }

    #[test]
    fn keys_are_stale_from_their_limit_on() {
        let (keys, mut publisher, _) = refreshed();
        assert!(!keys.snapshot().is_stale(STALE), "none are not stale");
        publisher.publish(set(&[&jwk("")]), LOADED, STALE);
        assert!(!keys.snapshot().is_stale(UnixTime::from_secs(1999)));
        assert!(keys.snapshot().is_stale(STALE));
        publisher.expire(LOADED, STALE);
        publisher.record_failure();
        assert!(keys.snapshot().is_stale(LOADED), "by any clock");
        publisher.rebase(LOADED, STALE);
        assert!(!keys.snapshot().is_stale(LOADED));
        let fixed = IssuerKeys::fixed("a", set(&[&jwk("")])).expect("an issuer");
        assert!(!fixed.snapshot().is_stale(UnixTime::from_secs(u64::MAX)));
        assert!(fixed.is_fixed() && matches!(fixed.unknown_key(), RefreshAnswer::Exhausted));
    }

    #[test]
    fn the_owner_lives_as_long_as_the_keys_and_not_the_publisher() {
        let (keys, publisher, alive) = refreshed();
        let clone = keys.clone();
        drop(keys);
        assert_eq!(alive.load(Ordering::Relaxed), 1);
        drop(clone);
        assert_eq!(
            alive.load(Ordering::Relaxed),
            0,
            "and the publisher does not keep it alive"
        );
        drop(publisher);
    }

    #[test]
    fn an_issuer_has_a_name() {
        let keys = set(&[&jwk("")]);
        assert_eq!(
            IssuerKeys::fixed("", keys).expect_err("no name").setting(),
            "issuer"
        );
    }
}
