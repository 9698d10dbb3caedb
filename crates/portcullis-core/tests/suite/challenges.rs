//! Snapshots of refusals.

use http::header::RETRY_AFTER;
use portcullis_core::{
    AuthenticateLayer, RequireScopeLayer, Scope, ScopePolicy, scheme::Challenge,
};
use tower::ServiceBuilder;

use crate::{
    parse,
    support::{Fake, bearing, request, send, text},
};

fn both() -> AuthenticateLayer {
    AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources")
}

#[tokio::test]
async fn b1_k1_e1_missing_credentials_are_401() {
    let response = send(&both(), request(&[])).await;
    insta::assert_snapshot!(text(&response), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders"
    www-authenticate: ApiKey realm="orders", header="x-api-key"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"authentication required: send `Authorization: Bearer <token>` or `x-api-key: <key>`"}
    "#);
}

/// RFC 6750 §3.1: no error code without credentials that a scheme reads.
#[tokio::test]
async fn b1_misplaced_credential_is_told_where_it_belongs() {
    let key = "an API key was sent in the wrong place: send it as `x-api-key: <key>`";
    let token = "a token was sent in the wrong place: send it as `Authorization: Bearer <token>`";
    for (name, value, message) in [
        ("authorization", "ApiKey key_1", key),
        ("authorization", "key_1", key),
        ("api-key", "key_1", key),
        ("x-api-token", "Bearer key_1", key),
        ("cookie", "a=b; key=key_1", key),
        ("authorization", "tok.1", token),
        ("authorization", "Token tok.1", token),
        ("x-access-token", "tok.1", token),
    ] {
        let response = send(&both(), request(&[(name, value)])).await;
        assert_eq!(response.status(), 401, "{name}: {value}");
        let body = std::str::from_utf8(response.body()).expect("UTF-8");
        assert!(body.contains(message), "{name}: {value}: {body}");
        for challenge in parse::challenges(response.headers()) {
            assert_eq!(challenge.get("error"), None, "{name}: {value}");
        }
    }
    let query = http::Request::get("/orders?api_key=key_1").body(());
    let response = send(&both(), query.expect("a request")).await;
    assert!(text(&response).contains(key));
    // A DPoP proof belongs in this header (RFC 9449) and is not an access token.
    for (name, value) in [("dpop", "tok.1"), ("authorization", "DPoP tok.1")] {
        let response = send(&both(), request(&[(name, value)])).await;
        assert!(!text(&response).contains(token), "{name}: {value}");
    }
}

/// A scheme reads the credential here, so its challenge states the error.
#[tokio::test]
async fn b3_credential_of_another_scheme_is_told_where_it_belongs() {
    let response = send(&both(), bearing("key_1")).await;
    insta::assert_snapshot!(text(&response), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="invalid_token", error_description="an API key was sent in the wrong place: send it as `x-api-key: <key>`"
    www-authenticate: ApiKey realm="orders", header="x-api-key"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"an API key was sent in the wrong place: send it as `x-api-key: <key>`","error":"invalid_token"}
    "#);
    let response = send(&both(), request(&[("x-api-key", "tok.1")])).await;
    insta::assert_snapshot!(text(&response), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders"
    www-authenticate: ApiKey realm="orders", header="x-api-key", error="invalid_token", error_description="a token was sent in the wrong place: send it as `Authorization: Bearer <token>`"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"a token was sent in the wrong place: send it as `Authorization: Bearer <token>`","error":"invalid_token"}
    "#);
    let alone = AuthenticateLayer::new(Fake::bearer());
    let response = send(&alone, bearing("key_1")).await;
    assert!(text(&response).contains("the credential is not known here"));
}

#[tokio::test]
async fn optional_layer_reports_misplaced_credentials() {
    let layer = ServiceBuilder::new()
        .layer(both().optional())
        .layer(RequireScopeLayer::all([Scope::from_static("orders:read")]))
        .into_inner();
    let response = send(&layer, request(&[("api-key", "key_1")])).await;
    assert!(text(&response).contains("send it as `x-api-key: <key>`"));
}

