//! An issuer whose keys change, a clock with nanoseconds, and a counter of verified signatures.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::{
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use http::Request;
use portcullis_core::{
    FailureKind, Principal,
    clock::{Clock, SharedClock, UnixTime},
    facts::FactFinders,
    scheme::{Failure, Head, Outcome, Scheme},
};
use portcullis_jose::{
    KeyMaterial, KeyRejected, KeySet,
    backend::{AwsLc, InvalidSignature, PreparedKey, SignatureBackend},
};
use portcullis_jwt::{
    Algorithm, Bearer, BearerBuilder, CacheLimits, IssuerKeys, JwtVerifier, JwtVerifierBuilder,
    KeyPublisher, RefreshAnswer, Refresher, TrustedIssuers,
};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, NOW, Signer, claims_with, signer};

/// Numbers of requests after which a token is in the shared level, may be copied, is in the thread's own level, and
/// more.
pub(crate) const WARMTHS: [usize; 4] = [1, 2, 3, 8];

/// Enough requests for a token to be in every level.
pub(crate) const WARM: usize = 8;

pub(crate) const LOADED: UnixTime = UnixTime::from_secs(NOW - 60);
pub(crate) const STALE: UnixTime = UnixTime::from_secs(NOW + 100_000);

/// A backend that counts verifications and can run a closure during one.
#[derive(Clone, Default)]
pub(crate) struct Counting {
    checked: Arc<AtomicUsize>,
    meanwhile: Arc<Mutex<Option<Happening>>>,
}

type Happening = Box<dyn FnOnce() + Send>;

impl Counting {
    pub(crate) fn checked(&self) -> usize {
        self.checked.load(Ordering::SeqCst)
    }

    /// Runs a closure once, during the next verification.
    pub(crate) fn during_next(&self, happens: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().expect("no panic") = Some(Box::new(happens));
    }

    pub(crate) fn key_set(&self, signers: &[&Signer]) -> KeySet {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        let json = json!({ "keys": keys }).to_string();
        KeySet::parse_with(json.as_bytes(), self).expect("a key set")
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
}

impl SignatureBackend for Counting {
    fn prepare(
        &self,
        key: &KeyMaterial,
        algorithm: Algorithm,
    ) -> Result<Box<dyn PreparedKey>, KeyRejected> {
        let key = AwsLc.prepare(key, algorithm)?;
        Ok(Box::new(Counted(key, self.clone())))
    }
}

struct Counted(Box<dyn PreparedKey>, Counting);

impl PreparedKey for Counted {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.1.checked.fetch_add(1, Ordering::SeqCst);
        let meanwhile = self.1.meanwhile.lock().expect("no panic").take();
        if let Some(happens) = meanwhile {
            happens();
        }
        self.0.verify(message, signature)
    }
}

/// A manual clock with nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct FineClock(Arc<AtomicU64>);

impl FineClock {
    fn new() -> Self {
        let clock = Self(Arc::default());
        clock.set(UnixTime::from_secs(NOW));
        clock
    }

    pub(crate) fn set(&self, now: UnixTime) {
        let nanoseconds = now.as_duration().as_nanos();
        let nanoseconds = u64::try_from(nanoseconds).expect("a time before the year 2554");
        self.0.store(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for FineClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_duration(Duration::from_nanos(self.0.load(Ordering::SeqCst)))
    }
}

pub(crate) fn at(second: u64) -> UnixTime {
    UnixTime::from_secs(second)
}

/// The last moment before that second.
pub(crate) fn just_before(second: u64) -> UnixTime {
    at(second).saturating_sub(Duration::from_nanos(1))
}

/// Has no newer keys. While it exists, a task would fetch keys.
struct Owner(#[expect(dead_code, reason = "it is held")] Arc<()>);

impl Refresher for Owner {
    fn request_newer_keys(&self, _: u64) -> RefreshAnswer {
        RefreshAnswer::Exhausted
    }

    fn report_bad_signature(&self) {}
}

/// An issuer, [`ISSUER`] by default.
pub(crate) struct Scene {
    pub(crate) counting: Counting,
    pub(crate) clock: FineClock,
    pub(crate) keys: IssuerKeys,
    publisher: Publisher,
    owner: Weak<()>,
}

/// The publisher, which several places share.
#[derive(Clone)]
pub(crate) struct Publisher(Arc<Mutex<KeyPublisher>>, Counting);

impl Publisher {
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        let keys = self.1.key_set(signers);
        self.with(|publisher| publisher.publish(keys, LOADED, STALE));
    }

    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut KeyPublisher) -> R) -> R {
        change(&mut self.0.lock().expect("no panic"))
    }
}

