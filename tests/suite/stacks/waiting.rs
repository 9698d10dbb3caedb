//! A service whose requests wait at three gates: in the scheme, in the handler and in the body.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ::axum::{
    BoxError, Router, body::Body, error_handling::HandleErrorLayer, extract::Request,
    response::Response, routing::get,
};
use futures_util::stream;
use http::{Extensions, HeaderMap, StatusCode, header::AUTHORIZATION};
use hyper::body::Incoming;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tower::{ServiceBuilder, buffer::BufferLayer, limit::ConcurrencyLimitLayer};

use super::{
    client::headers,
    credentials::READ,
    gate::{Arrivals, Gate},
    scheme::Turnstile,
    server::Server,
};

/// A stack to run the service in. Those with a buffer serve one request at a time, so that a place which is not given
/// back keeps the next request out for ever.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stack {
    Axum,
    Hyper,
    InsideBuffer,
    OutsideBuffer,
}

impl Stack {
    pub(super) const ALL: [Self; 4] = [
        Self::Axum,
        Self::Hyper,
        Self::InsideBuffer,
        Self::OutsideBuffer,
    ];
}

/// The running service, and the test's side of its gates.
pub(super) struct Waiting {
    pub(super) server: Server,
    pub(super) scheme: Arrivals,
    pub(super) handler: Arrivals,
    pub(super) body: Arrivals,
    alive: Arc<AtomicUsize>,
}

impl Waiting {
    pub(super) async fn start(stack: Stack) -> Self {
        let (turnstile, scheme) = Turnstile::new();
        let (at_handler, handler) = Gate::new();
        let (at_body, body) = Gate::new();
        let alive = Arc::new(AtomicUsize::new(0));
        let gates = Gates {
            at_handler,
            at_body,
        };
        let authenticate = AuthenticateLayer::new(turnstile);
        let server = match stack {
            Stack::Hyper => hyper(authenticate, gates, alive.clone()).await,
            _ => axum(stack, authenticate, gates, alive.clone()).await,
        };
        Self {
            server,
            scheme,
            handler,
            body,
            alive,
        }
    }

    /// What a caller must send.
    pub(super) fn ticket() -> HeaderMap {
        headers([(AUTHORIZATION, Turnstile::TICKET)])
    }

    /// How many requests the service still holds, in whatever part.
    pub(super) fn requests_alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

async fn axum(
    stack: Stack,
    authenticate: AuthenticateLayer,
    gates: Gates,
    alive: Arc<AtomicUsize>,
) -> Server {
    let guard = RequireScopeLayer::all([READ]);
    let one_at_a_time = (
        HandleErrorLayer::new(async |_: BoxError| StatusCode::INTERNAL_SERVER_ERROR),
        BufferLayer::<Request>::new(1),
        ConcurrencyLimitLayer::new(1),
    );
    let orders = Router::new().route("/orders", get(move |request| gates.handle(request)));
    let guarded = match stack {
        Stack::InsideBuffer => orders.route_layer((one_at_a_time, authenticate, guard)),
        Stack::OutsideBuffer => orders.route_layer((authenticate, guard, one_at_a_time)),
        Stack::Axum | Stack::Hyper => orders.route_layer((authenticate, guard)),
    };
    let tracked =
        ServiceBuilder::new().map_request(move |request: Request| Alive::mark(request, &alive));
    Server::axum(guarded.layer(tracked)).await
}

async fn hyper(authenticate: AuthenticateLayer, gates: Gates, alive: Arc<AtomicUsize>) -> Server {
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<Incoming>| Alive::mark(request, &alive))
        .layer(authenticate)
        .layer(RequireScopeLayer::all([READ]))
        .service_fn(move |request: Request<Incoming>| {
            let answer = gates.clone().handle(request.map(Body::new));
            async { Ok::<_, Infallible>(answer.await) }
        });
    Server::hyper(service).await
}

/// Where a request waits once the layers let it pass.
#[derive(Clone)]
struct Gates {
    at_handler: Gate,
    at_body: Gate,
}

impl Gates {
    /// Waits, and answers with a body that waits between its two parts.
    async fn handle(self, request: Request) -> Response {
        self.at_handler.pass().await;
        let (mut parts, _) = request.into_parts();
        let extensions = std::mem::take(&mut parts.extensions);
        let body = stream::unfold((0, extensions), move |(part, extensions)| {
            let passed = (part == 1).then(|| self.at_body.pass());
            async move { next_part(part, passed, extensions).await }
        });
        Response::new(Body::from_stream(body))
    }
}

type State = (u32, Extensions);

async fn next_part(
    part: u32,
    passed: Option<impl Future<Output = ()>>,
    extensions: Extensions,
) -> Option<(Result<String, Infallible>, State)> {
    if let Some(passed) = passed {
        passed.await;
    }
    (part < 2).then(|| (Ok(part.to_string()), (part + 1, extensions)))
}

/// Counts a request for as long as any part of the service holds its extensions.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn mark<B>(mut request: Request<B>, count: &Arc<AtomicUsize>) -> Request<B> {
        count.fetch_add(1, Ordering::Relaxed);
        request
            .extensions_mut()
            .insert(Arc::new(Self(count.clone())));
        request
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
