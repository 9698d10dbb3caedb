//! A client for one version of HTTP.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, Version};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::timeouts::in_time;

/// The body of a request.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// A client with a connection pool.
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

    /// Sends a request. Returns the response before its body is complete.
    pub(super) async fn send(&self, request: Request<Outgoing>) -> Response<Incoming> {
        let response = in_time(self.pool.request(request))
            .await
            .expect("an answer");
        assert_eq!(response.version(), self.version);
        response
    }

    /// Sends a request without a body and reads the whole response.
    pub(super) async fn get(&self, url: &str, headers: HeaderMap) -> Response<Bytes> {
        whole(self.send(request(url, headers)).await).await
    }

    /// Sends a request without a body. Returns the body of the response, which may still be incomplete.
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

/// An empty body.
pub(super) fn empty() -> Outgoing {
    Empty::new().boxed_unsync()
}

/// The response with its whole body.
pub(super) async fn whole(response: Response<Incoming>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let body = in_time(body.collect()).await.expect("a body").to_bytes();
    Response::from_parts(parts, body)
}

/// A header map with these fields.
pub(super) fn headers<const N: usize>(fields: [(HeaderName, &str); N]) -> HeaderMap {
    fields
        .into_iter()
        .map(|(name, value)| (name, value.parse().expect("a header value")))
        .collect()
}

/// The next part of a streamed body, as text.
pub(super) async fn next_part(body: &mut Incoming) -> Option<String> {
    loop {
        let frame = in_time(body.frame()).await?.expect("a valid body");
        let data = frame.into_data().expect("data");
        // HTTP/2 may end a stream with an empty frame.
        if !data.is_empty() {
            return Some(String::from_utf8(data.into()).expect("text"));
        }
    }
}
