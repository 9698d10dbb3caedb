//! An HTTP client with one connection per request, which does not follow redirects.
#![allow(dead_code, reason = "each test binary uses a part")]

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use portcullis_test::{DEFAULT_AUDIENCE, TestIssuer};
use serde_json::Value;
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn get(url: &str) -> Result<Reply, Failure> {
    send(Request::get(url).body(Full::default())?).await
}

pub(crate) async fn get_with(url: &str, name: &str, value: &str) -> Reply {
    send(
        Request::get(url)
            .header(name, value)
            .body(Full::default())
            .unwrap(),
    )
    .await
    .unwrap()
}

pub(crate) async fn post_form(url: &str, basic: Option<&str>, form: &str) -> Reply {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header("content-type", "application/x-www-form-urlencoded");
    if let Some(credentials) = basic {
        request = request.header("authorization", format!("Basic {credentials}"));
    }
    send(request.body(Full::from(form.to_owned())).unwrap())
        .await
        .unwrap()
}

pub(crate) async fn send(mut request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
    let authority = request.uri().authority().unwrap().to_string();
    request.headers_mut().insert("host", authority.parse()?);
    *request.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse()?;
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    exchange.await
}

/// The claims of a token, verified with the key that the issuer publishes.
pub(crate) async fn verified(issuer: &TestIssuer, token: &str) -> Value {
    let set = get(&issuer.jwks_uri()).await.unwrap().json();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(set).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[DEFAULT_AUDIENCE]);
    validation.set_issuer(&[issuer.url()]);
    decode::<Value>(token, &key, &validation).unwrap().claims
}
