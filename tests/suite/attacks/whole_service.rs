//! Requirements of the standards on each route of a whole service.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Empty;
use portcullis_api_key::MemoryStore;
use portcullis_core::RequireMachineLayer;
use portcullis_test::SigningAlgorithm::{ES256, EdDSA};
use portcullis_test::{Endpoint, ManualClock, TestIssuer};
use portcullis_tests::exchange;
use tower::{ServiceBuilder, ServiceExt};

use super::double::Double;
use super::key_sets::{base, set};
use super::offline::{self, Offline, bearer};
use super::service::{OrdersApi, outcome};
use super::world::{key_set, stranger};

const GUARDED: [(&str, &str); 6] = [
    ("GET", "/whoami"),
    ("GET", "/orders"),
    ("GET", "/orders/1"),
    ("POST", "/orders"),
    ("DELETE", "/orders/1"),
    ("GET", "/reports"),
];

const PLAIN: &str = r#"Bearer realm="orders" | ApiKey realm="orders", header="x-api-key""#;

async fn start() -> (TestIssuer, OrdersApi) {
    let issuer = TestIssuer::start().await;
    issuer.publish(key_set()["keys"].as_array().expect("a list").clone());
    let service = OrdersApi::start(&issuer.jwks_uri()).await;
    (issuer, service)
}

fn request(method: &str, target: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nhost: orders\r\ncontent-length: {length}\r\n{lines}\r\n{body}"
    )
}

#[tokio::test]
async fn h2_e1_every_401_of_every_route_has_a_challenge_and_a_problem_document() {
    let (_issuer, service) = start().await;
    let world = service.world("");
    let token = world.token_by(&stranger(ES256)).kid("es256").mint();
    let (most, last) = world.api_key.split_at(world.api_key.len() - 1);
    let mistyped = format!("{most}{}", if last == "x" { "y" } else { "x" });
    let credentials = [
        (String::new(), "", PLAIN.to_owned()),
        (
            format!("authorization: Bearer {token}\r\n"),
            token.as_str(),
            r#"Bearer realm="orders", error="invalid_token", error_description="the token's signature does not hold" | ApiKey realm="orders", header="x-api-key""#.to_owned(),
        ),
        (
            format!("x-api-key: {mistyped}\r\n"),
            mistyped.as_str(),
            r#"Bearer realm="orders" | ApiKey realm="orders", header="x-api-key", error="invalid_token", error_description="the API key was mistyped""#.to_owned(),
        ),
    ];
    for (method, target) in GUARDED {
        for (lines, secret, challenge) in &credentials {
            let request = request(method, target, lines, "{}");
            let response = exchange(service.address(), request).await;
            let met = outcome(&response);
            assert_eq!(
                (met.status, &met.challenge),
                (401, challenge),
                "{method} {target}"
            );
            assert_eq!(
                response.header("content-type"),
                Some("application/problem+json")
            );
            assert_eq!(response.json()["status"], 401);
            assert!(secret.is_empty() || !response.text().contains(secret));
        }
    }
}

#[tokio::test]
async fn h2_unknown_path_is_404_and_livez_needs_no_credential() {
    let (_issuer, service) = start().await;
    let world = service.world("");
    for lines in [
        String::new(),
        "authorization: Bearer bad\r\n".to_owned(),
        format!("x-api-key: {}\r\n", world.api_key),
        format!("authorization: Bearer {}\r\n", world.token().mint()),
    ] {
        for (target, status) in [
            ("/nowhere", 404),
            ("/orders/1/items", 404),
            ("/livez", 200),
            ("/healthz", 200),
        ] {
            let response = exchange(service.address(), request("GET", target, &lines, "")).await;
            assert_eq!(response.status, status, "{target} with {lines:?}");
            assert_eq!(response.header("www-authenticate"), None);
        }
    }
}

#[tokio::test]
async fn b7_tokens_in_a_query_or_form_are_ignored() {
    let (_issuer, service) = start().await;
    let world = service.world("");
    let token = world.token().scope("orders:read orders:write").mint();
    let form = format!("access_token={token}");
    let type_of_form = "content-type: application/x-www-form-urlencoded\r\n";
    for (method, target, lines, body) in [
        ("GET", format!("/orders?access_token={token}"), "", ""),
        (
            "GET",
            format!("/orders?Authorization=Bearer%20{token}"),
            "",
            "",
        ),
        (
            "GET",
            format!("/orders?x-api-key={}", world.api_key),
            "",
            "",
        ),
        ("POST", "/orders".to_owned(), type_of_form, form.as_str()),
        (
            "POST",
            format!("/orders?access_token={token}"),
            type_of_form,
            &form,
        ),
    ] {
        let response = exchange(service.address(), request(method, &target, lines, body)).await;
        let met = outcome(&response);
        assert_eq!(
            (met.status, &*met.challenge),
            (401, PLAIN),
            "{method} {target}"
        );
    }
    assert!(
        !service.log().contains(&token),
        "query strings are not logged"
    );
}

#[tokio::test]
async fn p5_urls_in_a_token_are_not_fetched() {
    let (issuer, service) = start().await;
    let elsewhere = TestIssuer::start().await;
    for algorithm in [ES256, EdDSA] {
        let mine = stranger(algorithm);
        elsewhere.publish([mine.public_jwk()]);
        let world = service.world(elsewhere.jwks_uri());
        for member in ["jku", "x5u", "jwks_uri", "url"] {
            let token = world.token_by(&mine).header(member, elsewhere.jwks_uri());
            let token = token.header("jwk", mine.public_jwk());
            let of_elsewhere = token.clone().claim("iss", elsewhere.url());
            for token in [token.clone().without_header("kid"), token, of_elsewhere] {
                let response = service.get_with_token("/orders", &token.mint()).await;
                assert_eq!(response.status, 401, "{member}");
            }
        }
    }
    for endpoint in Endpoint::ALL {
        assert_eq!(elsewhere.requests(endpoint), 0, "{endpoint}");
    }
    assert!(
        (1..=3).contains(&issuer.requests(Endpoint::Jwks)),
        "the configured issuer is fetched"
    );
}

#[test]
fn o1_user_token_is_403_where_a_machine_is_required() {
    let offline = Offline::new();
    let world = offline.world();
    let clock = ManualClock::new(world.now);
    let issuer = Double::start(set([base()]), &clock);
    let layer = offline::layer(issuer.keys(), MemoryStore::new(), &clock);
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(RequireMachineLayer::new())
        .service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
        });
    let machine = world.token();
    for (token, status) in [
        (machine.clone(), 200),
        (machine.clone().subject("alice"), 403),
        (machine.clone().claim("auth_time", world.now.as_secs()), 403),
        (machine.clone().claim("acr", "1"), 403),
        (machine.claim("amr", serde_json::json!(["pwd"])), 403),
    ] {
        let answer = service.clone().oneshot(bearer(&token.mint()));
        let response = answer
            .now_or_never()
            .expect("an immediate outcome")
            .expect("infallible");
        assert_eq!(response.status().as_u16(), status, "{token:?}");
        if status == 403 {
            let challenge = response.headers()["www-authenticate"]
                .to_str()
                .expect("ASCII");
            assert!(
                challenge.contains(r#"error="insufficient_scope""#),
                "{challenge}"
            );
        }
    }
}
