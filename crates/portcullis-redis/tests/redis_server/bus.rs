use portcullis_api_key::{Bus, BusMessage};
use portcullis_core::Secret;
use portcullis_redis::RedisBus;
use portcullis_test_servers::Redis;

use super::server;

#[tokio::test]
async fn message_reaches_all_subscribers_including_the_sender() {
    let redis = Redis::start();
    let [one, two] = [(); 2].map(|()| RedisBus::new(&server(&redis)).expect("a bus"));
    let mut first = one.subscribe().await.expect("subscribed");
    let mut second = two.subscribe().await.expect("subscribed");
    for message in [BusMessage::Changed(u64::MAX), BusMessage::Heartbeat] {
        one.publish(message).await.expect("published");
        assert_eq!(first.next().await, Ok(message));
        assert_eq!(second.next().await, Ok(message));
    }
}

#[tokio::test]
async fn messages_of_other_kinds_and_prefixes_are_ignored() {
    let redis = Redis::start();
    let bus = RedisBus::new(&server(&redis)).expect("a bus");
    let bus = bus.prefix("orders");
    let other = RedisBus::new(&server(&redis)).expect("a bus");
    let mut subscription = bus.subscribe().await.expect("subscribed");
    other
        .publish(BusMessage::Changed(1))
        .await
        .expect("published");
    for junk in ["changed x", r"\xff\xfe", ""] {
        let published = redis.execute(&format!("PUBLISH orders:changes \"{junk}\""));
        assert_eq!(published, ":1");
    }
    bus.publish(BusMessage::Changed(2))
        .await
        .expect("published");
    assert_eq!(subscription.next().await, Ok(BusMessage::Changed(2)));
}

#[tokio::test]
async fn lost_connection_ends_the_subscription_and_the_bus_recovers() {
    let mut redis = Redis::start();
    let bus = RedisBus::new(&server(&redis)).expect("a bus");
    let mut subscription = bus.subscribe().await.expect("subscribed");
    bus.publish(BusMessage::Heartbeat).await.expect("published");
    assert_eq!(subscription.next().await, Ok(BusMessage::Heartbeat));

    redis.kill();
    let lost = subscription.next().await.expect_err("it is lost");
    assert!(lost.to_string().contains("portcullis:changes"), "{lost}");
    let lost = subscription.next().await;
    assert!(lost.is_err(), "it stays lost");
    assert!(bus.publish(BusMessage::Heartbeat).await.is_err());
    assert!(bus.subscribe().await.is_err());

    redis.start_again();
    let mut subscription = bus.subscribe().await.expect("subscribed");
    bus.publish(BusMessage::Changed(3))
        .await
        .expect("published");
    assert_eq!(subscription.next().await, Ok(BusMessage::Changed(3)));
    // The connection for publishing is from before this restart.
    redis.kill();
    redis.start_again();
    bus.publish(BusMessage::Changed(4))
        .await
        .expect("published");
}

#[tokio::test]
async fn password_is_needed_and_never_shown() {
    let redis = Redis::start();
    let set = redis.execute("CONFIG SET requirepass s3cr3t-of-redis");
    assert_eq!(set, "+OK");
    let right = server(&redis).password(Secret::new("s3cr3t-of-redis"));
    let bus = RedisBus::new(&right.expect("a password")).expect("a bus");
    bus.publish(BusMessage::Heartbeat).await.expect("published");
    let wrong = server(&redis);
    let wrong = wrong
        .password(Secret::new("wr0ng-one"))
        .expect("a password");
    for server in [wrong, server(&redis)] {
        let bus = RedisBus::new(&server).expect("a bus");
        let problems = [
            bus.publish(BusMessage::Heartbeat)
                .await
                .expect_err("refused"),
            bus.subscribe().await.err().expect("refused"),
        ];
        for problem in problems {
            let shown = format!("{problem} {bus:?}");
            assert!(!shown.contains("wr0ng"), "{shown}");
        }
    }
}
