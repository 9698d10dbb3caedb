//! Guards behind the authenticate layer, and without it.

use portcullis_core::{
    AuthenticateLayer, FailureKind, Refusal, RequireMachineLayer, RequireScopeLayer, Scope,
};
use tower::ServiceBuilder;

use crate::{
    parse,
    support::{Fake, bearing, challenges, request, seen, send},
};

const READ: Scope = Scope::from_static("orders:read");
const WRITE: Scope = Scope::from_static("orders:write");

#[tokio::test]
async fn b4_guard_requires_its_scopes() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::all([READ, WRITE]))
        .into_inner();
    for (credential, status) in [
        ("admin", 200),
        ("reader", 403),
        ("nothing", 403),
        ("expired", 401),
    ] {
        let response = send(&layer, bearing(credential)).await;
        assert_eq!(response.status(), status, "{credential}");
    }
    assert_eq!(send(&layer, request(&[])).await.status(), 401);
}

#[tokio::test]
async fn any_requires_one_of_several_scopes() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::any([WRITE, READ]))
        .into_inner();
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
    assert_eq!(send(&layer, bearing("nothing")).await.status(), 403);
}

#[tokio::test]
async fn two_guards_in_a_row_both_decide() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::all([READ]))
        .layer(RequireScopeLayer::all([WRITE]))
        .into_inner();
    let response = send(&layer, bearing("admin")).await;
    assert_eq!(response.status(), 200);
    assert!(seen(&response).principal().is_some());

    let response = send(&layer, bearing("reader")).await;
    assert_eq!(response.status(), 403);
    let challenge = parse::challenges(response.headers());
    assert_eq!(challenge[0].get("scope"), Some("orders:write"));
}

#[tokio::test]
async fn b1_anonymous_caller_at_a_guard_is_401() {
    let layer = ServiceBuilder::new()
        .layer(
            AuthenticateLayer::any_of((Fake::bearer(), Fake::key()))
                .expect("two sources")
                .optional(),
        )
        .layer(RequireScopeLayer::all([READ]))
        .into_inner();
    let response = send(&layer, request(&[])).await;
    assert_eq!(response.status(), 401);
    assert_eq!(
        challenges(&response),
        [
            r#"Bearer realm="orders""#,
            r#"ApiKey realm="orders", header="x-api-key""#
        ]
    );
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
}

#[tokio::test]
async fn o1_require_machine_admits_machines_only() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).optional())
        .layer(RequireMachineLayer::new())
        .into_inner();
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
    assert_eq!(send(&layer, request(&[])).await.status(), 401);
    for credential in ["person", "someone"] {
        let response = send(&layer, bearing(credential)).await;
        assert_eq!(response.status(), 403, "{credential}");
        let refusal = response.extensions().get::<Refusal>().expect("refused");
        assert_eq!(refusal.kind(), FailureKind::NotAMachine);
        let challenge = parse::challenges(response.headers());
        assert_eq!(challenge[0].get("error"), Some("insufficient_scope"));
        assert_eq!(challenge[0].get("scope"), None);
    }
}

#[tokio::test]
async fn guard_without_an_authenticate_layer_is_500() {
    for request in [request(&[]), bearing("admin")] {
        let response = send(&RequireScopeLayer::all([READ]), request).await;
        assert_eq!(response.status(), 500);
        assert!(challenges(&response).is_empty());
    }
    let response = send(&RequireMachineLayer::new(), bearing("admin")).await;
    assert_eq!(response.status(), 500);
}

#[tokio::test]
async fn guard_outside_the_authenticate_layer_is_500() {
    let layer = ServiceBuilder::new()
        .layer(RequireScopeLayer::all([READ]))
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .into_inner();
    assert_eq!(send(&layer, bearing("admin")).await.status(), 500);
}

#[tokio::test]
async fn two_authenticate_layers_in_a_row_are_500() {
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).keep_credentials())
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .into_inner();
    let response = send(&layer, bearing("reader")).await;
    assert_eq!(response.status(), 500);
    assert!(challenges(&response).is_empty());

    let outer_optional = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).optional())
        .layer(AuthenticateLayer::new(Fake::key()))
        .into_inner();
    assert_eq!(send(&outer_optional, request(&[])).await.status(), 500);
}
