//! The services and requests whose instructions are counted. They are the same in every run.
//!
//! Keys and tokens are fixtures, since the work on them depends on their bytes; the time is [`NOW`]. After
//! `cargo run -p portcullis-bench-instructions --example mint`, which makes new fixtures, record the counts again.
//!
//! # What the counts depend on
//!
//! They depend on the releases of rustc, of the C library, of valgrind and of the dependencies in the lock file.
//! Moving the checkout or the build folder changes them by 0.1 %, since the compiler then orders functions differently.
//! Valgrind shows every program the same processor, a Haswell where the machine has AVX2. Without AVX2, AWS-LC and the C
//! library choose other routines: signature checks then rise by up to 7 %, API keys by 2 %, and the cost of a token
//! beside its signature by less than 1 %. Other targets have other counts.

mod fixtures;
mod one_key;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use portcullis_api_key::{ApiKey, ApiKeys, ApiKeysBuilder, KeyDigest, KeyRecord, MemoryStore, Peppers};
use portcullis_bench_common::{AUDIENCE, Bare, ISSUER, SCOPES, serve, with_key, with_token};
use portcullis_core::{
    AuthenticateLayer, RequireScopeLayer, Scope, ScopeSet, Secret,
    service::{Authenticate, Guard},
};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, BearerBuilder, IssuerKeys};
use tokio::runtime::Runtime;
use tower::{Layer, Service};

pub use fixtures::{API_KEY, Fixed, Fixture, NOW, RawCheck};

const READ: Scope = Scope::from_static("orders:read");

/// How often a request is served before it is counted, so that one-time set-up, caches and the allocator are warm.
const WARM_UP: usize = 16;

/// A service and its next request. Boxed, so that moving it is not counted.
pub struct Case<S> {
    service: S,
    request: Option<Request<Body>>,
    /// Of the tasks behind the service. Dropped after it.
    runtime: Option<Runtime>,
}

impl<S: Service<Request<Body>>> Case<S> {
    /// Serves the request several times, on the thread that is counted.
    ///
    /// # Panics
    ///
    /// If the answer is not `status`: another path would be counted.
    fn new<R>(mut service: S, request: impl Fn() -> Request<Body>, status: StatusCode) -> Box<Self>
    where
        S: Service<Request<Body>, Response = Response<R>>,
    {
        for _ in 0..WARM_UP {
            let answer = serve(&mut service, request());
            assert_eq!(answer.status(), status);
        }
        Box::new(Self {
            service,
            request: Some(request()),
            runtime: None,
        })
    }

    /// Counted: readiness, the call, the future until it is done, dropping the request and the response.
    #[inline]
    pub fn run(&mut self) {
        if let Some(request) = self.request.take() {
            drop(std::hint::black_box(serve(&mut self.service, request)));
        }
    }
}

/// The service without a layer.
pub fn bare() -> Box<Case<Bare>> {
    let token = Fixture::of(Algorithm::RS256).token;
    Case::new(Bare, || with_token(token), StatusCode::OK)
}

/// A token that is cached.
pub fn warm(algorithm: Algorithm) -> Box<Case<Authenticate<Bare>>> {
    let scheme = bearer(algorithm).build().expect("a scheme");
    let service = AuthenticateLayer::new(scheme).layer(Bare);
    let token = Fixture::of(algorithm).token;
    Case::new(service, || with_token(token), StatusCode::OK)
}

/// A cached token, and a scope guard.
pub fn warm_scoped(algorithm: Algorithm) -> Box<Case<Authenticate<Guard<Bare>>>> {
    let scheme = bearer(algorithm).build().expect("a scheme");
    let guarded = RequireScopeLayer::all([READ]).layer(Bare);
    let service = AuthenticateLayer::new(scheme).layer(guarded);
    let token = Fixture::of(algorithm).token;
    Case::new(service, || with_token(token), StatusCode::OK)
}

/// Verifies a token without a cache.
pub fn cold(algorithm: Algorithm) -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(algorithm).token;
    Case::new(uncached(algorithm), || with_token(token), StatusCode::OK)
}

/// A token refused before its signature is checked: its algorithm is not on the allow-list.
pub fn wrong_algorithm() -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(Algorithm::ES256).token;
    Case::new(
        uncached(Algorithm::RS256),
        || with_token(token),
        StatusCode::UNAUTHORIZED,
    )
}

/// A token without its signature.
pub fn malformed() -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(Algorithm::RS256).token;
    let (token, _) = token.rsplit_once('.').expect("three parts");
    Case::new(
        uncached(Algorithm::RS256),
        || with_token(token),
        StatusCode::UNAUTHORIZED,
    )
}

/// An API key in a store in memory.
pub fn api_key(peppered: bool) -> Box<Case<Authenticate<Bare>>> {
    let (record, peppers) = record(peppered);
    let store = MemoryStore::new();
    let stored = store.insert([record]);
    stored.expect("one key");
    key_case(ApiKeys::builder(store), peppers)
}

/// An API key that is cached in front of a store that answers over IO.
pub fn cached_api_key(peppered: bool) -> Box<Case<Authenticate<Bare>>> {
    let (record, peppers) = record(peppered);
    let (store, runtime) = one_key::cached(record);
    let mut case = key_case(ApiKeys::builder(store), peppers);
    case.runtime = Some(runtime);
    case
}

fn record(peppered: bool) -> (KeyRecord, Option<Peppers>) {
    let peppers =
        peppered.then(|| Peppers::new(1, &Secret::new(vec![7; 32])).expect("a pepper of 32 bytes"));
    let key = ApiKey::parse(API_KEY).expect("a key");
    let digest = KeyDigest::of(&key, peppers.as_ref());
    let mut record = KeyRecord::new(key.id(), digest, "billing", NOW).expect("a record");
    record.scopes = ScopeSet::parse(SCOPES);
    (record, peppers)
}

fn key_case(scheme: ApiKeysBuilder, peppers: Option<Peppers>) -> Box<Case<Authenticate<Bare>>> {
    let scheme = scheme.clock(Fixed::shared());
    let scheme = match peppers {
        Some(peppers) => scheme.peppers(peppers),
        None => scheme,
    };
    let scheme = scheme.build().expect("a scheme");
    let service = AuthenticateLayer::new(scheme).layer(Bare);
    Case::new(service, || with_key(API_KEY), StatusCode::OK)
}

fn uncached(algorithm: Algorithm) -> Authenticate<Bare> {
    let scheme = bearer(algorithm).without_token_cache().build();
    let scheme = scheme.expect("a scheme");
    AuthenticateLayer::new(scheme).layer(Bare)
}

fn bearer(algorithm: Algorithm) -> BearerBuilder {
    let keys = KeySet::parse(Fixture::of(algorithm).jwks.as_bytes()).expect("a usable set");
    let keys = IssuerKeys::fixed(ISSUER, keys).expect("an issuer");
    Bearer::jwt(&keys)
        .audience(AUDIENCE)
        .algorithms([algorithm])
        .clock(Fixed::shared())
}
