//! What no check can be below: a layer that does what a known credential takes on any machine, and nothing else.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{Digest, SHA256, digest},
};
use http::{HeaderName, Request, header::AUTHORIZATION};
use portcullis_core::{Clock, SystemClock, UnixTime};
use tower::{Layer, Service};

/// Knows one credential.
///
/// It finds the header, compares, reads the clock, strips, and puts an `Arc` in the request's extensions. There is no
/// other caller to look among, no scheme to choose, no epoch to compare, no refusal to word, no format to check:
/// whoever lets a caller in, tells the handler who it is, and lets it expire, does at least this. It panics at any other
/// credential.
#[derive(Clone)]
pub struct FloorLayer {
    header: HeaderName,
    known: Known,
    caller: Arc<Caller>,
}

#[derive(Clone)]
enum Known {
    Text(Arc<[u8]>),
    Digest(Digest),
}

struct Caller {
    expires_at: UnixTime,
}

impl FloorLayer {
    /// A token that was verified before, as it stands in `Authorization`, compared byte by byte.
    pub fn token(value: &str) -> Self {
        Self::new(AUTHORIZATION, Known::Text(value.as_bytes().into()))
    }

    /// An API key, compared by its SHA-256.
    pub fn key(value: &str) -> Self {
        let known = Known::Digest(digest(&SHA256, value.as_bytes()));
        Self::new(HeaderName::from_static("x-api-key"), known)
    }

    fn new(header: HeaderName, known: Known) -> Self {
        let caller = Arc::new(Caller {
            expires_at: UnixTime::from_secs(u64::MAX),
        });
        Self {
            header,
            known,
            caller,
        }
    }
}

impl Known {
    fn is(&self, value: &[u8]) -> bool {
        match self {
            Self::Text(known) => value == &**known,
            Self::Digest(known) => {
                verify_slices_are_equal(digest(&SHA256, value).as_ref(), known.as_ref()).is_ok()
            }
        }
    }
}

impl<S> Layer<S> for FloorLayer {
    type Service = FloorService<S>;

    fn layer(&self, inner: S) -> FloorService<S> {
        FloorService {
            layer: self.clone(),
            inner,
        }
    }
}

/// What [`FloorLayer`] makes.
#[derive(Clone)]
pub struct FloorService<S> {
    layer: FloorLayer,
    inner: S,
}

impl<S, B> Service<Request<B>> for FloorService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let FloorLayer {
            header,
            known,
            caller,
        } = &self.layer;
        let value = request.headers().get(header).expect("a credential");
        let is_known = known.is(value.as_bytes());
        assert!(is_known && SystemClock.now() < caller.expires_at, "refused");
        let caller = Arc::clone(caller);
        request.headers_mut().remove(header);
        request.extensions_mut().insert(caller);
        self.inner.call(request)
    }
}
