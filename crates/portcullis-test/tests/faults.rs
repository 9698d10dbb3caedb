//! Each fault behaves as documented, at each endpoint that it applies to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};
use serde_json::{Value, json};
use support::{get, get_with, post_form};
use tokio::time::timeout;

async fn jwks_under(fault: Fault) -> (TestIssuer, support::Reply) {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, fault);
    let reply = get(&issuer.jwks_uri()).await.unwrap();
    (issuer, reply)
}

#[tokio::test]
async fn down_closes_without_an_answer() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Down);
    get(&issuer.jwks_uri()).await.unwrap_err();
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    assert_eq!(get(&issuer.discovery_uri()).await.unwrap().status, 200);
    issuer.heal(Endpoint::Jwks);
    assert_eq!(get(&issuer.jwks_uri()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn slow_sends_the_good_answer_late() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Slow(Duration::from_secs(30)));
    let started = tokio::time::Instant::now();
    let reply = get(&issuer.jwks_uri()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(30));
    assert_eq!(reply.json()["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn hang_never_answers_and_stalled_never_ends() {
    let issuer = TestIssuer::start().await;
    for fault in [Fault::Hang, Fault::Stalled] {
        issuer.fault(Endpoint::Discovery, fault);
        let waited = timeout(Duration::from_secs(3600), get(&issuer.discovery_uri())).await;
        assert!(waited.is_err());
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), 2);
}

#[tokio::test]
async fn cut_off_body_is_a_read_error() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::CutOff);
    let cut_off = timeout(Duration::from_secs(30), get(&issuer.jwks_uri())).await;
    cut_off.expect("an end in time").unwrap_err();
}

#[tokio::test]
async fn status_faults_set_status_and_retry_after() {
    let (issuer, reply) = jwks_under(Fault::Status(500)).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["error"]),
        (500, &json!("server_error"))
    );
    let retry_after = Some(Duration::from_secs(7));
    issuer.fault(Endpoint::Token, Fault::TooManyRequests { retry_after });
    let reply = post_form(&issuer.token_endpoint(), None, "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (429, Some("7"))
    );
    issuer.fault(
        Endpoint::Token,
        Fault::TooManyRequests { retry_after: None },
    );
    let reply = post_form(&issuer.token_endpoint(), None, "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (429, None)
    );
}

#[tokio::test]
async fn body_faults_replace_the_body() {
    let (_, html) = jwks_under(Fault::Html).await;
    assert_eq!(
        (html.status.as_u16(), html.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(html.body.starts_with(b"<!DOCTYPE html>"));
    let (_, empty) = jwks_under(Fault::Empty).await;
    assert_eq!((empty.status.as_u16(), empty.body.len()), (200, 0));
    assert_eq!(
        jwks_under(Fault::EmptySet).await.1.json(),
        json!({"keys": []})
    );
    assert_eq!(jwks_under(Fault::Null).await.1.json(), Value::Null);
    assert_eq!(
        jwks_under(Fault::Json(json!([1]))).await.1.json(),
        json!([1])
    );
    let (issuer, plain) = jwks_under(Fault::WrongContentType).await;
    assert_eq!(plain.header("content-type"), Some("text/plain"));
    assert_eq!(plain.json()["keys"][0], issuer.published()[0]);
    let answer = Fault::Answer {
        status: 203,
        content_type: "text/x",
        body: b"y".to_vec(),
    };
    let (_, custom) = jwks_under(answer).await;
    assert_eq!(
        (
            custom.status.as_u16(),
            custom.header("content-type"),
            &*custom.body
        ),
        (203, Some("text/x"), &b"y"[..])
    );
}

#[tokio::test]
async fn truncated_is_a_complete_response_with_half_of_the_json() {
    let (issuer, reply) = jwks_under(Fault::Truncated).await;
    issuer.heal(Endpoint::Jwks);
    let whole = get(&issuer.jwks_uri()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, whole.body[..whole.body.len() / 2]);
}

#[tokio::test]
async fn huge_is_streamed_without_a_length() {
    let (_, reply) = jwks_under(Fault::Huge { bytes: 3_000_000 }).await;
    assert_eq!(
        (
            reply.header("content-length"),
            reply.header("transfer-encoding")
        ),
        (None, Some("chunked"))
    );
    assert!((3_000_000..3_100_000).contains(&reply.body.len()));
    assert_eq!(reply.json()["keys"], json!([]));
}

#[tokio::test]
async fn changed_alters_the_json_of_the_good_answer() {
    let (issuer, reply) = jwks_under(Fault::Changed(|mut set| {
        set["x"] = set["keys"][0].take();
        set
    }))
    .await;
    let key = issuer.published()[0].clone();
    assert_eq!(reply.json(), json!({ "keys": [null], "x": key }));
    assert_eq!(
        reply.header("content-type"),
        Some("application/jwk-set+json")
    );
}

#[tokio::test]
async fn redirect_names_its_target() {
    let (_, reply) = jwks_under(Fault::Redirect("http://127.0.0.1:1/keys".into())).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("location")),
        (302, Some("http://127.0.0.1:1/keys"))
    );
}

