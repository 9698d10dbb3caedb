//! A tower service as a target.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use portcullis_bench_harness::{Contender, call};
use tokio::{runtime::Runtime, time::timeout};
use tower::{Service, ServiceExt};

use crate::{Load, Target, Verdict};

/// How long a verdict may take: a check that fetches keys first has to be done by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service of some stack.
pub struct Stack<S, B> {
    service: S,
    body: PhantomData<fn() -> B>,
}

impl<S, B> Stack<S, B> {
    /// Around a service.
    pub const fn new(service: S) -> Self {
        Self {
            service,
            body: PhantomData,
        }
    }
}

impl<S, B, R> Target for Stack<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + 'static,
    B: Default + 'static,
{
    fn contender(&self, name: String, mut load: Load) -> Contender {
        Contender::service(name, self.service.clone(), move || {
            request(load.next_headers())
        })
    }

    fn verdict(&mut self, runtime: &Runtime, headers: &HeaderMap) -> Verdict {
        let service = self.service.clone();
        let request = request(headers.clone());
        // A constructor of these services may have left a lock poisoned; that is its affair, and is told as it comes.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async { timeout(PATIENCE, service.oneshot(request)).await })
        }));
        match answer {
            Ok(Ok(Ok(response))) => Verdict::Status(response.status().as_u16()),
            Ok(Ok(Err(_))) => Verdict::Refuse,
            Ok(Err(_)) => Verdict::Hang,
            Err(_) => Verdict::Panic,
        }
    }

    fn watched(&mut self, headers: &HeaderMap, watch: &mut dyn FnMut(&mut dyn FnMut())) {
        let mut request = Some(request(headers.clone()));
        watch(&mut || {
            if let Some(request) = request.take() {
                call(&mut self.service, request);
            }
        });
    }
}

fn request<B: Default>(headers: HeaderMap) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.headers_mut() = headers;
    request
}
