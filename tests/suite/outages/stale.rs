//! Keys past their stale limit: every answer is 503.

use std::time::Duration;

use portcullis_jwt::VerifyError;
use portcullis_remote::IssuerEvent;
use portcullis_test::{Broken, ManualClock, TestIssuer};

use super::{
    answers::{outage, passes, refused},
    service::{Service, impatient, short_backoff},
    timeouts::{event, failure, in_time, recovery},
    tokens::{forged, good, unpublished, valid},
};

/// The default lifetime of a key set, and the stale limit.
const LIMIT: Duration = Duration::from_secs(10 * 60 + 6 * 60 * 60);

#[tokio::test]
async fn all_tokens_are_503_past_the_stale_limit() {
    let issuer = TestIssuer::start().await;
    let clock = ManualClock::starting_now();
    let keys = impatient(&issuer).start().await.expect("keys");
    let service = Service::start_at(keys, clock.shared()).await;
    issuer.stop().await;
    let token = good(&issuer).expires_in(2 * LIMIT).mint();

    clock.advance(LIMIT - Duration::from_secs(60));
    passes(&service.get(&token).await, "a minute before the limit");
    clock.advance(Duration::from_secs(61));
    outage(&service.get(&token).await, "past the limit");
    for broken in [Broken::Expired, Broken::AudienceOther, Broken::WrongKey] {
        let token = good(&issuer).mint_broken(broken);
        outage(
            &service.get(&token).await,
            "a stale service rejects no token as invalid",
        );
    }
    outage(&service.get(&unpublished(&issuer)).await, "past the limit");
    for (how, token) in forged(&issuer) {
        refused(&service.get(&token).await, &how);
    }

    clock.rewind(Duration::from_secs(61));
    passes(&service.get(&token).await, "the keys are still usable");
}

#[tokio::test]
async fn stale_limit_can_be_extended_while_running() {
    let issuer = TestIssuer::start().await;
    let mut rules = short_backoff();
    let lifetime = Duration::from_millis(100);
    (rules.shortest_lifetime, rules.longest_lifetime) = (lifetime, lifetime);
    rules.backoff.longest = lifetime;
    let keys = impatient(&issuer).refresh_rules(rules).start().await;
    let service = Service::start(keys.expect("keys")).await;
    let mut events = service.issuer().events();
    issuer.stop().await;
    // A fetch that was in flight may still have succeeded.
    failure(&mut events).await;

    let too_old = async |events: &mut _| {
        service.issuer().set_stale_limit(Duration::ZERO);
        event(events, |event| matches!(event, IssuerEvent::Stale { .. })).await;
        outage(&service.get(&valid(&issuer)).await, "past the limit");
        assert!(service.issuer().status().stale);
        assert!(
            service.issuer().is_ready(),
            "the service stays ready in an outage"
        );
    };
    too_old(&mut events).await;
    service
        .issuer()
        .set_stale_limit(Duration::from_secs(24 * 60 * 60));
    no_longer_stale(&service).await;
    passes(&service.get(&valid(&issuer)).await, "extended");

    too_old(&mut events).await;
    issuer.restart().await;
    recovery(&mut events).await;
    service.issuer().set_stale_limit(LIMIT);
    no_longer_stale(&service).await;
    passes(&service.get(&valid(&issuer)).await, "fetched anew");
}

async fn no_longer_stale(service: &Service) {
    in_time(async {
        while service.issuer().status().stale {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[test]
fn unknown_keys_are_503_in_an_outage() {
    for outage in [VerifyError::KeysStale, VerifyError::KeysNotLoaded] {
        assert!(outage.is_undecided());
        let failure = portcullis_core::scheme::Failure::from(outage);
        assert_eq!(failure.kind().status(), 503);
    }
}