#[tokio::test]
async fn empty_set_is_an_empty_object_at_other_endpoints() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Token, Fault::EmptySet);
    let reply = post_form(&issuer.token_endpoint(), None, "").await;
    assert_eq!(reply.json(), json!({}));
}

#[tokio::test]
async fn fault_for_ends_after_the_given_requests() {
    let issuer = TestIssuer::start().await;
    issuer.fault_for(Endpoint::Jwks, Fault::Status(503), 2);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(&issuer.jwks_uri()).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn stopped_issuer_refuses_connections_and_restarts_on_its_port() {
    let issuer = TestIssuer::start().await;
    let token = issuer.token().mint();
    issuer.stop().await;
    issuer.stop().await;
    get(&issuer.jwks_uri()).await.unwrap_err();
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    let port: std::net::SocketAddr = issuer
        .url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    // Without `SO_REUSEADDR` the port stays reserved.
    tokio::net::TcpSocket::new_v4()
        .unwrap()
        .bind(port)
        .unwrap_err();
    issuer.restart().await;
    issuer.restart().await;
    assert_eq!(get(&issuer.jwks_uri()).await.unwrap().status, 200);
    assert!(!token.is_empty());
}

#[tokio::test]
async fn stopping_and_dropping_end_open_connections() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let issuer = TestIssuer::start().await;
    let address = issuer.url().strip_prefix("http://").unwrap().to_owned();
    let connect = async || {
        let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
        connection
            .write_all(b"GET /jwks HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        assert_ne!(connection.read(&mut [0; 4096]).await.unwrap(), 0);
        connection
    };
    let mut kept_alive = connect().await;
    issuer.stop().await;
    assert_eq!(kept_alive.read(&mut [0; 16]).await.unwrap_or(0), 0);
    issuer.restart().await;
    let mut kept_alive = connect().await;
    drop(issuer);
    assert_eq!(kept_alive.read(&mut [0; 16]).await.unwrap_or(0), 0);
    tokio::net::TcpStream::connect(&address).await.unwrap_err();
}

#[tokio::test]
async fn answers_carry_the_headers_that_were_set() {
    let clock = ManualClock::new(portcullis_core::clock::UnixTime::from_secs(784_111_777));
    let issuer = TestIssuer::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    issuer.answer_header(Endpoint::Jwks, "cache-control", "max-age=60");
    let reply = get(&issuer.jwks_uri()).await.unwrap();
    assert_eq!(reply.header("cache-control"), Some("max-age=60"));
    assert_eq!(reply.header("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    issuer.date_skew(Endpoint::Jwks, -37);
    let reply = get(&issuer.jwks_uri()).await.unwrap();
    assert_eq!(reply.header("date"), Some("Sun, 06 Nov 1994 08:49:00 GMT"));
    let reply = get(&issuer.discovery_uri()).await.unwrap();
    assert_eq!(reply.header("cache-control"), None);
    assert_eq!(reply.header("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[tokio::test]
async fn unchanged_key_set_is_304() {
    let issuer = TestIssuer::start().await;
    assert_eq!(get(&issuer.jwks_uri()).await.unwrap().header("etag"), None);
    issuer.etags(Endpoint::Jwks, true);
    let tag = get(&issuer.jwks_uri())
        .await
        .unwrap()
        .header("etag")
        .unwrap()
        .to_owned();
    let reply = get_with(&issuer.jwks_uri(), "if-none-match", &tag).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (304, 0));
    assert_eq!(reply.header("etag"), Some(&*tag));
    issuer.rotate();
    let reply = get_with(&issuer.jwks_uri(), "if-none-match", &tag).await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.header("etag"), Some(&*tag));
}

#[tokio::test]
async fn requests_are_counted_waited_for_and_recorded() {
    let issuer = TestIssuer::start().await;
    let second = issuer.wait_for_requests(Endpoint::Jwks, 2);
    let asking = async {
        get_with(&issuer.jwks_uri(), "authorization", "Bearer sesame").await;
        get(&format!("{}/strangers-jwks.json?a=b", issuer.url()))
            .await
            .unwrap();
        get(&issuer.jwks_uri()).await.unwrap();
    };
    tokio::join!(second, asking);
    assert_eq!(issuer.requests(Endpoint::Jwks), 2);
    assert_eq!(issuer.requests(Endpoint::Other), 1);
    let recorded = issuer.recorded();
    let targets: Vec<_> = recorded
        .iter()
        .map(|request| request.uri.to_string())
        .collect();
    assert_eq!(targets, ["/jwks", "/strangers-jwks.json?a=b", "/jwks"]);
    assert_eq!(recorded[1].endpoint, Endpoint::Other);
    assert_eq!(recorded[0].headers["authorization"], "Bearer sesame");
    assert!(!format!("{recorded:?}").contains("sesame"));
}
