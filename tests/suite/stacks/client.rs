//! A client that speaks the version of HTTP it is told to.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, Version};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::patience::in_time;

/// The body of a request.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// Keeps its connections, as real callers do.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pool: legacy::Client<HttpConnector, Outgoing>,
    version: Version,
}

impl Client {
    pub(super) fn http1() -> Self {
        Self {
            pool: legacy::Client::builder(TokioExecutor::new()).build_http(),
            version: Version::HTTP_11,
        }
    }

    /// HTTP/2 in clear text, with prior knowledge (RFC 9113 §3.3).
    pub(super) fn http2() -> Self {
        Self {
            pool: legacy::Client::builder(TokioExecutor::new())
                .http2_only(true)
                .build_http(),
            version: Version::HTTP_2,
        }
    }

    /// Sends a request; the response's body is still to come.
    pub(super) async fn send(&self, request: Request<Outgoing>) -> Response<Incoming> {
        let response = in_time(self.pool.request(request))
            .await
            .expect("an answer");
        assert_eq!(response.version(), self.version);
        response
    }

    /// Sends a request without a body and takes the whole response.
    pub(super) async fn get(&self, url: &str, headers: HeaderMap) -> Response<Bytes> {
        whole(self.send(request(url, headers)).await).await
    }

    /// Sends a request without a body; what follows the response's head is read as it comes.
    pub(super) async fn open(&self, url: &str, headers: HeaderMap) -> Incoming {
        let response = self.send(request(url, headers)).await;
        assert_eq!(response.status(), 200);
        response.into_body()
    }
}

/// A request without a body.
pub(super) fn request(url: &str, headers: HeaderMap) -> Request<Outgoing> {
    let mut request = Request::get(url).body(empty()).expect("a request");
    *request.headers_mut() = headers;
    request
}

/// No body.
pub(super) fn empty() -> Outgoing {
    Empty::new().boxed_unsync()
}

/// The response with all of its body.
pub(super) async fn whole(response: Response<Incoming>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let body = in_time(body.collect()).await.expect("a body").to_bytes();
    Response::from_parts(parts, body)
}

/// A header map of these fields.
pub(super) fn headers<const N: usize>(fields: [(HeaderName, &str); N]) -> HeaderMap {
    fields
        .into_iter()
        .map(|(name, value)| (name, value.parse().expect("a header value")))
        .collect()
}

/// The next part of a body that is still being written, as text.
pub(super) async fn next_part(body: &mut Incoming) -> Option<String> {
    loop {
        let frame = in_time(body.frame()).await?.expect("a sound body");
        let data = frame.into_data().expect("data");
        // HTTP/2 may end a stream with an empty frame.
        if !data.is_empty() {
            return Some(String::from_utf8(data.into()).expect("text"));
        }
    }
}
