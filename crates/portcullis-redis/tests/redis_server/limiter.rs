use std::{sync::Arc, time::Duration};

use portcullis_api_key::{
    ApiKeyId, Limit, LimitCheck, LimitDecision, LimitSubject, Limiter, Quota,
};
use portcullis_core::clock::UnixTime;
use portcullis_redis::{RedisLimiter, RedisLimiterBuilder};
use portcullis_test_servers::Redis;
use tokio::sync::Barrier;

use super::server;

/// A busy machine must not make a limiter give up.
const PATIENCE: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn limit(requests: u32) -> Limit {
    Limit::new(requests, DAY).expect("a limit")
}

pub(super) fn owner(name: &str, limit: Limit) -> Quota<'_> {
    Quota {
        subject: LimitSubject::Owner(name),
        limit,
    }
}

pub(super) async fn limiter(settings: RedisLimiterBuilder) -> RedisLimiter {
    let limiter = settings.timeout(PATIENCE).start().await.expect("started");
    limiter.wait_until_shared(true).await;
    limiter
}

pub(super) async fn decide(limiter: &RedisLimiter, quotas: &[Quota<'_>]) -> LimitDecision {
    match limiter.check(quotas, UnixTime::default()) {
        LimitCheck::Ready(decision) => decision,
        LimitCheck::Pending(decision) => decision.await,
    }
}

/// How many of so many requests are admitted.
pub(super) async fn admitted(limiter: &RedisLimiter, quotas: &[Quota<'_>], tries: u32) -> u32 {
    let mut admitted = 0;
    for _ in 0..tries {
        admitted += u32::from(decide(limiter, quotas).await == LimitDecision::Admitted);
    }
    admitted
}

fn wait(decision: LimitDecision) -> (usize, Duration) {
    match decision {
        LimitDecision::Exceeded { quota, retry_after } => (quota, retry_after),
        LimitDecision::Admitted => panic!("it is over its limit"),
    }
}

#[tokio::test]
async fn burst_is_exact() {
    let redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    let quota = owner("a", limit(24).burst(7).expect("a burst"));
    assert_eq!(admitted(&limiter, &[quota], 20).await, 7);
    let (_, retry_after) = wait(decide(&limiter, &[quota]).await);
    // One of 24 a day comes back each hour, and the test has taken some of the first.
    let minutes = retry_after.as_secs() / 60;
    assert!((55..60).contains(&minutes), "{retry_after:?}");
    assert_eq!(admitted(&limiter, &[owner("b", limit(3))], 5).await, 3);
}

#[tokio::test]
async fn requests_come_back_in_the_servers_time() {
    let redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    let fast = Limit::new(100, Duration::from_secs(1)).expect("a limit");
    let quota = owner("a", fast.burst(1).expect("a burst"));
    let mut waits = 0;
    for _ in 0..20 {
        while let LimitDecision::Exceeded { retry_after, .. } = decide(&limiter, &[quota]).await {
            assert!(retry_after <= Duration::from_millis(10), "{retry_after:?}");
            waits += 1;
        }
    }
    assert!(waits > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_limiters_never_exceed_the_limit_together() {
    const TASKS: usize = 64;
    let redis = Redis::start();
    let [one, two] = [
        limiter(RedisLimiter::builder(server(&redis))).await,
        limiter(RedisLimiter::builder(server(&redis))).await,
    ];
    let start = Arc::new(Barrier::new(TASKS));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let limiter = [&one, &two][task % 2].clone();
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            admitted(&limiter, &[owner("a", limit(100))], 20).await
        });
    }
    let counts = tasks.join_all().await;
    assert_eq!(counts.iter().sum::<u32>(), 100);
    assert!(one.status().is_shared && two.status().is_shared);
}

#[tokio::test]
async fn refused_request_counts_against_none_of_its_quotas() {
    let redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    let id: ApiKeyId = "000000000000".parse().expect("an id");
    let key = |requests| Quota {
        subject: LimitSubject::Key(&id),
        limit: limit(requests),
    };
    let of_owner = owner("a", limit(3));
    assert_eq!(admitted(&limiter, &[key(2), of_owner], 10).await, 2);
    assert_eq!(wait(decide(&limiter, &[key(2), of_owner]).await).0, 0);
    assert_eq!(admitted(&limiter, &[of_owner], 10).await, 1);
    // The owner is over its limit now, which leaves the key as it is.
    assert_eq!(wait(decide(&limiter, &[key(4), of_owner]).await).0, 1);
    assert_eq!(admitted(&limiter, &[key(4)], 10).await, 2);
}

#[tokio::test]
async fn prefixes_separate_the_counts() {
    let redis = Redis::start();
    for prefix in ["orders", "billing"] {
        let limiter = limiter(RedisLimiter::builder(server(&redis)).prefix(prefix)).await;
        assert_eq!(admitted(&limiter, &[owner("a", limit(2))], 5).await, 2);
    }
}

#[tokio::test]
async fn counts_survive_a_flush_of_scripts() {
    let redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    let quota = owner("a", limit(5));
    assert_eq!(admitted(&limiter, &[quota], 2).await, 2);
    assert_eq!(redis.execute("SCRIPT FLUSH"), "+OK");
    assert_eq!(admitted(&limiter, &[quota], 5).await, 3);
    assert!(limiter.status().is_shared);
}

#[tokio::test]
async fn keys_expire_when_the_burst_is_whole_again() {
    let redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    assert_eq!(admitted(&limiter, &[owner("a", limit(24))], 2).await, 2);
    let ttl = redis.execute("PTTL portcullis:limit:owner:a");
    let millis: u64 = ttl[1..].parse().expect("it expires");
    // Two requests of 24 a day.
    assert!((110..=120).contains(&(millis / 60_000)), "{millis}");
}
