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
    scheme::GatedScheme,
    server::Server,
};

/// A stack to run the service in. Stacks with a buffer serve one request at a time, so capacity that is not freed blocks
/// the next request.
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

/// The running service, and the requests that wait at its gates.
pub(super) struct GatedService {
    pub(super) server: Server,
    pub(super) scheme: Arrivals,
    pub(super) handler: Arrivals,
    pub(super) body: Arrivals,
}

impl GatedService {
    pub(super) async fn start(stack: Stack) -> Self {
        let (gated, scheme) = GatedScheme::new();
        let (at_handler, handler) = Gate::new();
        let (at_body, body) = Gate::new();
        let gates = Gates {
            at_handler,
            at_body,
        };
        let authenticate = AuthenticateLayer::new(gated);
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

    /// The credential of a caller.
    pub(super) fn credential() -> HeaderMap {
        headers([(AUTHORIZATION, GatedScheme::CREDENTIAL)])
    }
}

/// The gates behind the layers.
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

    /// Waits, then answers with a body that waits between its two parts.
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
