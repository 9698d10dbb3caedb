//! Required and optional authentication, and what the inner service sees.

use portcullis_core::{AuthenticateLayer, Authentication};

use crate::support::{Fake, KEY_HEADER, bearing, request, seen, send};

#[tokio::test]
async fn good_credential_passes_with_its_principal() {
    let layer = AuthenticateLayer::new(Fake::bearer());
    let response = send(&layer, bearing("reader")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), "hello");
    let principal = seen(&response).principal().expect("authenticated");
    assert_eq!(principal.subject(), Some("reader"));
    assert_eq!(principal.scopes().as_str(), "orders:read");
}

#[tokio::test]
async fn b1_required_refuses_a_request_without_credentials() {
    let bearer = Fake::bearer();
    let response = send(&AuthenticateLayer::new(bearer.clone()), request(&[])).await;
    assert_eq!(response.status(), 401);
    assert_eq!(bearer.calls(), 0);
}

#[tokio::test]
async fn optional_admits_only_requests_without_credentials() {
    let layer = AuthenticateLayer::any_of((Fake::bearer(), Fake::key()))
        .expect("two sources")
        .optional();
    let response = send(&layer, request(&[])).await;
    assert_eq!(response.status(), 200);
    assert!(matches!(
        seen(&response).authentication,
        Some(Authentication::Anonymous(_))
    ));
    for (fields, status) in [
        (&[("authorization", "Bearer expired")][..], 401),
        (&[("authorization", "Bearer")], 400),
        (&[("authorization", "")], 400),
        (&[("authorization", " Bearer reader")], 400),
        (&[("authorization", ",Bearer reader")], 400),
        (
            &[("authorization", "Basic a"), ("authorization", "Basic b")],
            400,
        ),
        (&[("x-api-key", "")], 400),
        (&[("x-api-key", "nobody")], 401),
        (&[("x-api-key", "down")], 503),
        (
            &[("x-api-key", "reader"), ("authorization", "Bearer reader")],
            400,
        ),
    ] {
        assert_eq!(
            send(&layer, request(fields)).await.status(),
            status,
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn optional_leaves_foreign_credentials_in_place() {
    let layer = AuthenticateLayer::new(Fake::bearer()).optional();
    let response = send(&layer, request(&[("authorization", "Basic abc")])).await;
    assert_eq!(response.status(), 200);
    assert!(seen(&response).principal().is_none());
    assert_eq!(seen(&response).headers["authorization"], "Basic abc");
}

#[tokio::test]
async fn optional_still_authenticates() {
    let layer = AuthenticateLayer::new(Fake::bearer()).optional();
    let response = send(&layer, bearing("reader")).await;
    assert!(seen(&response).principal().is_some());
}

#[tokio::test]
async fn only_the_credential_is_stripped() {
    let layer = AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources");
    let response = send(
        &layer,
        request(&[("authorization", "Bearer reader"), ("accept", "text/plain")]),
    )
    .await;
    let headers = &seen(&response).headers;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers["accept"], "text/plain");

    let response = send(
        &layer,
        request(&[("X-API-Key", "reader"), ("authorization", "Basic other")]),
    )
    .await;
    let headers = &seen(&response).headers;
    assert!(!headers.contains_key(KEY_HEADER));
    assert_eq!(headers["authorization"], "Basic other");
}

#[tokio::test]
async fn kept_credential_is_marked_sensitive() {
    let layer = AuthenticateLayer::new(Fake::bearer()).keep_credentials();
    let response = send(&layer, bearing("reader")).await;
    let headers = &seen(&response).headers;
    assert_eq!(headers["authorization"], "Bearer reader");
    assert!(!format!("{headers:?}").contains("reader"));
}

#[tokio::test]
async fn settings_do_not_leak_into_clones() {
    let strict = AuthenticateLayer::new(Fake::bearer());
    let relaxed = strict.clone().optional().keep_credentials();
    assert_eq!(send(&strict, request(&[])).await.status(), 401);
    assert_eq!(send(&relaxed, request(&[])).await.status(), 200);
}

#[test]
fn debug_shows_only_the_schemes() {
    let layer = AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources");
    assert_eq!(
        format!("{layer:?}"),
        r#"AuthenticateLayer(Settings { schemes: ["Bearer", "ApiKey"], optional: false, keep_credentials: false, .. })"#
    );
}