#[tokio::test]
async fn b2_malformed_credential_is_400() {
    let response = send(&both(), bearing("a b")).await;
    insta::assert_snapshot!(text(&response), @r#"
    400 Bad Request
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="invalid_request", error_description="the Authorization header holds characters that no credentials have"
    www-authenticate: ApiKey realm="orders", header="x-api-key"

    {"type":"about:blank","title":"Bad Request","status":400,"detail":"the Authorization header holds characters that no credentials have","error":"invalid_request"}
    "#);
}

#[tokio::test]
async fn b2_two_credentials_at_once_are_400() {
    let fields = [("authorization", "Bearer reader"), ("x-api-key", "reader")];
    let response = send(&both(), request(&fields)).await;
    insta::assert_snapshot!(text(&response), @r#"
    400 Bad Request
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders"
    www-authenticate: ApiKey realm="orders", header="x-api-key", error="invalid_request", error_description="two credentials were sent at once: send one"

    {"type":"about:blank","title":"Bad Request","status":400,"detail":"two credentials were sent at once: send one","error":"invalid_request"}
    "#);
}

#[tokio::test]
async fn b3_invalid_credential_is_401() {
    let response = send(&both(), bearing("expired")).await;
    insta::assert_snapshot!(text(&response), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="invalid_token", error_description="the credential has expired"
    www-authenticate: ApiKey realm="orders", header="x-api-key"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"the credential has expired","error":"invalid_token"}
    "#);
}

#[tokio::test]
async fn b3_h2_k1_unknown_key_is_401() {
    let response = send(&both(), request(&[("x-api-key", "nobody")])).await;
    insta::assert_snapshot!(text(&response), @r#"
    401 Unauthorized
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders"
    www-authenticate: ApiKey realm="orders", header="x-api-key", error="invalid_token", error_description="the credential is not known here"

    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"the credential is not known here","error":"invalid_token"}
    "#);
}

#[tokio::test]
async fn b4_insufficient_scope_is_403() {
    const WRITE: Scope = Scope::from_static("orders:write");
    const ADMIN: Scope = Scope::from_static("orders:admin");
    let layer = ServiceBuilder::new()
        .layer(both())
        .layer(RequireScopeLayer::all([WRITE, ADMIN]))
        .into_inner();
    let response = send(&layer, bearing("reader")).await;
    insta::assert_snapshot!(text(&response), @r#"
    403 Forbidden
    cache-control: no-store
    content-type: application/problem+json
    www-authenticate: Bearer realm="orders", error="insufficient_scope", error_description="insufficient scope: orders:write orders:admin required", scope="orders:write orders:admin"

    {"type":"about:blank","title":"Forbidden","status":403,"detail":"insufficient scope: orders:write orders:admin required","error":"insufficient_scope","scope":"orders:write orders:admin"}
    "#);
}

#[tokio::test]
async fn b4_any_names_the_first_scope() {
    const WRITE: Scope = Scope::from_static("orders:write");
    const ADMIN: Scope = Scope::from_static("orders:admin");
    let layer = ServiceBuilder::new()
        .layer(both())
        .layer(RequireScopeLayer::policy(ScopePolicy::any([ADMIN, WRITE])))
        .into_inner();
    let response = send(&layer, bearing("reader")).await;
    let challenges = parse::challenges(response.headers());
    assert_eq!(challenges.len(), 1, "only the scheme that was used");
    assert_eq!(challenges[0].scheme, "Bearer");
    assert_eq!(challenges[0].get("scope"), Some("orders:admin"));
}

#[tokio::test]
async fn exceeded_rate_limit_is_429() {
    let response = send(&both(), bearing("busy")).await;
    insta::assert_snapshot!(text(&response), @r#"
    429 Too Many Requests
    cache-control: no-store
    content-type: application/problem+json
    retry-after: 2

    {"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many requests"}
    "#);
}

#[tokio::test]
async fn outage_is_503_and_not_401() {
    for _ in 0..50 {
        let mut response = send(&both(), bearing("down")).await;
        let wait = response
            .headers_mut()
            .remove(RETRY_AFTER)
            .expect("a `Retry-After`");
        let wait: u64 = wait.to_str().expect("digits").parse().expect("digits");
        assert!((2..=10).contains(&wait), "{wait}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&response), @r#"
            503 Service Unavailable
            cache-control: no-store
            content-type: application/problem+json

            {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the credential cannot be checked right now"}
            "#);
        }
    }
}

#[tokio::test]
async fn h3_quote_in_a_realm_is_escaped() {
    let challenge = Challenge::new("Bearer", r#"a"b"#).expect("printable");
    assert_eq!(challenge.plain(), r#"Bearer realm="a\"b""#);
}

#[tokio::test]
async fn h4_several_challenges_survive_a_round_trip() {
    for fields in [
        &[][..],
        &[("authorization", "Bearer expired")],
        &[("x-api-key", "")],
        &[("x-api-key", "nobody")],
        &[("authorization", "Bearer reader"), ("x-api-key", "reader")],
    ] {
        let response = send(&both(), request(fields)).await;
        let challenges = parse::challenges(response.headers());
        let names: Vec<_> = challenges.iter().map(|found| &found.scheme).collect();
        assert_eq!(names, ["Bearer", "ApiKey"], "one for each scheme offered");
        for challenge in &challenges {
            assert_eq!(challenge.get("realm"), Some("orders"));
        }
        let with_error = challenges
            .iter()
            .filter(|found| found.get("error").is_some())
            .count();
        assert_eq!(with_error, usize::from(!fields.is_empty()), "{fields:?}");
    }
}

#[tokio::test]
async fn h3_h4_awkward_realms_survive_a_round_trip() {
    for realm in [
        "",
        "a\"b\\c",
        ", Basic realm=\"x\"",
        "a=b, c",
        " ",
        "\\\"\\",
    ] {
        let challenge = Challenge::new("Bearer", realm).expect("printable");
        let mut headers = http::HeaderMap::new();
        headers.append("www-authenticate", challenge.plain());
        headers.append(
            "www-authenticate",
            challenge.with_error("invalid_token", "it's \"odd\"", Some("a b")),
        );
        let parsed = parse::challenges(&headers);
        assert_eq!(parsed.len(), 2);
        for found in &parsed {
            assert_eq!(found.get("realm"), Some(realm));
        }
        assert_eq!(parsed[1].get("error_description"), Some("it's 'odd'"));
        assert_eq!(parsed[1].get("scope"), Some("a b"));
    }
}

/// Two schemes may share a name: keys in two headers.
#[tokio::test]
async fn only_the_presented_scheme_states_the_reason() {
    let other = Fake::new(
        "ApiKey",
        portcullis_core::scheme::CredentialSource::Header(http::HeaderName::from_static(
            "x-other-key",
        )),
    );
    let layer = AuthenticateLayer::any_of((Fake::key(), other)).expect("two sources");
    let response = send(&layer, request(&[("x-other-key", "nobody")])).await;
    let challenges = parse::challenges(response.headers());
    assert_eq!(challenges[0].get("error"), None);
    assert_eq!(challenges[1].get("error"), Some("invalid_token"));
}
