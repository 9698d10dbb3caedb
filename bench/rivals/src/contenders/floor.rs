//! What no check can be below: a layer that does what a known credential takes on any machine, and nothing else.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use http::{HeaderName, Request, header::AUTHORIZATION};
use portcullis_bench_suite::Signer;
use portcullis_core::{Clock, SystemClock, UnixTime};
use portcullis_jwt::Algorithm;
use tower::{Layer, Service};

use super::{Absent, Built};
use crate::{Load, Through, layered::layered};

/// The one credential that is known.
///
/// It finds the header, compares, reads the clock, strips, and puts an `Arc` in the request's extensions. There is no
/// other caller to look among, no scheme to choose, no epoch to compare, no refusal to word, no format to check:
/// whoever lets a caller in, tells the handler who it is, and lets it expire, does at least this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// A token that was verified before, compared byte by byte.
    Token,
    /// A key, compared by its SHA-256.
    Key,
}

impl Floor {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "the floor, known token",
            Self::Key => "the floor, API key",
        }
    }

    /// The stack, and requests that it accepts.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn build(self, through: Through) -> Result<(Built, Load), Absent> {
        let load = match self {
            Self::Token => Load::tokens(&[Signer::new(Algorithm::RS256).token()]),
            Self::Key => super::ApiKey::Plain.build(through)?.1,
        };
        let value = load.values()[0].as_bytes();
        let known = match self {
            Self::Token => value.to_vec(),
            Self::Key => sha256(value).as_ref().to_vec(),
        };
        let caller = Arc::new(Caller {
            expires_at: UnixTime::from_secs(u64::MAX),
        });
        let layer = FloorLayer {
            floor: self,
            known: known.into(),
            caller,
        };
        Ok((layered(layer, through)?, load))
    }

    fn header(self) -> HeaderName {
        match self {
            Self::Token => AUTHORIZATION,
            Self::Key => HeaderName::from_static("x-api-key"),
        }
    }
}

fn sha256(value: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, value)
}

struct Caller {
    expires_at: UnixTime,
}

#[derive(Clone)]
struct FloorLayer {
    floor: Floor,
    known: Arc<[u8]>,
    caller: Arc<Caller>,
}

impl<S> Layer<S> for FloorLayer {
    type Service = FloorService<S>;

    fn layer(&self, inner: S) -> FloorService<S> {
        FloorService {
            header: self.floor.header(),
            layer: self.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
struct FloorService<S> {
    header: HeaderName,
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
        let value = request.headers().get(&self.header).expect("a credential");
        let value = value.as_bytes();
        let FloorLayer {
            floor,
            known,
            caller,
        } = &self.layer;
        let is_equal = match floor {
            Floor::Token => value == &**known,
            Floor::Key => verify_slices_are_equal(sha256(value).as_ref(), known).is_ok(),
        };
        assert!(is_equal && SystemClock.now() < caller.expires_at, "refused");
        let caller = Arc::clone(caller);
        request.headers_mut().remove(&self.header);
        request.extensions_mut().insert(caller);
        self.inner.call(request)
    }
}
