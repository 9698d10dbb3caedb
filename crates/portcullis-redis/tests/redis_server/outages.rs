use std::time::Duration;

use portcullis_api_key::{LimitCheck, LimitDecision, Limiter};
use portcullis_core::clock::UnixTime;
use portcullis_redis::RedisLimiter;
use portcullis_test_servers::Redis;
use tokio::time::Instant;

use super::{
    limiter::{admitted, decide, limit, limiter, owner},
    server,
};

#[tokio::test]
async fn killed_redis_leaves_each_instance_its_share_until_it_is_back() {
    let mut redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis)).instances(3)).await;
    assert_eq!(admitted(&limiter, &[owner("a", limit(9))], 4).await, 4);

    redis.kill();
    assert_eq!(admitted(&limiter, &[owner("a", limit(9))], 20).await, 3);
    let status = limiter.status();
    assert!(!status.is_shared && status.problem.is_some(), "{status:?}");

    redis.start_again();
    limiter.wait_until_shared(true).await;
    assert_eq!(limiter.status().problem, None);
    // It has kept its counts, and those of the outage are not added.
    assert_eq!(admitted(&limiter, &[owner("a", limit(9))], 20).await, 5);
}

#[tokio::test]
async fn loss_is_noticed_without_a_request() {
    let mut redis = Redis::start();
    let limiter = limiter(RedisLimiter::builder(server(&redis))).await;
    redis.kill();
    limiter.wait_until_shared(false).await;
}

#[tokio::test]
async fn limiter_starts_without_redis_and_finds_it_later() {
    let mut redis = Redis::start();
    redis.kill();
    let builder = RedisLimiter::builder(server(&redis)).instances(2);
    let limiter = builder.start().await.expect("started");
    assert!(!limiter.status().is_shared);
    assert_eq!(admitted(&limiter, &[owner("a", limit(10))], 20).await, 5);
    redis.start_again();
    limiter.wait_until_shared(true).await;
}

#[tokio::test]
async fn slow_redis_delays_only_the_requests_that_were_waiting() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let redis = Redis::start();
    let builder = RedisLimiter::builder(server(&redis)).instances(2);
    let limiter = builder.timeout(TIMEOUT).start().await.expect("started");
    limiter.wait_until_shared(true).await;

    redis.pause();
    let begin = Instant::now();
    let quota = owner("a", limit(10));
    assert_eq!(decide(&limiter, &[quota]).await, LimitDecision::Admitted);
    // Generous, since the machine may be busy: without the timeout, the request would wait until Redis goes on.
    assert!(begin.elapsed() < TIMEOUT * 10, "{:?}", begin.elapsed());
    for _ in 0..1_000 {
        let check = limiter.check(&[quota], UnixTime::default());
        assert!(matches!(check, LimitCheck::Ready(_)), "it must not wait");
    }
    redis.resume();
    limiter.wait_until_shared(true).await;
    let check = limiter.check(&[quota], UnixTime::default());
    assert!(matches!(check, LimitCheck::Pending(_)));
}

#[tokio::test]
async fn redis_that_accepts_no_writes_is_not_used() {
    let redis = Redis::start();
    assert_eq!(redis.execute("REPLICAOF 127.0.0.1 1"), "+OK");
    let limiter = RedisLimiter::builder(server(&redis)).start().await;
    let limiter = limiter.expect("started");
    let problem = limiter.status().problem.expect("it cannot count");
    assert!(problem.contains("Redis answered"), "{problem}");

    assert_eq!(redis.execute("REPLICAOF NO ONE"), "+OK");
    limiter.wait_until_shared(true).await;
}
