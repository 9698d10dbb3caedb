//! Callers that send an unknown `kid` and reset the connection before the response.

use std::{net::SocketAddr, time::Duration};

use portcullis_test::{Endpoint, Fault, TestIssuer};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use super::{
    answers::{invalid, passes},
    service::Service,
    spray::budget,
    timeouts::in_time,
    tokens::{UnknownKids, unpublished, valid},
};

const RESETS: usize = 500;

async fn send_and_reset(address: SocketAddr, token: &str) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request =
        format!("GET /orders HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a socket");
    tokio::task::yield_now().await; // lets the service read the request
    stream.set_zero_linger().expect("a socket"); // dropping the stream resets the connection
}

#[tokio::test]
async fn reset_connections_do_not_stop_a_refresh() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    let kids: Vec<String> = UnknownKids::of(&issuer).take(RESETS).collect();
    issuer.fault(Endpoint::Jwks, Fault::Slow(Duration::from_millis(300)));
    let before = issuer.requests(Endpoint::Jwks);
    issuer.rotate();
    let started = Instant::now();

    // The caller disconnects before the issuer answers. The fetch continues.
    send_and_reset(service.address(), &kids[0]).await;
    in_time(issuer.wait_for_requests(Endpoint::Jwks, before + 1)).await;
    let new = valid(&issuer);
    let resets = async {
        for token in &kids[1..] {
            send_and_reset(service.address(), token).await;
        }
    };
    let ((), answer) = tokio::join!(resets, service.get(&new));
    passes(&answer, "a key of the fetch that they caused");
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    let most = budget(started.elapsed());
    assert!((1..=most).contains(&fetches), "{fetches} of {most}");
}

#[tokio::test]
async fn reset_connections_stay_within_the_budget() {
    let issuer = TestIssuer::start().await;
    let service = Service::discover(&issuer).await;
    let before = issuer.requests(Endpoint::Jwks);
    let started = Instant::now();
    for token in UnknownKids::of(&issuer).take(RESETS) {
        send_and_reset(service.address(), &token).await;
    }
    let valid = valid(&issuer);
    passes(&service.get(&valid).await, "after the resets");
    invalid(
        &service.get(&unpublished(&issuer)).await,
        "after the resets",
    );
    let fetches = issuer.requests(Endpoint::Jwks) - before;
    let most = budget(started.elapsed());
    assert!((1..=most).contains(&fetches), "{fetches} of {most}");
}
