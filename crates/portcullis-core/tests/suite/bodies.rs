//! Bodies of the inner service pass unchanged, and refusals have their own.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope, service::GuardBody};
use tower::{Layer, ServiceExt};

use crate::support::{Fake, bearing};

const READ: Scope = Scope::from_static("orders:read");

/// A body with scripted frames. It implements nothing that is not required, such as `Clone`.
struct Script {
    frames: VecDeque<Result<Frame<Bytes>, Torn>>,
    hint: SizeHint,
}

/// An error without conversions.
#[derive(Debug, PartialEq)]
struct Torn;

impl Body for Script {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

type Guarded = GuardBody<GuardBody<Script>>;

/// The response of a handler that answers with `script`, through both layers.
async fn through(script: Script, credential: &str) -> Response<Guarded> {
    let script = Arc::new(Mutex::new(Some(script)));
    let handler = tower::service_fn(move |_: Request<()>| {
        let script = script.lock().expect("not poisoned").take();
        async { Ok::<_, Infallible>(Response::new(script.expect("one request"))) }
    });
    let stack = (
        AuthenticateLayer::new(Fake::bearer()),
        RequireScopeLayer::all([READ]),
    );
    stack
        .layer(handler)
        .oneshot(bearing(credential))
        .await
        .expect("infallible")
}

fn script(frames: impl IntoIterator<Item = Result<Frame<Bytes>, Torn>>) -> Script {
    Script {
        frames: frames.into_iter().collect(),
        hint: SizeHint::default(),
    }
}

#[tokio::test]
async fn frames_and_trailers_pass() {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let sent = script([
        Ok(Frame::data(Bytes::from_static(b"one"))),
        Ok(Frame::data(Bytes::new())),
        Ok(Frame::data(Bytes::from_static(b"two"))),
        Ok(Frame::trailers(trailers.clone())),
    ]);
    let mut body = through(sent, "reader").await.into_body();
    let mut frames = Vec::new();
    while !body.is_end_stream() {
        let frame = body.frame().await.expect("not at the end").expect("whole");
        frames.push(match frame.into_data() {
            Ok(data) => String::from_utf8(data.into()).expect("UTF-8"),
            Err(frame) => format!("{:?}", frame.into_trailers().expect("trailers")),
        });
    }
    assert_eq!(frames, ["one", "", "two", r#"{"grpc-status": "0"}"#]);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn body_error_passes_through() {
    let sent = script([Ok(Frame::data(Bytes::from_static(b"one"))), Err(Torn)]);
    let mut body = through(sent, "reader").await.into_body();
    assert!(body.frame().await.expect("data").is_ok());
    assert_eq!(
        body.frame().await.expect("the error").map(|_| ()),
        Err(Torn)
    );
}

#[tokio::test]
async fn size_hint_passes_through() {
    for exact in [None, Some(0), Some(7)] {
        let mut sent = script([Ok(Frame::data(Bytes::new()))]);
        match exact {
            Some(length) => sent.hint = SizeHint::with_exact(length),
            None => {
                sent.hint.set_lower(3);
                sent.hint.set_upper(9);
            }
        }
        let expected = sent.hint;
        let body = through(sent, "reader").await.into_body();
        assert_eq!(body.size_hint().exact(), exact);
        assert_eq!(body.size_hint().lower(), expected.lower());
        assert_eq!(body.size_hint().upper(), expected.upper());
        assert!(!body.is_end_stream());
    }
    assert!(through(script([]), "reader").await.body().is_end_stream());
}

#[tokio::test]
async fn refusal_body_has_a_known_length() {
    for credential in ["nothing", "expired"] {
        let mut body = through(script([]), credential).await.into_body();
        let length = body.size_hint().exact().expect("known");
        assert!(!body.is_end_stream());
        let data = body.frame().await.expect("data").expect("whole");
        assert_eq!(
            data.into_data().expect("data").len() as u64,
            length,
            "{credential}"
        );
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
    }
}
