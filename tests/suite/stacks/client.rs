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

/// The body of a request.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// Keeps its connections, as real callers do.
#[derive(Clone)]
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
        let response = self.pool.request(request).await.expect("an answer");
        assert_eq!(response.version(), self.version);
        response
    }

    /// Sends a request without a body and takes the whole response.
    pub(super) async fn get(&self, url: &str, headers: HeaderMap) -> Response<Bytes> {
        let mut request = Request::get(url).body(empty()).expect("a request");
        *request.headers_mut() = headers;
        whole(self.send(request).await).await
    }
}

/// No body.
pub(super) fn empty() -> Outgoing {
    Empty::new().boxed_unsync()
}

/// The response with all of its body.
pub(super) async fn whole(response: Response<Incoming>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Response::from_parts(parts, body)
}

/// A header map of these fields.
pub(super) fn headers<const N: usize>(fields: [(HeaderName, &str); N]) -> HeaderMap {
    fields
        .into_iter()
        .map(|(name, value)| (name, value.parse().expect("a header value")))
        .collect()
}
