//! What is counted: services, and requests that are the same in every run.
//!
//! Keys and tokens are fixtures, since the work on them depends on their bytes; the time stands still at [`NOW`].
//! After `cargo run -p portcullis-bench-instructions --example mint`, which makes the fixtures anew, the counts are to be
//! recorded anew too.
//!
//! # What the counts depend on
//!
//! Not on the run, nor on where the program lies in memory: the environment is cleared, and no hash seed shows. Not on
//! the model of the processor: valgrind shows every program the same one, a Haswell where the machine has AVX2. Where it
//! has not, AWS-LC and the C library choose other routines: with those forced, checks of a signature rose by up to 7 %,
//! API keys by 2 %, and what a token costs beside its signature by less than 1 %.
//!
//! Moving the checkout or the build folder moves them by 0.1 %, since the compiler then orders functions otherwise. What
//! remains are the releases of rustc, of the C library (`malloc`, `memcpy`), of valgrind (which processor it shows), and
//! of the dependencies in the lock file. Another target has other counts altogether.

mod fixtures;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use portcullis_api_key::{ApiKey, ApiKeys, KeyDigest, KeyRecord, MemoryStore, Peppers};
use portcullis_bench_suite::{AUDIENCE, Bare, ISSUER, scopes, with_key, with_token};
use portcullis_core::{
    Authenticate, AuthenticateLayer, RequireScope, RequireScopeLayer, Scope, Secret,
};
use portcullis_jose::KeySet;
use portcullis_jwt::{Algorithm, Bearer, BearerBuilder, IssuerKeys};
use tower::{Layer, Service};

pub use fixtures::{API_KEY, Fixed, Fixture, NOW, RawCheck};

const READ: Scope = Scope::from_static("orders:read");

/// How often a request is served before it is counted: what is set up once is then set up, what is kept is kept, and
/// the allocator has what it needs at hand.
const WARM_UP: usize = 16;

/// A service and the next request for it. Boxed, so that handing it over is not what is counted.
pub struct Case<S> {
    service: S,
    request: Option<Request<Body>>,
}

impl<S: Service<Request<Body>>> Case<S> {
    /// Serves the request several times, in the thread that will be counted.
    ///
    /// # Panics
    ///
    /// When it is not answered with `status`: another path would be counted than is meant.
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
        })
    }

    /// What is counted: readiness, the call, the future polled to its end, the request and the response dropped.
    #[inline]
    pub fn run(&mut self) {
        if let Some(request) = self.request.take() {
            drop(std::hint::black_box(serve(&mut self.service, request)));
        }
    }
}

#[inline]
fn serve<S: Service<Request<Body>>>(service: &mut S, request: Request<Body>) -> S::Response {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "not ready");
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(answer)) => answer,
        Poll::Ready(Err(_)) => panic!("the service fails"),
        Poll::Pending => panic!("the service waits"),
    }
}

/// The service by itself.
pub fn bare() -> Box<Case<Bare>> {
    let token = Fixture::of(Algorithm::RS256).token;
    Case::new(Bare, || with_token(token), StatusCode::OK)
}

/// A token that has been seen before.
pub fn warm(algorithm: Algorithm) -> Box<Case<Authenticate<Bare>>> {
    let scheme = bearer(algorithm).build().expect("a scheme");
    let service = AuthenticateLayer::new(scheme).layer(Bare);
    let token = Fixture::of(algorithm).token;
    Case::new(service, || with_token(token), StatusCode::OK)
}

/// The same in front of a scope guard.
pub fn warm_scoped(algorithm: Algorithm) -> Box<Case<Authenticate<RequireScope<Bare>>>> {
    let scheme = bearer(algorithm).build().expect("a scheme");
    let guarded = RequireScopeLayer::all([READ]).layer(Bare);
    let service = AuthenticateLayer::new(scheme).layer(guarded);
    let token = Fixture::of(algorithm).token;
    Case::new(service, || with_token(token), StatusCode::OK)
}

/// A token that is verified anew.
pub fn cold(algorithm: Algorithm) -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(algorithm).token;
    Case::new(uncached(algorithm), || with_token(token), StatusCode::OK)
}

/// A token that is refused before its signature is looked at: signed with an algorithm that is not accepted here.
pub fn wrong_algorithm() -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(Algorithm::ES256).token;
    Case::new(
        uncached(Algorithm::RS256),
        || with_token(token),
        StatusCode::UNAUTHORIZED,
    )
}

/// A token that has lost its signature.
pub fn malformed() -> Box<Case<Authenticate<Bare>>> {
    let token = Fixture::of(Algorithm::RS256).token;
    let (token, _) = token.rsplit_once('.').expect("three parts");
    Case::new(
        uncached(Algorithm::RS256),
        || with_token(token),
        StatusCode::UNAUTHORIZED,
    )
}

/// An API key in memory.
pub fn api_key(peppered: bool) -> Box<Case<Authenticate<Bare>>> {
    let peppers =
        peppered.then(|| Peppers::new(1, &Secret::new(vec![7; 32])).expect("a pepper of 32 bytes"));
    let key = ApiKey::parse(API_KEY).expect("a key");
    let digest = KeyDigest::of(&key, peppers.as_ref());
    let mut record = KeyRecord::new(key.id(), digest, "billing", NOW).expect("a record");
    let store = MemoryStore::new();
    record.scopes = scopes();
    let stored = store.insert([record]);
    stored.expect("one key");
    let scheme = ApiKeys::builder(store).clock(Fixed::shared());
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