impl Scene {
    /// The issuer has published the keys of `signers`.
    pub(crate) fn new(signers: &[&Signer]) -> Self {
        Self::of(ISSUER, signers)
    }

    pub(crate) fn of(issuer: &str, signers: &[&Signer]) -> Self {
        let (counting, alive) = (Counting::default(), Arc::new(()));
        let owner = Arc::downgrade(&alive);
        let (keys, publisher) =
            IssuerKeys::refreshed(issuer, Box::new(Owner(alive))).expect("an issuer");
        let publisher = Publisher(Arc::new(Mutex::new(publisher)), counting.clone());
        publisher.publish(signers);
        Self {
            counting,
            clock: FineClock::new(),
            keys,
            publisher,
            owner,
        }
    }

    /// An issuer whose only key is that of [`signer`].
    pub(crate) fn usual() -> Self {
        Self::new(&[&signer()])
    }

    pub(crate) fn publish(&self, signers: &[&Signer]) {
        self.publisher.publish(signers);
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Drops the scheme and the keys. Returns whether a task would still fetch keys.
    pub(crate) fn owner_lives_without(self, bearer: Bearer) -> bool {
        let Self { keys, owner, .. } = self;
        drop((keys, bearer));
        owner.strong_count() > 0
    }

    pub(crate) fn checked(&self) -> usize {
        self.counting.checked()
    }

    pub(crate) fn builder(&self) -> BearerBuilder {
        Bearer::jwt(&self.keys)
            .audience(AUDIENCE)
            .algorithms([Algorithm::EdDSA])
            .clock(self.shared_clock())
    }

    pub(crate) fn shared_clock(&self) -> SharedClock {
        Arc::new(self.clock.clone())
    }

    pub(crate) fn bearer(&self) -> Bearer {
        self.builder().build().expect("a scheme")
    }

    pub(crate) fn bearer_of(&self, limits: CacheLimits) -> Bearer {
        let builder = self.builder().token_cache(limits);
        builder.build().expect("a scheme")
    }

    pub(crate) fn verifier(&self) -> JwtVerifierBuilder {
        JwtVerifier::of(&self.keys)
            .audience(AUDIENCE)
            .algorithms([Algorithm::EdDSA])
    }

    pub(crate) fn trusting(&self, trusted: &TrustedIssuers) -> Bearer {
        Bearer::trusting(trusted)
            .clock(self.shared_clock())
            .build()
            .expect("a scheme")
    }
}

/// The immediate verdict.
pub(crate) fn judge(bearer: &Bearer, token: &str) -> Result<Principal, Failure> {
    let request = Request::new(());
    match bearer.authenticate(
        &Head::new(&request, &FactFinders::default()),
        token.as_bytes(),
    ) {
        Outcome::Done(verdict) => verdict,
        Outcome::Pending(_) => panic!("waits"),
    }
}

/// Checks that the token is accepted this number of times.
pub(crate) fn accepted(bearer: &Bearer, token: &str, times: usize) {
    for time in 0..times {
        if let Err(failure) = judge(bearer, token) {
            panic!("{:?} at time {time}", failure.internal());
        }
    }
}

/// Checks that the token is refused repeatedly as invalid.
pub(crate) fn refused(bearer: &Bearer, token: &str) {
    refused_as(bearer, token, FailureKind::Invalid);
}

/// Has another thread warm its level with the token and go idle. Runs `withdraw`, and checks that the thread then
/// refuses the token.
pub(crate) fn refused_by_idle_thread(
    bearer: &Bearer,
    token: &str,
    warmth: usize,
    withdraw: impl FnOnce(),
) {
    let (warm, warmed) = mpsc::channel();
    let (wake, woken) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            accepted(bearer, token, warmth);
            warm.send(()).expect("a receiver");
            woken.recv().expect("a sender");
            refused(bearer, token);
        });
        warmed.recv().expect("a warm thread");
        withdraw();
        wake.send(()).expect("a waiting thread");
    });
}

pub(crate) fn refused_as(bearer: &Bearer, token: &str, kind: FailureKind) {
    for time in 0..WARM {
        match judge(bearer, token) {
            Ok(_) => panic!("accepted at time {time}: {token}"),
            Err(failure) => assert_eq!(failure.kind(), kind, "{}", failure.internal()),
        }
    }
}

pub(crate) fn entries(bearer: &Bearer) -> usize {
    bearer.cache_status().expect("a cache").entries
}

/// The other key of the issuer.
pub(crate) fn next_signer() -> Signer {
    Signer::new(2, "key-2")
}

/// A valid token with this `jti`, longer by `padding`.
pub(crate) fn numbered(number: usize, padding: usize) -> String {
    let changes = json!({"jti": number.to_string(), "padding": "x".repeat(padding)});
    signer().access_token(&claims_with(changes))
}
