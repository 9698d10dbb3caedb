//! What everything is measured over.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response};
use portcullis_bench_suite::Bare;
use tower::Service;

use crate::{Target, Through, stack::Stack};

/// Which service without a check a contender is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Baseline {
    /// Of axum 0.8, whose body the tower stacks have too.
    #[default]
    Current,
    /// Of axum 0.7, for the crate that is still there.
    Axum07,
    /// None: functions stand for themselves.
    Nothing,
}

impl Baseline {
    /// Its name in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "bare",
            Self::Axum07 => "bare (axum 0.7)",
            Self::Nothing => "",
        }
    }

    /// The service.
    #[must_use]
    pub fn target(self, through: Through) -> Option<Box<dyn Target>> {
        Some(match (self, through) {
            (Self::Current, Through::Tower) => Box::new(Stack::<_, Body>::new(Bare)),
            (Self::Current, Through::Axum) => Box::new(Stack::<_, Body>::new(
                Router::<()>::new().route("/", get(async || {})),
            )),
            (Self::Axum07, Through::Tower) => Box::new(Stack::<_, Body>::new(Bare07)),
            (Self::Axum07, Through::Axum) => {
                let router = axum_07::Router::<()>::new();
                Box::new(Stack::<_, axum_07::body::Body>::new(
                    router.route("/", axum_07::routing::get(|| async {})),
                ))
            }
            (Self::Nothing, _) | (_, Through::Function) => return None,
        })
    }
}

/// The service that costs nothing, with the body of axum 0.7.
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
