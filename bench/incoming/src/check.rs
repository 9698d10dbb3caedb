//! A tower service of any kind, behind one trait.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::IntoResponse,
    routing::{Route, get},
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use portcullis_bench_common::{Bare, Contender};
use tokio::{runtime::Runtime, time::timeout};
use tower::{Layer, Service, ServiceExt};

/// How long a verdict may take, fetching keys included.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a layer sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// Around a tower service that does nothing.
    Tower,
    /// In an axum router with one route.
    Axum,
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tower => "tower",
            Self::Axum => "axum",
        })
    }
}

/// The outcome of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A response.
    Status(u16),
    /// An error of the service.
    Error,
    /// The service panicked.
    Panic,
    /// No answer in time.
    Timeout,
}

/// Values of one header, sent in rotation.
#[derive(Clone)]
pub struct Credentials {
    name: HeaderName,
    values: Arc<[String]>,
    next: usize,
}

impl Credentials {
    /// Bearer tokens, beginning with the one at `first`.
    pub fn tokens(tokens: &[String], first: usize) -> Self {
        let values = tokens.iter().map(|token| format!("Bearer {token}"));
        Self {
            name: AUTHORIZATION,
            values: values.collect(),
            next: first,
        }
    }

    /// An API key.
    pub fn api_key(key: &str) -> Self {
        Self {
            name: HeaderName::from_static("x-api-key"),
            values: [key.to_owned()].into(),
            next: 0,
        }
    }

    /// The headers of the next request, in a buffer of their own.
    ///
    /// # Panics
    /// If the value cannot be a header.
    pub fn next_headers(&mut self) -> HeaderMap {
        let value = HeaderValue::from_str(&self.values[self.next]).expect("a header value");
        self.next = (self.next + 1) % self.values.len();
        HeaderMap::from_iter([(self.name.clone(), value)])
    }
}

/// A service with a check in front.
pub trait Check {
    /// The service for measurement.
    fn contender(&self, name: &str, credentials: Credentials) -> Contender;

    /// The answer to a request with these headers.
    fn verdict(&self, runtime: &Runtime, headers: &HeaderMap) -> Verdict;
}

struct Stack<S, B> {
    service: S,
    body: PhantomData<fn() -> B>,
}

/// A service that takes requests with bodies of type `B`.
pub fn stack<S, B, R>(service: S) -> Box<dyn Check>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + 'static,
    B: Default + 'static,
{
    Box::new(Stack {
        service,
        body: PhantomData,
    })
}

impl<S, B, R> Check for Stack<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + 'static,
    B: Default + 'static,
{
    fn contender(&self, name: &str, mut credentials: Credentials) -> Contender {
        let request = move || request(credentials.next_headers());
        Contender::new(name, self.service.clone(), request)
    }

    fn verdict(&self, runtime: &Runtime, headers: &HeaderMap) -> Verdict {
        let answer = self.service.clone().oneshot(request(headers.clone()));
        let answer = async { timeout(VERDICT_TIMEOUT, answer).await };
        match catch_unwind(AssertUnwindSafe(|| runtime.block_on(answer))) {
            Ok(Ok(Ok(response))) => Verdict::Status(response.status().as_u16()),
            Ok(Ok(Err(_))) => Verdict::Error,
            Ok(Err(_)) => Verdict::Timeout,
            Err(_) => Verdict::Panic,
        }
    }
}

fn request<B: Default>(headers: HeaderMap) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.headers_mut() = headers;
    request
}

/// A layer around [`Bare`], or on the route of an axum router.
pub fn layered<L, R>(layer: L, through: Through) -> Box<dyn Check>
where
    L: Layer<Bare> + Layer<Route> + Clone + Send + Sync + 'static,
    <L as Layer<Bare>>::Service: Service<Request<Body>, Response = Response<R>> + Clone + 'static,
    <L as Layer<Route>>::Service: Service<Request<Body>, Response: IntoResponse, Error: Into<Infallible>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match through {
        Through::Tower => stack::<_, Body, _>(layer.layer(Bare)),
        Through::Axum => {
            let router = Router::<()>::new().route("/", get(async || {}));
            stack::<_, Body, _>(router.route_layer(layer))
        }
    }
}

/// The service without a check that a contender is compared with.
#[must_use]
pub fn bare(through: Through, is_axum_07: bool) -> Box<dyn Check> {
    match (through, is_axum_07) {
        (Through::Tower, false) => stack::<_, Body, _>(Bare),
        (Through::Axum, false) => {
            stack::<_, Body, _>(Router::<()>::new().route("/", get(async || {})))
        }
        (Through::Tower, true) => stack::<_, axum_07::body::Body, _>(Bare07),
        (Through::Axum, true) => {
            let route = axum_07::routing::get(|| async {});
            let router = axum_07::Router::<()>::new().route("/", route);
            stack::<_, axum_07::body::Body, _>(router)
        }
    }
}

/// [`Bare`] with the body of axum 0.7.
#[derive(Clone, Copy, Debug)]
pub struct Bare07;

impl<B> Service<Request<B>> for Bare07 {
    type Response = Response<axum_07::body::Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(axum_07::body::Body::empty())))
    }
}
