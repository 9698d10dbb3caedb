//! A scheme whose credential lists the caller's scopes, and helpers to call a router.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use portcullis_core::{
    AuthenticateLayer, PrincipalKind, ScopeSet,
    scheme::{
        Challenge, CredentialSource, Failure, Head, Outcome, PrincipalParts, Scheme,
        authorization_credentials,
    },
    scope,
};
use tower::ServiceExt;

scope!(pub(crate) ReadOrders = "orders:read");
scope!(pub(crate) WriteOrders = "orders:write");
scope!(pub(crate) Admin = "admin");

/// `Bearer read+write` is a caller with two scopes, `Bearer none` one without any.
struct Fake(Arc<Challenge>);

impl Scheme for Fake {
    fn source(&self) -> CredentialSource {
        CredentialSource::Authorization("Bearer")
    }

    fn detect<'h>(&self, head: &Head<'h>) -> Result<Option<&'h [u8]>, Failure> {
        authorization_credentials(head.headers, "Bearer")
    }

    fn authenticate(&self, head: &Head<'_>, credential: &[u8]) -> Outcome {
        let scopes = match std::str::from_utf8(credential).expect("ASCII") {
            "bad" => return Outcome::Done(Err(Failure::invalid("the token is bad"))),
            "none" => String::new(),
            scopes => scopes
                .replace("read", "orders:read")
                .replace("write", "orders:write")
                .replace('+', " "),
        };
        let target = head.original_target().unwrap_or(head.uri);
        let peer = head.peer_address().map(|peer| peer.to_string());
        let mut principal = PrincipalParts::new(self.0.clone(), "fake", PrincipalKind::Machine);
        principal.subject = Some("billing".into());
        principal.client_id = Some(head.route_template().unwrap_or("unknown route").into());
        principal.issuer = Some(target.to_string().into());
        principal.credential_id = Some(peer.as_deref().unwrap_or("unknown peer").into());
        principal.scopes = ScopeSet::parse(&scopes);
        Outcome::Done(Ok(principal.into()))
    }

    fn challenge(&self) -> &Arc<Challenge> {
        &self.0
    }
}

pub(crate) fn layer() -> AuthenticateLayer {
    AuthenticateLayer::new(Fake(Arc::new(
        Challenge::new("Bearer", "orders").expect("printable"),
    )))
}

/// Sends a request with or without a bearer credential.
pub(crate) async fn send_as(
    app: &Router,
    method: Method,
    path: &str,
    credential: Option<&str>,
) -> Response<String> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header("authorization", format!("Bearer {credential}"));
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

pub(crate) async fn get(app: &Router, path: &str, credential: Option<&str>) -> Response<String> {
    send_as(app, Method::GET, path, credential).await
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Response<String> {
    let response = app
        .clone()
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("whole").to_bytes();
    let body = String::from_utf8(body.into()).expect("UTF-8");
    Response::from_parts(parts, body)
}

/// A response as text, for snapshots: status, header fields in order of name, body.
pub(crate) fn text(response: &Response<String>) -> String {
    let mut fields: Vec<_> = response.headers().iter().collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    let fields: String = fields
        .into_iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("printable")))
        .collect();
    format!("{}\n{fields}\n{}", response.status(), response.body())
}
