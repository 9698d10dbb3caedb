//! Outages: without a token, no request is sent.

use portcullis_client::{AddCredentialError, TokenErrorKind};
use portcullis_test::{Endpoint, Fault};
use tower::{Layer, ServiceExt};

use crate::{Setting, get, pool, target::Target};

#[tokio::test]
async fn request_fails_while_the_issuer_is_down() {
    for (fault, kind) in [
        (Fault::Down, TokenErrorKind::Unreachable),
        (Fault::Hang, TokenErrorKind::Unreachable),
        (Fault::Status(500), TokenErrorKind::Refused),
        (Fault::Empty, TokenErrorKind::Unusable),
    ] {
        let (setting, target) = (Setting::new().await, Target::start().await);
        setting.issuer.fault(Endpoint::Token, fault);
        let client = setting.layer(&target).layer(pool());
        let replaying = setting.layer(&target).replay_bodies();
        let replaying = replaying.layer(pool());
        for _ in 0..2 {
            let url = target.at("/orders");
            let outcomes = [
                client.clone().oneshot(get(&url)).await,
                replaying.clone().oneshot(get(&url)).await,
            ];
            for outcome in outcomes {
                match outcome {
                    Err(AddCredentialError::Token(error)) => assert_eq!(error.kind(), kind),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(target.recorded().is_empty());

        setting.issuer.heal(Endpoint::Token);
        setting.clock.advance(std::time::Duration::from_secs(10));
        let response = client.oneshot(get(target.url())).await;
        assert_eq!(response.expect("an answer").status(), 200);
        assert_eq!(target.bearers(), [setting.bearer()]);
    }
}

#[tokio::test]
async fn request_fails_after_the_source_was_shut_down() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let client = setting.layer(&target).layer(pool());
    let response = client.clone().oneshot(get(target.url())).await;
    assert_eq!(response.expect("an answer").status(), 200);
    setting.source.shut_down().await.expect("revoked");
    match client.oneshot(get(target.url())).await {
        Err(AddCredentialError::Token(error)) => assert_eq!(error.kind(), TokenErrorKind::Stopped),
        other => panic!("{other:?}"),
    }
    assert_eq!(target.recorded().len(), 1);
}

#[tokio::test]
async fn current_token_remains_in_use_during_an_outage() {
    let (setting, target) = (Setting::new().await, Target::start().await);
    let client = setting.layer(&target).layer(pool());
    for _ in 0..2 {
        let response = client.clone().oneshot(get(target.url())).await;
        assert_eq!(response.expect("an answer").status(), 200);
        setting.issuer.fault(Endpoint::Token, Fault::Down);
    }
    assert_eq!(target.bearers(), vec![setting.bearer(); 2]);
}
