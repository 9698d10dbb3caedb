use portcullis_api_key::{Bus, BusMessage, KeyManager, NewKey};

use super::fixture;
use crate::fixture::create;

#[tokio::test(flavor = "multi_thread")]
async fn subscription_hears_of_changes_and_heartbeats() {
    let fixture = fixture().await;
    let (one, two) = (fixture.store().await, fixture.store().await);
    let bus = two.bus().expect("a bus");
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let id = create(&one, NewKey::new("a")).await.record().id;
    assert_eq!(subscription.next().await, Ok(BusMessage::Changed(1)));
    one.revoke(&id, None).await.expect("revoked");
    one.revoke(&id, None).await.expect("again");
    bus.publish(BusMessage::Heartbeat).await.expect("sent");
    assert_eq!(subscription.next().await, Ok(BusMessage::Changed(2)));
    assert_eq!(subscription.next().await, Ok(BusMessage::Heartbeat));
    assert!(bus.silence_hint().expect("a hint").contains("PgBouncer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connection_ends_the_subscription() {
    let fixture = fixture().await;
    let store = fixture.store().await;
    let mut subscription = store
        .bus()
        .expect("a bus")
        .subscribe()
        .await
        .expect("subscribed");
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(fixture.number(end).await, 1);
    let lost = subscription.next().await.expect_err("lost").to_string();
    assert!(lost.contains("connection lost"), "{lost}");
    create(&store, NewKey::new("a")).await;
    assert!(subscription.next().await.is_err());
    let mut again = store
        .bus()
        .expect("a bus")
        .subscribe()
        .await
        .expect("subscribed");
    create(&store, NewKey::new("a")).await;
    assert_eq!(again.next().await, Ok(BusMessage::Changed(2)));
}
