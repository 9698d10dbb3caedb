//! Faults of the issuer: the current keys remain in use, bad keys are refused.

use portcullis_remote::{FetchErrorKind, HttpSettings, IssuerEvent, StartError};
use portcullis_test::{Endpoint, Fault, SigningAlgorithm, TestIssuer, TestKey};
use serde_json::json;

use crate::support::{builder, event, millis, short_backoff, start, started, wait_for};

/// Faults of the key set endpoint, and the error of each.
fn faults(issuer: &TestIssuer) -> Vec<(Fault, FetchErrorKind)> {
    use FetchErrorKind::{Redirected, Status, TimedOut, TooLarge, Unreachable, Unusable};

    let oct = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]});
    vec![
        (Fault::Down, Unreachable),
        (Fault::Hang, TimedOut),
        (Fault::Stalled, TimedOut),
        (Fault::CutOff, Unreachable),
        (Fault::Status(500), Status(500)),
        (Fault::Status(404), Status(404)),
        (Fault::Status(204), Status(204)),
        (Fault::Status(304), Status(304)),
        (Fault::TooManyRequests { retry_after: None }, Status(429)),
        (Fault::Html, Unusable),
        (Fault::Empty, Unusable),
        (Fault::EmptySet, Unusable),
        (Fault::Null, Unusable),
        (Fault::Truncated, Unusable),
        // The body never ends: the fetch ends because it is not read to the end.
        (
            Fault::Huge {
                bytes: usize::MAX / 2,
            },
            TooLarge,
        ),
        (
            Fault::Redirect(format!("{}/elsewhere", issuer.url())),
            Redirected,
        ),
        (Fault::Json(oct), Unusable),
        (Fault::Json(json!({"keys": {}})), Unusable),
        (Fault::Json(json!([])), Unusable),
    ]
}

#[tokio::test]
async fn good_keys_serve_through_every_fault() {
    let issuer = TestIssuer::start().await;
    let keys = start(builder(&issuer).http(HttpSettings::default().timeout(millis(300)))).await;
    let before = keys.status();
    let mut events = keys.events();
    for (fault, kind) in faults(&issuer) {
        issuer.fault(Endpoint::Jwks, fault.clone());
        let error = keys.refresh().await.expect_err("a fault");
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        let status = keys.status();
        assert!(status.ready && !status.stale, "{fault:?}");
        assert_eq!(
            (status.epoch, &status.keys),
            (before.epoch, &before.keys),
            "{fault:?}"
        );
        assert_eq!(
            status.last_error.map(|error| error.kind()),
            Some(kind),
            "{fault:?}"
        );
        assert_eq!(status.last_success, before.last_success, "{fault:?}");
        assert!(keys.keys().snapshot().last_fetch_failed, "{fault:?}");
    }
    let count = faults(&issuer).len();
    issuer.heal(Endpoint::Jwks);
    keys.refresh().await.expect("healed");
    let recovered = wait_for!(&mut events, Recovered);
    assert!(
        matches!(recovered, IssuerEvent::Recovered { failures, .. } if failures as usize == count),
        "{recovered:?}"
    );
    let status = keys.status();
    assert!(status.last_error.is_none() && status.failures == 0);
    assert_eq!(
        issuer.requests(Endpoint::Other),
        0,
        "no redirect is followed"
    );
}

#[tokio::test]
async fn fault_at_the_start_means_not_ready_until_healed() {
    let issuer = TestIssuer::start().await;
    for (fault, kind) in faults(&issuer) {
        issuer.fault(Endpoint::Jwks, fault.clone());
        let keys = start(
            builder(&issuer)
                .http(HttpSettings::default().timeout(millis(300)))
                .start_timeout(millis(1))
                .refresh_rules(short_backoff()),
        )
        .await;
        let mut events = keys.events();
        assert!(!keys.is_ready(), "{fault:?}");
        let failed = wait_for!(&mut events, RefreshFailed);
        assert!(
            matches!(failed, IssuerEvent::RefreshFailed { error, .. } if error.kind() == kind),
            "{fault:?}"
        );
        assert!(!keys.status().ready, "{fault:?}");
        issuer.heal(Endpoint::Jwks);
        keys.ready().await.unwrap();
        assert_eq!(keys.status().keys.len(), 1);
    }
}

