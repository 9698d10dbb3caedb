//! Calls, and what became of them.

use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tokio::{task::JoinHandle, time::timeout};
use tower::{BoxError, Service, ServiceExt, util::BoxCloneSyncService};

use crate::{Absent, Bare, Body, Contender, Sent, Site, Visit, bare::requests, explain};

/// A contender's client, whatever it is made of.
pub(super) type Client = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It was sent with this.
    Sent(HeaderValue),
    /// It was sent without `Authorization`.
    Unauthenticated,
    /// It was not sent, and this is why.
    Failed(String),
    /// It was neither within the time that callers have.
    Hung,
    /// It panicked.
    Panicked,
}

pub(super) async fn client(contender: Contender, site: &Site) -> Result<Client, Absent> {
    contender.set_up(site, Bare { tells: true }, Erase).await
}

/// A call in a task of its own, as those of a service are; and how long it took.
pub(super) async fn call(client: &Client, patience: Duration) -> (Outcome, Duration) {
    let start = Instant::now();
    let outcome = outcome(&mut start_call(client), patience).await;
    (outcome, start.elapsed())
}

pub(super) fn start_call(client: &Client) -> JoinHandle<Result<Response<Body>, BoxError>> {
    tokio::spawn(client.clone().oneshot(requests()()))
}

/// Waits for a call, and gives it up after that time.
pub(super) async fn outcome(
    call: &mut JoinHandle<Result<Response<Body>, BoxError>>,
    patience: Duration,
) -> Outcome {
    match timeout(patience, &mut *call).await {
        Ok(Ok(Ok(response))) => sent(&response),
        Ok(Ok(Err(error))) => Outcome::Failed(explain(&*error)),
        Ok(Err(_)) => Outcome::Panicked,
        Err(_) => {
            call.abort();
            Outcome::Hung
        }
    }
}

fn sent(response: &Response<Body>) -> Outcome {
    let header = response
        .extensions()
        .get::<Sent>()
        .and_then(|Sent(headers)| headers.get(AUTHORIZATION));
    match header {
        Some(header) => Outcome::Sent(header.clone()),
        None => Outcome::Unauthenticated,
    }
}

struct Erase;

impl Visit for Erase {
    type Output = Client;

    fn visit<S>(self, service: S) -> Client
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
    {
        BoxCloneSyncService::new(service.map_err(Into::into))
    }
}
