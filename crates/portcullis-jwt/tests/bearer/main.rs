//! The bearer scheme: the credentials it reads, its outcomes, and when it waits for newer keys.

mod issuer_double;
mod refresh;
mod scheme;
mod signals;
#[path = "../support/mod.rs"]
mod support;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use http::{Request, StatusCode, header::AUTHORIZATION};
use portcullis_core::{
    Principal,
    facts::FactFinders,
    scheme::{Failure, Head, Outcome, Scheme},
};
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys};
use support::{AUDIENCE, ManualClock, Signer, apply_token_cache_env};

pub(crate) fn bearer(issuer: &IssuerKeys, clock: &ManualClock) -> Bearer {
    let bearer = Bearer::jwt(issuer)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .clock(clock.shared());
    apply_token_cache_env(bearer).build().expect("a scheme")
}

pub(crate) fn send(bearer: &Bearer, token: &str) -> Outcome {
    let request = Request::builder()
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(())
        .expect("a request");
    let finders = FactFinders::default();
    let head = Head::new(&request, &finders);
    match bearer.detect(&head) {
        Ok(Some(credential)) => bearer.authenticate(&head, credential),
        other => panic!("{other:?}"),
    }
}

/// The verdict of an outcome that does not wait.
pub(crate) fn at_once(outcome: Outcome) -> Result<Principal, Failure> {
    match outcome {
        Outcome::Done(result) => result,
        Outcome::Pending(_) => panic!("waits"),
    }
}

pub(crate) fn status(result: &Result<Principal, Failure>) -> StatusCode {
    result
        .as_ref()
        .map_or_else(|failure| failure.kind().status(), |_| StatusCode::OK)
}

/// Polls once.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Another key of the issuer.
pub(crate) fn next_signer() -> Signer {
    Signer::new(2, "key-2")
}
