//! Hard rotations: a new key replaces the old one, and callers use it at once.

use futures_util::future::join_all;
use portcullis_test::{Endpoint, TestIssuer};

use super::{
    answers::{invalid, passes},
    service::Service,
    timeouts::in_time,
    tokens::{good, valid},
};

const CALLERS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn rotation_without_kid_refuses_no_valid_token() {
    let issuer = TestIssuer::start().await;
    issuer.publish_without("kid");
    let service = Service::discover(&issuer).await;
    let token = || good(&issuer).without_header("kid").mint();
    passes(&service.get(&token()).await, "before");
    for rotation in ["the first rotation", "the second"] {
        issuer.rotate();
        issuer.publish_without("kid");
        let token = token();
        let answers = join_all((0..CALLERS).map(|_| service.get(&token))).await;
        answers.iter().for_each(|answer| passes(answer, rotation));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_after_two_tampered_tokens_refuses_no_valid_token() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    let before = issuer.requests(Endpoint::Jwks);
    let tampered = tampered(&issuer);
    // Each token causes a fetch, unless one is in flight.
    in_time(async {
        while issuer.requests(Endpoint::Jwks) < before + 2 {
            invalid(&service.get(&tampered).await, "tampered");
        }
    })
    .await;
    issuer.rotate();
    let token = valid(&issuer);
    let answers = join_all((0..CALLERS).map(|_| service.get(&token))).await;
    for answer in &answers {
        passes(answer, "after two tampered tokens");
    }
}

/// A token under a known `kid` with the signature of another token.
fn tampered(issuer: &TestIssuer) -> String {
    let token = valid(issuer);
    let other = good(issuer).subject("another").mint();
    let (input, _) = token.rsplit_once('.').expect("three parts");
    let (_, signature) = other.rsplit_once('.').expect("three parts");
    format!("{input}.{signature}")
}
