use std::time::Duration;

use portcullis_api_key::{ApiKeyId, KeyDigest, KeySource, KeyUse, NewKey};

use crate::fixture::{Fixture, START, create, fetch, revision};

fn used(id: ApiKeyId, seconds: u64, count: u64) -> KeyUse {
    let last_used_at = START.saturating_add(Duration::from_secs(seconds));
    KeyUse {
        id,
        last_used_at,
        count,
        new_digest: None,
    }
}

pub(crate) async fn uses_do_not_change_the_revision(fixture: &Fixture) {
    let store = fixture.store().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(create(&store, NewKey::new("a")).await.record().id);
    }
    let unknown = "000000000000".parse().expect("an id");
    let uses = [used(ids[2], 9, 5), used(unknown, 9, 1), used(ids[0], 8, 1)];
    store.record_uses(&uses).await.expect("recorded");
    store
        .record_uses(&[used(ids[2], 7, 2)])
        .await
        .expect("recorded");
    store.record_uses(&[]).await.expect("nothing");
    let last = fetch(&store, &ids[2]).await;
    let at = START.saturating_add(Duration::from_secs(9));
    assert_eq!(
        (last.use_count, last.last_used_at, last.revision),
        (7, Some(at), 3)
    );
    assert_eq!(fetch(&store, &ids[0]).await.use_count, 1);
    assert_eq!(fetch(&store, &ids[1]).await.last_used_at, None);
    assert_eq!(revision(&store).await, 3);
}

pub(crate) async fn digest_is_replaced_only_while_it_is_the_old_one(fixture: &Fixture) {
    let store = fixture.store().await;
    let record = create(&store, NewKey::new("a")).await.record().clone();
    let digest = |fill: &str| {
        format!("hmac-sha256:2:{}", fill.repeat(32))
            .parse::<KeyDigest>()
            .expect("a digest")
    };
    let replace = |old, new| KeyUse {
        new_digest: Some((old, new)),
        ..used(record.id, 1, 1)
    };
    store
        .record_uses(&[replace(digest("aa"), digest("bb"))])
        .await
        .expect("recorded");
    assert_eq!(fetch(&store, &record.id).await.digest, record.digest);
    assert_eq!(revision(&store).await, 1);
    store
        .record_uses(&[replace(record.digest, digest("bb"))])
        .await
        .expect("recorded");
    let replaced = fetch(&store, &record.id).await;
    assert_eq!(
        (replaced.digest, replaced.revision, replaced.use_count),
        (digest("bb"), 2, 2)
    );
    assert_eq!(
        fixture.number("SELECT pepper FROM portcullis_keys").await,
        2
    );
}
