//! Clones of a client send the same token.

use std::time::Duration;

use portcullis_client::AddToken;
use tower::{Layer, Service, ServiceExt};

use crate::{
    Pool, Setting, get, pool,
    target::{Answer, INVALID_TOKEN, Target},
};

/// Sends a request with each clone.
async fn call(clones: &mut [AddToken<Pool>], target: &Target) {
    for client in clones {
        let client = client.ready().await.expect("ready");
        client
            .call(get(&target.at("/orders")))
            .await
            .expect("an answer");
    }
}

/// The token that all clones send now.
async fn sent_now(clones: &mut [AddToken<Pool>], target: &Target) -> String {
    let before = target.bearers().len();
    call(clones, target).await;
    let bearers = target.bearers().split_off(before);
    assert_eq!(bearers.len(), clones.len());
    assert!(bearers.iter().all(|one| *one == bearers[0]), "{bearers:?}");
    bearers[0].clone()
}

#[tokio::test]
async fn clones_send_no_rejected_revoked_or_expired_token() {
    let setting = Setting::new().await;
    let target = Target::answering([
        Answer::Ok,
        Answer::Ok,
        Answer::Ok,
        INVALID_TOKEN,
        Answer::Ok,
    ])
    .await;
    let prototype = setting.layer(&target).layer(pool());
    let mut clones = [(); 3].map(|()| prototype.clone());
    let first = sent_now(&mut clones, &target).await;

    call(&mut clones[..1], &target).await; // refused
    let second = sent_now(&mut clones, &target).await;
    assert_ne!(second, first);

    setting.source.revoke().await.expect("revoked");
    let third = sent_now(&mut clones, &target).await;
    assert_ne!(third, second);

    setting.clock.advance(Duration::from_secs(60));
    let fourth = sent_now(&mut clones, &target).await;
    assert_ne!(fourth, third);
    assert_eq!(setting.token_requests(), 4);

    // A clone of a client that was never called sends the current token too.
    let mut late = [prototype.clone()];
    assert_eq!(sent_now(&mut late, &target).await, fourth);
    setting.source.shut_down().await.expect("revoked");
    for client in clones.into_iter().chain([prototype]) {
        let outcome = client.oneshot(get(target.url())).await;
        outcome.expect_err("nothing is sent any more");
    }
}
