use portcullis_core::FailureKind;

use crate::support::Pair;

const UNAVAILABLE: FailureKind = FailureKind::Unavailable;

#[tokio::test]
async fn known_key_passes_until_the_unreachable_bound() {
    let pair = Pair::start().await;
    let (key, unknown) = (pair.create(), pair.create());
    assert!(pair.is_accepted(&key).await);
    pair.endpoint.fail();
    pair.advance(5);
    assert!(pair.is_accepted(&key).await);
    assert_eq!(pair.check(unknown.key().expose()).await, Err(UNAVAILABLE));
    assert!(
        pair.store
            .status()
            .problem
            .expect("an outage")
            .contains("503")
    );
    pair.advance(15 * 60 - 6);
    assert!(pair.is_accepted(&key).await);
    pair.advance(1);
    assert_eq!(
        pair.check(key.key().expose()).await.err(),
        Some(UNAVAILABLE)
    );

    pair.endpoint.heal();
    pair.advance(1);
    assert!(pair.is_accepted(&key).await);
    assert!(pair.is_accepted(&unknown).await);
    assert_eq!(pair.store.status().problem, None);
}

#[tokio::test]
async fn one_request_a_second_finds_out_whether_the_endpoint_is_back() {
    let pair = Pair::start().await;
    let key = pair.create();
    assert!(pair.is_accepted(&key).await);
    pair.endpoint.fail();
    pair.advance(5);
    for second in 0..5 {
        for _ in 0..20 {
            assert!(pair.is_accepted(&key).await);
            assert_eq!(
                pair.check(pair.create().key().expose()).await,
                Err(UNAVAILABLE)
            );
        }
        assert_eq!(pair.endpoint.requests(), 2 + second);
        pair.advance(1);
    }
    pair.endpoint.heal();
    assert!(pair.is_accepted(&key).await);
    assert!(pair.is_accepted(&pair.create()).await);
}

#[tokio::test]
async fn key_that_is_revoked_in_an_outage_is_refused_after_it() {
    let pair = Pair::start().await;
    let key = pair.create();
    assert!(pair.is_accepted(&key).await);
    pair.endpoint.fail();
    pair.keys.revoke(&key.record().id).expect("revoked");
    pair.advance(6);
    assert!(pair.is_accepted(&key).await);
    pair.endpoint.heal();
    pair.advance(1);
    assert!(!pair.is_accepted(&key).await);
    pair.endpoint.fail();
    pair.advance(6);
    assert_eq!(
        pair.check(key.key().expose()).await.err(),
        Some(UNAVAILABLE)
    );
}

#[tokio::test]
async fn unusable_answer_is_503() {
    let pair = Pair::start().await;
    let key = pair.create();
    let id = key.record().id;
    let active = |rest: &str| {
        format!(r#"{{"active":true,"sub":"a","client_id":"{id}","scope":"","iat":1{rest}}}"#)
    };
    for (status, body) in [
        (200, String::new()),
        (200, "[]".to_owned()),
        (200, "{}".to_owned()),
        (200, r#"{"active":"true"}"#.to_owned()),
        (200, r#"{"active":true}"#.to_owned()),
        (200, active("")),
        (200, active(r#","networks":["x"]"#)),
        (
            200,
            active(r#","networks":[],"limit":{"requests":0,"period_seconds":1,"burst":1}"#),
        ),
        (200, active(r#","networks":[],"expires_at":"soon""#)),
        (200, active(r#","networks":[],"prefix":"Ä""#)),
        (
            200,
            active(r#","networks":[]"#).replace(id.as_str(), "000000000000"),
        ),
        (204, String::new()),
        (302, String::new()),
        (401, String::new()),
        (403, String::new()),
        (404, String::new()),
        (429, String::new()),
        (500, String::new()),
    ] {
        pair.endpoint.answer(status, &body);
        let outcome = pair.check(key.key().expose()).await;
        assert_eq!(outcome.err(), Some(UNAVAILABLE), "{status} {body}");
        let problem = pair.store.status().problem.expect("a problem");
        assert!(problem.contains(&pair.url), "{problem}");
        assert!(!problem.contains(key.key().expose()), "{problem}");
        pair.advance(1);
    }
    pair.endpoint.answer(200, &active(r#","networks":[]"#));
    assert!(pair.is_accepted(&key).await);
}

#[tokio::test]
async fn own_credential_that_is_refused_is_named() {
    let pair = Pair::start().await;
    let own = pair
        .keys
        .list()
        .into_iter()
        .find(|record| &*record.owner == "orders");
    pair.keys
        .revoke(&own.expect("the own key").id)
        .expect("revoked");
    let key = pair.create();
    assert_eq!(
        pair.check(key.key().expose()).await.err(),
        Some(UNAVAILABLE)
    );
    let problem = pair.store.status().problem.expect("a problem");
    assert!(problem.contains("keys:introspect"), "{problem}");
}
