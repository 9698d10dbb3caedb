//! Contenders with a token at hand, ready to be measured.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Request, Response, header::AUTHORIZATION};
use portcullis_bench_harness::{Contender as Timed, call};
use tokio::runtime::Runtime;
use tower::{BoxError, Service, ServiceExt};

use crate::{
    Absent, Bare, Body, Contender, Options, Sent, Site, Visit, bare::requests, report::Missing,
};

/// Longer than any run.
const LIFETIME: Duration = Duration::from_hours(1);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A stack, ready for requests.
pub trait Target {
    /// Itself as one that is timed.
    fn timed(&self, name: &str) -> Timed;

    /// One call within `watch`; the request is made before.
    fn watched(&mut self, watch: &mut dyn FnMut(&mut dyn FnMut()));
}

/// One that takes part.
pub struct Entry {
    /// Who.
    pub contender: Contender,
    /// It.
    pub target: Box<dyn Target>,
    /// Kept, since it stops when dropped.
    _site: Site,
}

/// Sets up all that are wanted, each with an issuer of its own, and makes sure that their calls carry something.
pub fn entries(runtime: &Runtime, options: &Options) -> (Vec<Entry>, Vec<Missing>) {
    let (mut entries, mut missing) = (Vec::new(), Vec::new());
    let wanted = Contender::TIMED.into_iter();
    for contender in wanted.filter(|contender| contender.is_wanted(options)) {
        match runtime.block_on(entry(contender)) {
            Ok(entry) => entries.push(entry),
            Err(Absent(reason)) => missing.push(Missing { contender, reason }),
        }
    }
    (entries, missing)
}

async fn entry(contender: Contender) -> Result<Entry, Absent> {
    let site = Site::start(LIFETIME, TIMEOUT).await;
    let telling = Bare { tells: true };
    // One that is seen, then the one that is measured: they share nothing.
    let seen = contender.set_up(&site, telling, FirstCall).await?.await?;
    let expected: &[HeaderName] = match contender {
        Contender::Bare => &[],
        Contender::ApiKey => &[HeaderName::from_static("x-api-key")],
        Contender::Dpop => &[AUTHORIZATION, HeaderName::from_static("dpop")],
        _ => &[AUTHORIZATION],
    };
    if expected.iter().any(|name| !seen.contains_key(name)) {
        return Err(Absent("its calls do not carry what they should".to_owned()));
    }
    let (first, target) = contender.set_up(&site, Bare::default(), Ready).await?;
    first.await?;
    Ok(Entry {
        contender,
        target,
        _site: site,
    })
}

type Waiting<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, BoxError>>>>;

/// Makes a call, and says what it carried.
struct FirstCall;

impl Visit for FirstCall {
    type Output = Waiting<HeaderMap>;

    fn visit<S>(self, service: S) -> Self::Output
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
    {
        Box::pin(async move {
            let response = service.oneshot(requests()()).await.map_err(Into::into)?;
            let sent = response.extensions().get::<Sent>();
            Ok(sent.map_or_else(HeaderMap::new, |Sent(headers)| headers.clone()))
        })
    }
}

/// Makes the call that fetches the token, and a target.
struct Ready;

impl Visit for Ready {
    type Output = (Waiting<()>, Box<dyn Target>);

    fn visit<S>(self, service: S) -> Self::Output
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
    {
        let first = service.clone();
        let first = async move {
            first.oneshot(requests()()).await.map_err(Into::into)?;
            Ok(())
        };
        (Box::pin(first), Box::new(Stack(service)))
    }
}

struct Stack<S>(S);

impl<S> Target for Stack<S>
where
    S: Service<Request<Body>> + Clone + 'static,
{
    fn timed(&self, name: &str) -> Timed {
        Timed::service(name, self.0.clone(), requests())
    }

    fn watched(&mut self, watch: &mut dyn FnMut(&mut dyn FnMut())) {
        let mut request = Some(requests()());
        watch(&mut || {
            if let Some(request) = request.take() {
                call(&mut self.0, request);
            }
        });
    }
}
