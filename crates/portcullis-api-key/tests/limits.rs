//! Limits of keys and owners, behind a real layer.

#![cfg(feature = "limit")]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use portcullis_api_key::{
    ApiKeys, ApiKeysBuilder, IssuedKey, Limit, LimitCheck, LimitDecision, LimitSubject, Limiter,
    MemoryStore, NewKey, Quota,
};
use portcullis_core::{AuthenticateLayer, clock::UnixTime};
use support::{ManualClock, forge, send_key, send_request};

const MINUTE: Duration = Duration::from_secs(60);

fn limit(requests: u32) -> Limit {
    Limit::new(requests, MINUTE).expect("a limit")
}

struct Service {
    store: MemoryStore,
    clock: ManualClock,
    keys: ApiKeys,
}

impl Service {
    fn new(settings: impl FnOnce(ApiKeysBuilder) -> ApiKeysBuilder) -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::new().clock(Arc::new(clock.clone()));
        let keys = ApiKeys::builder(store.clone()).clock(Arc::new(clock.clone()));
        let keys = settings(keys).build().expect("valid settings");
        Self { store, clock, keys }
    }

    fn issue(&self, new: NewKey) -> IssuedKey {
        self.store.create(new).expect("made")
    }

    /// The statuses of so many requests with the key.
    async fn send(&self, key: &IssuedKey, times: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..times {
            let answer = send_key(&self.keys, key.key().expose()).await;
            statuses.push(answer.status.as_u16());
        }
        statuses
    }
}

#[tokio::test]
async fn request_over_the_limit_is_429_and_says_when_to_retry() {
    let service = Service::new(|keys| keys.key_limit(limit(2)));
    let key = service.issue(NewKey::new("billing"));
    assert_eq!(service.send(&key, 2).await, [200, 200]);
    let answer = send_key(&service.keys, key.key().expose()).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.retry_after, Some(30));
    assert_eq!(answer.challenge, None);
    assert_eq!(answer.headers["ratelimit-policy"], r#""key";q=2;w=60"#);
    assert_eq!(answer.headers["ratelimit"], r#""key";a=0;w=30;r=0;t=30"#);
    let told = "the API key is over its limit of 2 requests in 60 s";
    assert!(answer.body.contains(told), "{}", answer.body);
    service.clock.advance(Duration::from_secs(30));
    assert_eq!(service.send(&key, 2).await, [200, 429]);
}

#[tokio::test]
async fn grpc_call_over_the_limit_has_status_8() {
    let service = Service::new(|keys| keys.key_limit(limit(1)));
    let key = service.issue(NewKey::new("billing"));
    assert_eq!(service.send(&key, 1).await, [200]);
    let request = Request::post("/orders.v1.Orders/List")
        .header("content-type", "application/grpc")
        .header("x-api-key", key.key().expose())
        .body(())
        .expect("a request");
    let layer = AuthenticateLayer::new(service.keys.clone());
    let answer = send_request(&layer, request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["grpc-status"], "8");
}

#[tokio::test]
async fn wrong_secrets_do_not_count_against_the_key() {
    let service = Service::new(|keys| keys.key_limit(limit(1)).owner_limit(limit(1)));
    let key = service.issue(NewKey::new("billing"));
    let forged = forge(key.key().expose(), key.key().id().as_str());
    for _ in 0..10 {
        assert_eq!(send_key(&service.keys, &forged).await.status, 401);
    }
    assert_eq!(service.send(&key, 2).await, [200, 429]);
    // Neither does a stranger learn that the key is over its limit.
    assert_eq!(send_key(&service.keys, &forged).await.status, 401);
}

#[tokio::test]
async fn revoked_keys_do_not_count_against_their_owner() {
    let service = Service::new(|keys| keys.owner_limit(limit(1)));
    let revoked = service.issue(NewKey::new("billing"));
    let key = service.issue(NewKey::new("billing"));
    service.store.revoke(&revoked.key().id()).expect("revoked");
    assert_eq!(service.send(&revoked, 3).await, [401, 401, 401]);
    assert_eq!(service.send(&key, 2).await, [200, 429]);
}

#[tokio::test]
async fn owner_limit_counts_all_keys_of_the_owner() {
    let service = Service::new(|keys| keys.key_limit(limit(2)).owner_limit(limit(3)));
    let [one, two] = [(); 2].map(|()| service.issue(NewKey::new("billing")));
    assert_eq!(service.send(&one, 3).await, [200, 200, 429]);
    assert_eq!(service.send(&two, 1).await, [200]);
    let answer = send_key(&service.keys, two.key().expose()).await;
    assert_eq!(answer.status, 429);
    let policies = r#""key";q=2;w=60, "owner";q=3;w=60"#;
    assert_eq!(answer.headers["ratelimit-policy"], policies);
    assert_eq!(answer.headers["ratelimit"], r#""owner";a=0;w=20;r=0;t=20"#);
    assert!(answer.body.contains("the owner of the API key"));
    let other = service.issue(NewKey::new("shipping"));
    assert_eq!(service.send(&other, 1).await, [200]);
}

#[tokio::test]
async fn limit_of_the_record_applies_without_any_setting() {
    let service = Service::new(|keys| keys);
    let limited = service.issue(NewKey::new("billing").limit(limit(1)));
    let free = service.issue(NewKey::new("billing"));
    assert_eq!(service.send(&limited, 2).await, [200, 429]);
    assert_eq!(service.send(&free, 3).await, [200, 200, 200]);
}

#[tokio::test]
async fn limit_of_the_record_replaces_the_default() {
    let service = Service::new(|keys| keys.key_limit(limit(1)));
    let key = service.issue(NewKey::new("billing").limit(limit(3)));
    assert_eq!(service.send(&key, 4).await, [200, 200, 200, 429]);
}

/// Decides later, and records what it was asked.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Vec<String>>>);

impl Limiter for Slow {
    fn check(&self, quotas: &[Quota<'_>], _: UnixTime) -> LimitCheck {
        let mut asked = self.0.lock().expect("no panic");
        asked.extend(quotas.iter().map(|quota| match quota.subject {
            LimitSubject::Key(_) => format!("key {}", quota.limit),
            LimitSubject::Owner(owner) => format!("{owner} {}", quota.limit),
        }));
        let is_first = asked.len() <= quotas.len();
        LimitCheck::Pending(Box::pin(async move {
            tokio::task::yield_now().await;
            match is_first {
                true => LimitDecision::Admitted,
                false => LimitDecision::Exceeded {
                    quota: 1,
                    retry_after: Duration::from_millis(1_200),
                },
            }
        }))
    }
}

#[tokio::test]
async fn limiter_may_wait() {
    let slow = Slow::default();
    let service = Service::new(|keys| {
        let keys = keys.limiter(slow.clone());
        keys.key_limit(limit(1)).owner_limit(limit(5))
    });
    let key = service.issue(NewKey::new("billing"));
    assert_eq!(service.send(&key, 2).await, [200, 429]);
    let asked = slow.0.lock().expect("no panic");
    let expected = ["key 1 request in 60 s", "billing 5 requests in 60 s"];
    assert_eq!(asked[..2], expected);
}