#[tokio::test]
async fn issuer_down_at_the_start() {
    let issuer = TestIssuer::start().await;
    issuer.stop().await;
    let failing = builder(&issuer)
        .start_timeout(millis(100))
        .refresh_rules(short_backoff());
    let error = failing
        .clone()
        .fail_fast()
        .start()
        .await
        .expect_err("an unreachable issuer");
    // As printed by a `main` that returns the error.
    let printed = format!("{error:?}");
    assert!(printed.starts_with("no keys of issuer http"), "{printed}");
    assert!(printed.contains("\n  caused by: "), "{printed}");
    let StartError::Unavailable {
        source: Some(source),
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(source.kind(), FetchErrorKind::Unreachable);

    let keys = failing.start().await.unwrap();
    assert!(!keys.is_ready());
    issuer.restart().await;
    keys.ready().await.unwrap();
}

#[tokio::test]
async fn start_retries_within_its_timeout() {
    let issuer = TestIssuer::start().await;
    issuer.fault_for(Endpoint::Jwks, Fault::Status(503), 3);
    let keys = start(builder(&issuer).refresh_rules(short_backoff()).fail_fast()).await;
    assert!(keys.is_ready());
    assert_eq!(issuer.requests(Endpoint::Jwks), 4);
}

#[tokio::test]
async fn unexpected_members_and_content_types_are_accepted() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let mut events = keys.events();
    for fault in [Fault::WrongContentType, Fault::Slow(millis(50))] {
        issuer.fault(Endpoint::Jwks, fault.clone());
        keys.refresh()
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    }
    issuer.add(json!({"kty": "oct", "k": "c2VjcmV0", "x_unknown": null}));
    issuer.add(TestKey::generate(SigningAlgorithm::Ed25519).private_jwk());
    keys.refresh().await.unwrap();
    let report = keys.status().key_set;
    assert!(report.skipped_count > 0 && report.skipped.len() == report.skipped_count);
    assert!(report.keys_with_private_members > 0);
    let private = |event: &IssuerEvent| matches!(event, IssuerEvent::PrivateKeysPublished { .. });
    event(&mut events, private).await;
    keys.refresh().await.unwrap();
    keys.refresh().await.unwrap();
    while let Ok(event) = events.try_recv() {
        assert!(!private(&event), "the key is reported once");
    }
}

#[tokio::test]
async fn thousand_keys_are_refused() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let strangers = (0..1000).map(|_| TestKey::generate(SigningAlgorithm::ES256));
    let published = strangers.chain([issuer.signing_key()]);
    issuer.publish(published.map(|key| key.public_jwk()));
    let error = keys.refresh().await.expect_err("too many");
    assert!(
        matches!(
            error.kind(),
            FetchErrorKind::Unusable | FetchErrorKind::TooLarge
        ),
        "{error}"
    );
    assert_eq!(keys.status().keys.len(), 1);
}

#[tokio::test]
async fn messages_escape_what_the_issuer_sent() {
    let issuer = TestIssuer::start().await;
    let keys = portcullis_remote::Issuer::discover(issuer.url());
    issuer.metadata("issuer", "x\r\nSet-Cookie: a\u{1b}[31m".repeat(1000));
    let keys = keys
        .start_timeout(millis(0))
        .refresh_rules(short_backoff())
        .start()
        .await
        .unwrap();
    let error = keys.refresh().await.expect_err("another issuer");
    assert_eq!(error.kind(), FetchErrorKind::IssuerMismatch);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(
            !text.contains(['\r', '\n', '\u{1b}']) && text.len() < 2000,
            "{text}"
        );
    }
}
