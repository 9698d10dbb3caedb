//! Requests with no credential, one, a malformed one, or too many.

use http::{HeaderValue, Request, header::AUTHORIZATION};
use portcullis_core::{AuthenticateLayer, FailureKind, Refusal};

use crate::support::{Certificate, Fake, bearing, challenges, request, seen, send};

fn both() -> AuthenticateLayer {
    AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources")
}

#[tokio::test]
async fn either_scheme_authenticates() {
    let response = send(&both(), bearing("reader")).await;
    assert_eq!(
        seen(&response).principal().expect("known").scheme(),
        "Bearer"
    );
    let response = send(&both(), request(&[("x-api-key", "reader")])).await;
    assert_eq!(
        seen(&response).principal().expect("known").scheme(),
        "ApiKey"
    );
}

#[tokio::test]
async fn h1_scheme_name_is_case_insensitive() {
    for name in ["bEaReR", "BEARER", "bearer"] {
        let sent = format!("{name} reader");
        let response = send(&both(), request(&[("AUTHORIZATION", &sent)])).await;
        assert_eq!(response.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn b1_unknown_scheme_is_401_without_an_error_code() {
    for sent in ["Basic abc", "Digest x=y", "Bearerreader", "reader"] {
        let response = send(&both(), request(&[("authorization", sent)])).await;
        assert_eq!(response.status(), 401, "{sent}");
        assert_eq!(
            challenges(&response),
            [
                r#"Bearer realm="orders""#,
                r#"ApiKey realm="orders", header="x-api-key""#
            ],
            "{sent}"
        );
    }
}

#[tokio::test]
async fn b2_header_sent_twice_is_400() {
    for fields in [
        [("authorization", "Bearer reader"); 2],
        [("x-api-key", "reader"); 2],
        [
            ("authorization", "Basic abc"),
            ("authorization", "Bearer reader"),
        ],
        [
            ("Authorization", "Bearer reader"),
            ("authorization", "Bearer admin"),
        ],
    ] {
        let response = send(&both(), request(&fields)).await;
        assert_eq!(response.status(), 400, "{fields:?}");
    }
}

#[tokio::test]
async fn b2_two_header_credentials_are_400_and_not_verified() {
    let (bearer, key) = (Fake::bearer(), Fake::key());
    let layer = AuthenticateLayer::any_of((bearer.clone(), key.clone())).expect("two sources");
    for (token, key) in [("reader", "reader"), ("reader", "bad"), ("bad", "reader")] {
        let sent = format!("Bearer {token}");
        let response = send(
            &layer,
            request(&[("authorization", &sent), ("x-api-key", key)]),
        )
        .await;
        assert_eq!(response.status(), 400);
    }
    assert_eq!(bearer.calls() + key.calls(), 0);
}

#[tokio::test]
async fn b2_malformed_credential_beside_a_good_one_is_400() {
    for fields in [
        [("authorization", "Bearer"), ("x-api-key", "reader")],
        [("authorization", "Bearer reader"), ("x-api-key", "")],
    ] {
        assert_eq!(send(&both(), request(&fields)).await.status(), 400);
    }
}

#[tokio::test]
async fn octets_outside_ascii_are_400() {
    for sent in [
        &b"Bearer r\xc3\xa9ader"[..],
        b"Bearer \xff",
        b"\xffBearer reader",
    ] {
        let mut request = Request::new(());
        let value = HeaderValue::from_bytes(sent).expect("obs-text is allowed in a field value");
        request.headers_mut().insert(AUTHORIZATION, value);
        let response = send(&both(), request).await;
        assert_eq!(response.status(), 400, "{}", sent.escape_ascii());
    }
}

#[tokio::test]
async fn similar_header_names_are_not_read() {
    for name in ["x_api_key", "x-api-key2", "authorization_"] {
        let response = send(&both(), request(&[(name, "Bearer reader")])).await;
        assert_eq!(response.status(), 401, "{name}");
    }
}

#[tokio::test]
async fn b7_token_in_the_query_is_ignored() {
    let request = Request::get("/orders?access_token=reader&api_key=reader")
        .body(())
        .expect("a request");
    let response = send(&both(), request).await;
    assert_eq!(response.status(), 401);
    assert!(
        !challenges(&response)
            .iter()
            .any(|sent| sent.contains("error"))
    );
}

#[tokio::test]
async fn connection_credential_counts_only_without_a_header_credential() {
    let certificate = Fake::certificate();
    let layer = AuthenticateLayer::any_of((certificate.clone(), Fake::bearer(), Fake::key()))
        .expect("three sources");
    let with_certificate = |mut request: Request<()>, name| {
        request.extensions_mut().insert(Certificate(name));
        request
    };

    let response = send(&layer, with_certificate(request(&[]), "reader")).await;
    let principal = seen(&response).principal().expect("known").clone();
    assert_eq!(principal.scheme(), "ClientCertificate");
    assert_eq!(certificate.calls(), 1);

    let response = send(&layer, with_certificate(bearing("admin"), "reader")).await;
    let principal = seen(&response).principal().expect("known").clone();
    assert_eq!(principal.scheme(), "Bearer");

    for (fields, status) in [
        (&[("authorization", "Bearer expired")][..], 401),
        (&[("authorization", "Bearer")], 400),
        (&[("x-api-key", "down")], 503),
        (
            &[("x-api-key", "reader"), ("authorization", "Bearer reader")],
            400,
        ),
    ] {
        let response = send(&layer, with_certificate(request(fields), "reader")).await;
        assert_eq!(
            response.status(),
            status,
            "never a fallback for a bad one: {fields:?}"
        );
    }
    assert_eq!(certificate.calls(), 1, "the certificate was not read");
}

#[tokio::test]
async fn refusal_is_in_the_response_extensions() {
    for (request, kind) in [
        (request(&[]), FailureKind::NoCredentials),
        (bearing("expired"), FailureKind::Invalid),
        (bearing("down"), FailureKind::Unavailable),
        (bearing("busy"), FailureKind::LimitExceeded),
        (bearing("a,b"), FailureKind::Malformed),
    ] {
        let response = send(&both(), request).await;
        let refusal = response.extensions().get::<Refusal>().expect("refused");
        assert_eq!(refusal.kind(), kind);
        assert_eq!(refusal.status(), response.status());
    }
    let response = send(&both(), bearing("expired")).await;
    let refusal = response.extensions().get::<Refusal>().expect("refused");
    assert_eq!(refusal.failure().internal(), "exp was long ago");
    assert_eq!(refusal.to_string(), "the credential has expired");

    let response = send(&both(), bearing("reader")).await;
    assert!(response.extensions().get::<Refusal>().is_none());
}
