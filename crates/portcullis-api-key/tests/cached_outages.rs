//! The cache while its store or its bus fails.

#![cfg(feature = "cached")]

mod support;

use std::sync::Arc;

use portcullis_api_key::{ApiKeys, KeyStore, NewKey, PushState};
use support::{
    cached::{SECOND, World, delivers, status, unknown},
    send_key,
    simulated::{BusFault, Faults},
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn outage_ends_at_the_bound_and_heals() {
    let world = World::new();
    let (used, unused) = (world.create(), world.create());
    let store = world.polling().await;
    assert_eq!(status(&store, &used).await, 200);
    world.break_down();
    world.pass_seconds(10).await;
    assert_eq!(status(&store, &used).await, 200);
    assert_eq!(status(&store, &unused).await, 503);
    assert_eq!(status(&store, &unknown()).await, 503);
    assert!(store.doubt().is_some());
    let seen = store.status();
    assert_eq!(seen.bound, 15 * 60 * SECOND);
    assert!(!seen.is_reachable && seen.last_error.is_some());
    world.pass_seconds(15 * 60 - 12).await;
    assert_eq!(status(&store, &used).await, 200);
    world.pass_seconds(4).await;
    assert_eq!(status(&store, &used).await, 503);
    assert!(store.status().is_stale);
    world.source.set_faults(Faults::default());
    world.pass_seconds(2).await;
    assert_eq!(status(&store, &used).await, 200);
    assert_eq!(status(&store, &unknown()).await, 401);
    assert_eq!(store.status().bound, 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn sleep_of_the_machine_counts_as_time() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    assert_eq!(status(&store, &id).await, 200);
    world.source.revoke(&id, support::NOW);
    world.clock.advance(SECOND * 3600);
    assert_eq!(status(&store, &id).await, 401, "read again");
    assert_eq!(world.source.calls().fetches, 2);
}

#[tokio::test(start_paused = true)]
async fn slow_sync_makes_each_key_be_read() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    assert_eq!(status(&store, &id).await, 200);
    // Each poll needs two queries, and takes 3.8 s.
    world.source.set_faults(Faults {
        before: SECOND * 19 / 10,
        ..Faults::default()
    });
    world.pass(SECOND * 14 / 10).await;
    world.source.revoke(&id, support::NOW);
    for _ in 0..48 {
        world.pass(SECOND / 10).await;
        let _ = status(&store, &id).await;
    }
    assert_eq!(status(&store, &id).await, 401);
}

#[tokio::test(start_paused = true)]
async fn restored_store_is_refused_until_confirmed() {
    let world = World::new();
    let (revoked, other) = (world.create(), world.create());
    let backup = world.source.back_up();
    let store = world.pushed().await;
    world.source.revoke(&revoked, support::NOW);
    store.refresh().await.expect("synced");
    assert_eq!(status(&store, &revoked).await, 401);
    assert_eq!(status(&store, &other).await, 200);

    world.source.restore(&backup);
    assert!(store.refresh().await.is_err());
    for id in [&revoked, &other, &unknown()] {
        assert_eq!(status(&store, id).await, 503);
    }
    world.pass_seconds(3).await;
    assert_eq!(world.source.calls().reports, 1);
    assert!(store.status().has_unconfirmed_restore);
    let another = world.polling().await;
    assert_eq!(status(&another, &other).await, 503);

    world.source.revoke(&revoked, support::NOW);
    world.source.confirm_restore();
    world.pass_seconds(2).await;
    for store in [&store, &another] {
        assert_eq!(status(store, &other).await, 200);
        assert_eq!(status(store, &revoked).await, 401);
    }

    // The same backup again, from before the confirmation.
    world.source.restore(&backup);
    world.pass_seconds(2).await;
    assert_eq!(status(&store, &other).await, 503);
    world.source.confirm_restore();
    world.pass_seconds(2).await;
    assert_eq!(status(&store, &other).await, 200);
}

#[tokio::test(start_paused = true)]
async fn silent_bus_is_noticed_and_found_again() {
    let world = World::new();
    let store = world.pushed().await;
    world.bus.set_fault(BusFault::Silent);
    world.pass_seconds(4).await;
    assert_eq!(status(&store, &unknown()).await, 401);
    assert_eq!(world.source.calls().fetches, 1, "push is not trusted");
    world.pass_seconds(5).await;
    let Some(PushState::Lost { hint, .. }) = store.status().push else {
        panic!("{:?}", store.status())
    };
    assert_eq!(hint, Some("a pooler that does not deliver"));
    let id = world.create();
    world.bus.set_fault(BusFault::None);
    world.pass_seconds(10).await;
    assert!(delivers(&store));
    assert_eq!(status(&store, &id).await, 200);
    assert_eq!(status(&store, &unknown()).await, 401);
    assert_eq!(world.source.calls().fetches, 2);
}

#[tokio::test(start_paused = true)]
async fn unreadable_store_fails_the_start() {
    let world = World::new();
    world.break_down();
    let error = world.builder().start().await.expect_err("down");
    assert!(error.to_string().contains("simulated"), "{error}");
    let store = world.builder();
    let (started, ()) = tokio::join!(store.start(), async {
        sleep(SECOND * 3).await;
        world.source.set_faults(Faults::default());
    });
    assert!(started.is_ok());
}

#[tokio::test(start_paused = true)]
async fn wrong_secret_is_401_and_503_in_an_outage() {
    let world = World::new();
    let issued = world.source.create(&world.maker, NewKey::new("a"));
    let other = world.source.create(&world.maker, NewKey::new("b"));
    let mut record = issued.record().clone();
    record.digest = other.record().digest;
    world.source.lock().put(record);
    let store = world.polling().await;
    let keys = ApiKeys::builder(store)
        .clock(Arc::new(world.clock.clone()))
        .build();
    let keys = keys.expect("valid settings");
    assert_eq!(send_key(&keys, issued.key().expose()).await.status, 401);
    assert_eq!(send_key(&keys, other.key().expose()).await.status, 200);
    world.break_down();
    world.pass_seconds(3).await;
    assert_eq!(send_key(&keys, issued.key().expose()).await.status, 503);
    assert_eq!(send_key(&keys, other.key().expose()).await.status, 200);
}
