//! Metadata of another issuer, at the start and later.

use std::time::Duration;

use portcullis_remote::{FetchErrorKind, Issuer, StartError};
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::{
    log::Log,
    support::{in_time, millis, short_backoff, wait_for},
};

#[tokio::test]
async fn wrong_issuer_is_an_error_at_the_start() {
    let issuer = TestIssuer::start().await;
    issuer.metadata("issuer", format!("{}/", issuer.url()));
    // Before the start timeout, and without `fail_fast`.
    let started = Issuer::discover(issuer.url())
        .start_timeout(Duration::from_secs(3600))
        .start();
    let error = in_time(started).await.expect_err("an extra slash");
    let StartError::WrongIssuer { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), FetchErrorKind::IssuerMismatch);
    assert!(
        source
            .to_string()
            .contains("exactly as its metadata names it")
    );
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
}

#[tokio::test]
async fn forbidden_key_url_is_an_error_at_the_start() {
    let issuer = TestIssuer::start().await;
    issuer.metadata("jwks_uri", "ftp://issuer.example/keys");
    let started = Issuer::discover(issuer.url())
        .start_timeout(Duration::from_secs(3600))
        .start();
    let error = in_time(started).await.expect_err("a forbidden URL");
    let StartError::Unavailable {
        source: Some(source),
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), FetchErrorKind::Forbidden);

    let keys = Issuer::discover(issuer.url())
        .start_timeout(Duration::ZERO)
        .start()
        .await
        .expect("a start without waiting");
    let error = in_time(keys.ready()).await.expect_err("the same");
    assert_eq!(error.kind(), FetchErrorKind::Forbidden);
}

#[tokio::test]
async fn metadata_outage_is_not_a_wrong_issuer() {
    let issuer = TestIssuer::start().await;
    for fault in [
        Fault::Down,
        Fault::Status(500),
        Fault::Status(404),
        Fault::Html,
    ] {
        issuer.fault(Endpoint::Discovery, fault.clone());
        let keys = Issuer::discover(issuer.url())
            .start_timeout(millis(300))
            .refresh_rules(short_backoff())
            .start()
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(!keys.is_ready());
        issuer.heal(Endpoint::Discovery);
        in_time(keys.ready()).await.expect("healed");
    }
}

#[tokio::test]
async fn wrong_issuer_after_the_start_is_logged_as_an_error() {
    let log = Log::install();
    let issuer = TestIssuer::start().await;
    let mut rules = short_backoff();
    rules.discovery_interval = Duration::ZERO;
    let keys = Issuer::discover(issuer.url())
        .refresh_rules(rules)
        .start()
        .await
        .expect("keys");
    let mut events = keys.events();
    log.take();
    issuer.metadata("issuer", "https://issuer.example");
    keys.refresh().await.expect("the previous key URL");
    wait_for!(&mut events, DiscoveryFailed);
    let text = log.take();
    assert!(
        text.contains("ERROR") && text.contains("https://issuer.example"),
        "{text}"
    );

    // Also without keys, because the start did not wait for them.
    let keys = Issuer::discover(issuer.url())
        .start_timeout(Duration::ZERO)
        .start()
        .await
        .expect("a start without waiting");
    let error = in_time(keys.ready()).await.expect_err("another issuer");
    assert_eq!(error.kind(), FetchErrorKind::IssuerMismatch);
    keys.refresh().await.expect_err("another issuer");
    assert!(log.take().contains("ERROR"));
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    keys.refresh().await.expect_err("an outage");
    let text = log.take();
    assert!(text.contains("WARN") && !text.contains("ERROR"), "{text}");
    issuer.heal(Endpoint::Discovery);
    issuer.metadata("issuer", issuer.url());
    in_time(keys.ready()).await.expect("corrected metadata");
}

#[tokio::test]
async fn start_logs_that_it_waits() {
    let log = Log::install();
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let start = Issuer::discover(issuer.url()).start_timeout(Duration::from_secs(3600));
    tokio::select! {
        _ = start.start() => panic!("the issuer hangs"),
        () = issuer.wait_for_requests(Endpoint::Jwks, 1) => {}
    }
    let text = log.take();
    assert!(text.contains("waiting for the issuer's keys"), "{text}");
    assert!(
        text.contains(&issuer.url()) && text.contains("3600s"),
        "{text}"
    );
}
