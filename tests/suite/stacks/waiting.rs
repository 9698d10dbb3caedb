//! A service whose requests wait at three gates: in the scheme, in the handler and in the body.

use std::{convert::Infallible, mem};

use axum::{Router, body::Body, extract::Request, response::Response, routing::get};
use futures_util::stream;
use http::{Extensions, HeaderMap, header::AUTHORIZATION};
use hyper::body::Incoming;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer};
use tower::ServiceBuilder;

use super::{
    buffered::Placement,
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
    Buffered(Placement),
}

impl Stack {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let buffered = Placement::ALL.map(Self::Buffered);
        [Self::Axum, Self::Hyper].into_iter().chain(buffered)
    }
}

/// The running service, and the test's side of its gates.
pub(super) struct Waiting {
    pub(super) server: Server,
    pub(super) scheme: Arrivals,
    pub(super) handler: Arrivals,
    pub(super) body: Arrivals,
}

impl Waiting {
    pub(super) async fn start(stack: Stack) -> Self {
        let (turnstile, scheme) = Turnstile::new();
        let (at_handler, handler) = Gate::new();
        let (at_body, body) = Gate::new();
        let gates = Gates {
            at_handler,
            at_body,
        };
        let authenticate = AuthenticateLayer::new(turnstile);
        let guard = RequireScopeLayer::all([READ]);
        let server = match stack {
            Stack::Axum => Server::axum(gates.router().route_layer((authenticate, guard))).await,
            Stack::Hyper => {
                let layers = ServiceBuilder::new().layer((authenticate, guard));
                Server::hyper(layers.service_fn(move |request| gates.clone().serve(request))).await
            }
            Stack::Buffered(placement) => placement.serve(authenticate, gates.router()).await,
        };
        Self {
            server,
            scheme,
            handler,
            body,
        }
    }

    /// What a caller must send.
    pub(super) fn ticket() -> HeaderMap {
        headers([(AUTHORIZATION, Turnstile::TICKET)])
    }
}

/// Where a request waits once the layers let it pass.
#[derive(Clone)]
struct Gates {
    at_handler: Gate,
    at_body: Gate,
}

impl Gates {
    fn router(self) -> Router {
        Router::new().route("/orders", get(move |request| self.handle(request)))
    }

    async fn serve(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        Ok(self.handle(request.map(Body::new)).await)
    }

    /// Waits, and answers with a body that waits between its two parts.
    async fn handle(self, request: Request) -> Response {
        self.at_handler.pass().await;
        let (mut head, _) = request.into_parts();
        let extensions = mem::take(&mut head.extensions);
        let parts = stream::unfold((0, extensions), move |(part, extensions)| {
            let passed = (part == 1).then(|| self.at_body.pass());
            next_part(part, passed, extensions)
        });
        Response::new(Body::from_stream(parts))
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
