//! The cache before a store that answers over IO.

#![cfg(feature = "cached")]

mod support;

use std::{future::poll_fn, task::Poll, time::Duration};

use futures_util::future::join_all;
use portcullis_api_key::{KeyStore, Lookup, PendingLookup};
use support::{
    cached::{SECOND, World, status, unknown},
    simulated::Faults,
};
use tokio::time::{advance, sleep};

async fn is_pending(future: &mut PendingLookup) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn second_look_up_is_answered_from_memory() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    assert!(matches!(store.lookup(&id), Lookup::Pending(_)));
    assert_eq!(status(&store, &id).await, 200);
    assert!(matches!(store.lookup(&id), Lookup::Ready(Ok(Some(_)))));
    assert_eq!(world.source.calls().fetches, 1);
}

#[tokio::test(start_paused = true)]
async fn simultaneous_look_ups_share_a_query() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    world.source.set_faults(Faults {
        before: SECOND / 2,
        ..Faults::default()
    });
    let dropped = store.lookup(&id);
    let statuses = join_all((0..20).map(|_| status(&store, &id)));
    drop(dropped);
    assert_eq!(statuses.await, [200; 20]);
    assert_eq!(world.source.calls().fetches, 1);
}

#[tokio::test(start_paused = true)]
async fn query_ends_when_nobody_waits_for_it() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    drop(store.lookup(&id));
    assert_eq!(world.source.calls().fetches, 0);
    assert_eq!(status(&store, &id).await, 200);
}

#[tokio::test(start_paused = true)]
async fn revocation_is_seen_by_polling() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    assert_eq!(status(&store, &id).await, 200);
    world.source.revoke(&id, support::NOW);
    world.pass_seconds(2).await;
    assert_eq!(status(&store, &id).await, 401);
    assert_eq!(world.source.calls().fetches, 1);
}

#[tokio::test(start_paused = true)]
async fn late_answer_does_not_undo_a_revocation() {
    let world = World::new();
    let id = world.create();
    let store = world.polling().await;
    world.source.set_faults(Faults {
        after: SECOND * 3 / 2,
        ..Faults::default()
    });
    let late = store.lookup(&id);
    let Lookup::Pending(mut late) = late else {
        panic!("no query")
    };
    assert!(is_pending(&mut late).await);
    world.source.revoke(&id, support::NOW);
    world.source.set_faults(Faults::default());
    store.refresh().await.expect("synced");
    let key = late.await.expect("read").expect("a key");
    assert!(key.record().revoked_at.is_some());
    assert_eq!(status(&store, &id).await, 401);
}

#[tokio::test(start_paused = true)]
async fn unknown_id_costs_no_query_while_the_bus_delivers() {
    let world = World::new();
    let store = world.pushed().await;
    for _ in 0..1_000 {
        assert_eq!(status(&store, &unknown()).await, 401);
    }
    assert_eq!(world.source.calls().fetches, 0);
    let id = world.create();
    store.refresh().await.expect("synced");
    assert_eq!(status(&store, &id).await, 200);
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_are_limited_without_push_and_push_out_no_key() {
    let world = World::new();
    let id = world.create();
    let other = world.create();
    let store = world
        .builder()
        .max_entries(1)
        .start()
        .await
        .expect("started");
    assert_eq!(status(&store, &id).await, 200);
    let (mut refused, mut answered) = (0, 0);
    for _ in 0..3_000 {
        match status(&store, &unknown()).await {
            401 => answered += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        world.pass(Duration::from_millis(1)).await;
    }
    assert!((600..=625).contains(&answered), "{answered}");
    assert_eq!(refused + answered, 3_000);
    assert!(matches!(store.lookup(&id), Lookup::Ready(Ok(Some(_)))));
    assert_eq!(
        status(&store, &other).await,
        200,
        "known ids are not limited"
    );
}

#[tokio::test(start_paused = true)]
async fn absent_id_is_asked_for_once_in_5_s() {
    let world = World::new();
    let store = world.polling().await;
    let id = unknown();
    for _ in 0..4 {
        assert_eq!(status(&store, &id).await, 401);
        world.pass(SECOND).await;
    }
    assert_eq!(world.source.calls().fetches, 1);
    world.pass(SECOND * 2).await;
    assert_eq!(status(&store, &id).await, 401);
    assert_eq!(world.source.calls().fetches, 2);
}

#[tokio::test(start_paused = true)]
async fn key_in_memory_allocates_nothing() {
    let world = World::new();
    let id = world.create();
    let store = world.pushed().await;
    assert_eq!(status(&store, &id).await, 200);
    let allocated = allocation_counter::measure(|| {
        assert!(matches!(store.lookup(&id), Lookup::Ready(Ok(Some(_)))));
    });
    assert_eq!(allocated.count_total, 0);
}

#[tokio::test(start_paused = true)]
async fn key_that_is_used_stays_and_an_unused_one_is_evicted() {
    let world = World::new();
    let ids: Vec<_> = (0..400).map(|_| world.create()).collect();
    let store = world.builder().max_entries(128).start().await;
    let store = store.expect("started");
    for id in &ids {
        assert_eq!(status(&store, id).await, 200);
        assert_eq!(status(&store, &ids[0]).await, 200);
    }
    assert!(store.status().cached <= 128);
    let before = world.source.calls().fetches;
    assert!((400..=410).contains(&before), "{before}");
}

#[tokio::test(start_paused = true)]
async fn tasks_stop_with_the_last_clone() {
    let world = World::new();
    let store = world.pushed().await;
    let clone = store.clone();
    drop(store);
    assert!(clone.refresh().await.is_ok());
    drop(clone);
    let before = world.source.calls();
    advance(SECOND * 10).await;
    sleep(SECOND * 10).await;
    assert_eq!(world.source.calls(), before);
}
