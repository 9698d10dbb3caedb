//! Which schemes one layer can have.

use std::sync::Arc;

use http::{HeaderName, header::AUTHORIZATION};
use portcullis_core::{
    AuthenticateLayer, ConfigError,
    scheme::{CredentialSource, Scheme},
};

use crate::support::{Fake, bearing, request, send};

fn clash(one: Fake, other: Fake) -> ConfigError {
    AuthenticateLayer::any_of((one, other)).expect_err("both read the same credential")
}

fn authorization(name: &'static str) -> Fake {
    Fake::new(name, CredentialSource::Authorization(name))
}

fn header(name: &'static str, header: HeaderName) -> Fake {
    Fake::new(name, CredentialSource::Header(header))
}

#[test]
fn overlapping_schemes_are_refused_by_name() {
    insta::assert_snapshot!(clash(Fake::bearer(), authorization("bEARER")), @r#"`schemes`: Bearer and bEARER would read the same credential (Authorization("bEARER")): use one scheme that accepts both, such as a bearer scheme of several trusted issuers"#);
    insta::assert_snapshot!(clash(Fake::key(), header("Key", HeaderName::from_static("x-api-key"))), @r#"`schemes`: ApiKey and Key would read the same credential (Header("x-api-key")): give one of them another header"#);
    insta::assert_snapshot!(clash(Fake::certificate(), Fake::certificate()), @"`schemes`: ClientCertificate and ClientCertificate would read the same credential (Connection): keep only one of them");
}

#[test]
fn scheme_with_authorization_as_its_header_overlaps_bearer() {
    let whole_header = header("Key", AUTHORIZATION);
    assert_eq!(
        clash(Fake::bearer(), whole_header.clone()).setting(),
        "schemes"
    );
    assert_eq!(clash(whole_header, Fake::bearer()).setting(), "schemes");
}

#[test]
fn overlapping_schemes_are_found_at_any_position() {
    let schemes = (
        Fake::bearer(),
        Fake::key(),
        Fake::certificate(),
        Fake::key(),
    );
    assert!(AuthenticateLayer::any_of(schemes).is_err());
}

#[test]
fn layer_without_schemes_is_refused() {
    let none: Vec<Arc<dyn Scheme>> = Vec::new();
    insta::assert_snapshot!(AuthenticateLayer::any_of(none).expect_err("no schemes"), @"`schemes`: the list is empty: add at least one scheme");
}

#[tokio::test]
async fn schemes_can_be_chosen_at_run_time() {
    let schemes: Vec<Arc<dyn Scheme>> = vec![Arc::new(Fake::bearer()), Arc::new(Fake::key())];
    let layer = AuthenticateLayer::any_of(schemes).expect("two sources");
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
}

#[tokio::test]
async fn two_schemes_may_share_the_authorization_header() {
    let layer = AuthenticateLayer::any_of((Fake::bearer(), authorization("DPoP"))).expect("apart");
    for (sent, status) in [
        ("Bearer reader", 200),
        ("dpop reader", 200),
        ("Basic reader", 401),
        ("DPoP", 400),
    ] {
        let response = send(&layer, request(&[("authorization", sent)])).await;
        assert_eq!(response.status(), status, "{sent}");
    }
    let twice = request(&[
        ("authorization", "Bearer reader"),
        ("authorization", "DPoP reader"),
    ]);
    assert_eq!(send(&layer, twice).await.status(), 400, "d3");
}
