//! With Redis as the bus and the limiter.

use std::time::Duration;

use portcullis_test_servers::{PostgreSql, Redis};
use serde_json::json;

use super::super::instances::{Fleet, TIMEOUT};
use super::changes::changes_reach_all;

const SOON: Duration = Duration::from_secs(1);

/// The default of `--key-reachable-bound`.
const BOUND: Duration = Duration::from_secs(5);

#[tokio::test]
async fn changes_reach_all_over_redis() {
    let (redis, database) = (Redis::start(), PostgreSql::shared().database());
    let fleet = Fleet::start(3, &database, &["--redis", &redis.url()]).await;
    for instance in 0..3 {
        fleet
            .healthy(instance, |status| status["push"] == "delivers")
            .await;
    }
    changes_reach_all(&fleet, SOON).await;
}

#[tokio::test]
async fn changes_reach_all_within_the_bound_without_redis() {
    let (mut redis, database) = (Redis::start(), PostgreSql::shared().database());
    let fleet = Fleet::start(3, &database, &["--redis", &redis.url()]).await;
    redis.stop();
    changes_reach_all(&fleet, BOUND).await;
    for instance in 0..3 {
        fleet
            .healthy(instance, |status| status["push"] == "lost")
            .await;
    }
    redis.start_again();
    for instance in 0..3 {
        fleet
            .healthy(instance, |status| status["push"] == "delivers")
            .await;
    }
    changes_reach_all(&fleet, SOON).await;
}

#[tokio::test]
async fn limit_is_shared_and_a_stranger_cannot_use_it_up() {
    let (mut redis, database) = (Redis::start(), PostgreSql::shared().database());
    let fleet = Fleet::start(2, &database, &["--redis", &redis.url()]).await;
    let wish = json!({
        "owner": "billing",
        "name": "limited",
        "scopes": ["orders:read"],
        "limit": { "requests": 4, "period_seconds": 3600 },
    });
    let limited = fleet.create_from(0, &wish).await;
    let wrong = super::super::instances::with_another_secret(&limited.key);
    for _ in 0..5 {
        assert_eq!(fleet.statuses(&wrong).await, [401; 2]);
    }
    fleet.all_answer(200, &limited.key, TIMEOUT).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.extend(fleet.statuses(&limited.key).await);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let passed = statuses.iter().filter(|&&status| status == 200).count();
    assert!(passed <= 2, "2 of 4 were used before: {statuses:?}");

    // Each instance goes on with a share of its own.
    redis.stop();
    let statuses = fleet.statuses(&limited.key).await;
    assert!(
        statuses.iter().all(|status| [200, 429].contains(status)),
        "{statuses:?}"
    );
}
