//! Counts the allocations of a request.
//!
//! With a scheme that decides at once and has its principal ready, the only allocations are those of the insertion into
//! the request's extensions.

use std::{
    future::{Ready, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use allocation_counter::{AllocationInfo, measure};
use http::{HeaderName, Request, Response};
use http_body::Body;
use portcullis_core::{
    AuthenticateLayer, Authentication, Principal, PrincipalKind, RequireMachineLayer,
    RequireScopeLayer, Scope, ScopePolicy, ScopeSet, ScopesByPath,
    scheme::{
        Challenge, CredentialSource, Failure, Head, Outcome, PrincipalParts, Scheme,
        authorization_credentials,
    },
};
use tower::{Layer, Service};

const READ: Scope = Scope::from_static("orders:read");
const WRITE: Scope = Scope::from_static("orders:write");

/// A scheme with one principal, ready to clone.
struct Warm {
    source: CredentialSource,
    principal: Principal,
    challenge: Arc<Challenge>,
}

impl Warm {
    fn new(name: &'static str, source: CredentialSource) -> Self {
        let challenge = Arc::new(Challenge::new(name, "orders").expect("printable"));
        let mut principal = PrincipalParts::new(challenge.clone(), name, PrincipalKind::Machine);
        principal.scopes = ScopeSet::parse("orders:read");
        Self {
            source,
            principal: principal.into(),
            challenge,
        }
    }
}

impl Scheme for Warm {
    fn source(&self) -> CredentialSource {
        self.source.clone()
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        match &self.source {
            CredentialSource::Header(name) if head.headers.contains_key(name) => Ok(Some(b"")),
            CredentialSource::Authorization(name) => authorization_credentials(head.headers, name),
            _ => Ok(None),
        }
    }

    fn authenticate(&self, _: &Head<'_>, _: &[u8]) -> Outcome {
        Outcome::Done(Ok(self.principal.clone()))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }
}

/// An inner service that does not allocate.
#[derive(Clone)]
struct Free;

impl Service<Request<()>> for Free {
    type Response = Response<Nothing>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(request.extensions().get::<Authentication>().is_some());
        ready(Ok(Response::new(Nothing)))
    }
}

struct Nothing;

impl Body for Nothing {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        Poll::Ready(None)
    }
}

fn schemes() -> (Warm, Warm) {
    (
        Warm::new("Bearer", CredentialSource::Authorization("Bearer")),
        Warm::new(
            "ApiKey",
            CredentialSource::Header(HeaderName::from_static("x-api-key")),
        ),
    )
}

fn layer() -> AuthenticateLayer {
    AuthenticateLayer::any_of(schemes()).expect("two sources")
}

/// Counts the allocations of one request that is decided at once, without those of building and dropping it.
fn cost<L, R>(layer: &L, header: (&str, &str)) -> AllocationInfo
where
    L: Layer<Free>,
    L::Service: Service<Request<()>, Response = Response<R>, Error = std::convert::Infallible>,
{
    let mut service = layer.layer(Free);
    let request = Request::get("/orders").header(header.0, header.1);
    let mut request = Some(request.body(()).expect("a request"));
    let mut answered = None;
    let info = measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut context).is_ready());
        let future = pin!(service.call(request.take().expect("once")));
        match future.poll(&mut context) {
            Poll::Ready(response) => answered = Some(response),
            Poll::Pending => panic!("the scheme decides at once"),
        }
    });
    let Ok(response) = answered.expect("answered");
    assert_eq!(response.status(), 200);
    info
}

/// Counts the insertion into the extensions of a new request.
fn insertion() -> u64 {
    let principal = schemes().0.principal;
    let mut request = Request::new(());
    measure(|| {
        request
            .extensions_mut()
            .insert(Authentication::Authenticated(principal));
    })
    .count_total
}

#[test]
fn warm_request_allocates_only_the_insertion() {
    for header in [("authorization", "Bearer abc"), ("x-api-key", "abc")] {
        let info = cost(&layer(), header);
        assert_eq!(info.count_total, insertion(), "{header:?}");
    }
}

#[test]
fn guards_do_not_allocate() {
    let paths = ScopesByPath::new().path("/orders", READ);
    let stack = (
        layer(),
        RequireMachineLayer::new(),
        RequireScopeLayer::any([WRITE, READ]),
        RequireScopeLayer::policy(ScopePolicy::all([ScopePolicy::any([WRITE, READ])])),
        RequireScopeLayer::by_path(paths).expect("well-formed"),
    );
    let info = cost(&stack, ("authorization", "Bearer abc"));
    assert_eq!(info.count_total, insertion());
}

#[test]
fn settings_do_not_allocate() {
    let layer = layer()
        .optional()
        .keep_credentials()
        .render_with(|_| unreachable!("nothing is refused"));
    let info = cost(&layer, ("authorization", "Bearer abc"));
    assert_eq!(info.count_total, insertion());
}

#[test]
fn cloning_the_service_does_not_allocate() {
    let service = (layer(), RequireScopeLayer::all([READ])).layer(Free);
    let info = measure(|| drop(service.clone()));
    assert_eq!(info.count_total, 0);
}

/// Shows that allocations are counted: a pending outcome is boxed.
#[test]
fn only_pending_allocates() {
    struct Cold(Warm);

    impl Scheme for Cold {
        fn source(&self) -> CredentialSource {
            self.0.source()
        }

        fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
            self.0.detect(head)
        }

        fn authenticate(&self, _: &Head<'_>, _: &[u8]) -> Outcome {
            let decided = Ok::<_, Failure>(self.0.principal.clone());
            Outcome::Pending(Box::pin(async { decided }))
        }

        fn challenge(&self) -> &Arc<Challenge> {
            self.0.challenge()
        }
    }

    let cold = AuthenticateLayer::new(Cold(schemes().0));
    let info = cost(&cold, ("authorization", "Bearer abc"));
    assert_eq!(
        info.count_total,
        insertion() + 2,
        "the futures of the scheme and of the layer"
    );
}
