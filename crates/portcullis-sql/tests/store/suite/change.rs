use std::{collections::HashSet, time::Duration};

use portcullis_api_key::{
    Created, Idempotency, Imported, KeyError, KeyManager, KeyPrefix, KeyRecord, KeySource, Limit,
    ManageError, Networks, NewKey,
};
use portcullis_core::ScopeSet;

use crate::fixture::{Fixture, START, create, fetch, revision};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) async fn created_key_is_found_as_it_was_created(fixture: &Fixture) {
    let store = fixture.store().await;
    let limit = Limit::new(100, Duration::from_secs(60)).expect("a limit");
    let new = NewKey::new("Team Zürich / \"billing\"; DROP TABLE x")
        .name("naïve 'name' %_\\")
        .tags(["b", "a tag"])
        .scopes(ScopeSet::parse("orders:read orders:write"))
        .networks(Networks::parse(["192.0.2.0/24", "2001:db8::/32"]).expect("networks"))
        .limit(limit.burst(500).expect("a burst"))
        .prefix(KeyPrefix::new("acme_live").expect("a prefix"))
        .expires_in(Duration::from_millis(86_400_123))
        .idempotency(Idempotency {
            key: [1; 32],
            request: [2; 32],
        });
    let issued = create(&store, new).await;
    let other_instance = fixture.store().await;
    assert_eq!(
        &fetch(&other_instance, &issued.record().id).await,
        issued.record()
    );
    let plain = create(&store, NewKey::new("a").never_expires()).await;
    assert_eq!(
        store
            .get(&plain.record().id)
            .await
            .expect("an answer")
            .as_ref(),
        Some(plain.record())
    );
    let unknown = "000000000000".parse().expect("an id");
    assert_eq!(store.fetch(&unknown).await, Ok(None));
}

pub(crate) async fn repeated_request_creates_no_second_key(fixture: &Fixture) {
    let store = fixture.store().await;
    let new = |request| {
        NewKey::new("a").idempotency(Idempotency {
            key: [7; 32],
            request: [request; 32],
        })
    };
    let first = create(&store, new(1)).await;
    let before = revision(&store).await;
    match store.create(new(1)).await {
        Ok(Created::Before(record)) => assert_eq!(&record, first.record()),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        store.create(new(2)).await.expect_err("another request"),
        ManageError::IdempotencyConflict
    );
    assert_eq!(revision(&store).await, before);
    // Two at once.
    let new = || {
        NewKey::new("a").idempotency(Idempotency {
            key: [8; 32],
            request: [1; 32],
        })
    };
    let other = fixture.store().await;
    let (one, two) = tokio::join!(store.create(new()), other.create(new()));
    let (one, two) = (one.expect("created"), two.expect("created"));
    assert_eq!(one.record().id, two.record().id);
}

pub(crate) async fn rotation_names_the_successor(fixture: &Fixture) {
    let store = fixture.store().await;
    let old = create(&store, NewKey::new("a").name("n").expires_in(30 * DAY)).await;
    let id = old.record().id;
    fixture.clock.advance(DAY);
    let new = store.rotate(&id, 3 * DAY).await.expect("rotated");
    let successor = new.record().id;
    let old = fetch(&store, &id).await;
    assert_eq!((old.successor, old.revision), (Some(successor), 2));
    assert_eq!(old.expires_at, Some(START.saturating_add(4 * DAY)));
    assert_eq!(&fetch(&store, &successor).await, new.record());
    assert_eq!((&*new.record().name, new.record().revision), ("n", 3));
}

pub(crate) async fn refused_change_takes_no_revision(fixture: &Fixture) {
    let store = fixture.store().await;
    let id = create(&store, NewKey::new("a")).await.record().id;
    let successor = store.rotate(&id, DAY).await.expect("rotated").record().id;
    let before = store.position(None).await;
    let unknown = "000000000000".parse().expect("an id");
    for (refused, expected) in [
        (
            store.rotate(&id, DAY).await.map(drop),
            KeyError::AlreadyRotated { id, successor },
        ),
        (
            store.rotate(&unknown, DAY).await.map(drop),
            KeyError::NotFound(unknown),
        ),
        (
            store.revoke(&unknown, None).await.map(drop),
            KeyError::NotFound(unknown),
        ),
        (
            store.revoke(&id, Some("a\nb")).await.map(drop),
            KeyError::Reason,
        ),
        (
            store.create(NewKey::new(" ")).await.map(drop),
            KeyError::Owner,
        ),
    ] {
        assert_eq!(refused, Err(ManageError::Key(expected)));
    }
    assert_eq!(store.position(None).await, before);
}

pub(crate) async fn second_revocation_changes_nothing(fixture: &Fixture) {
    let store = fixture.store().await;
    let id = create(&store, NewKey::new("a")).await.record().id;
    let revoked = store.revoke(&id, Some("leaked")).await.expect("revoked");
    assert_eq!(
        (revoked.revoked_at, revoked.revoke_reason.as_deref()),
        (Some(START), Some("leaked"))
    );
    fixture.clock.advance(DAY);
    assert_eq!(store.revoke(&id, Some("again")).await, Ok(revoked.clone()));
    assert_eq!(fetch(&store, &id).await, revoked);
    assert_eq!(revision(&store).await, 2);
}

pub(crate) async fn changes_come_in_the_order_of_their_revisions(fixture: &Fixture) {
    let store = fixture.store().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(create(&store, NewKey::new("a")).await.record().id);
    }
    store.revoke(&ids[1], None).await.expect("revoked");
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let changes = store.changes(after, 2).await.expect("changes");
        let Some(last) = changes.last() else { break };
        after = last.revision;
        seen.extend(changes.iter().map(|record| (record.revision, record.id)));
    }
    assert_eq!(
        seen,
        [
            (1, ids[0]),
            (3, ids[2]),
            (4, ids[3]),
            (5, ids[4]),
            (6, ids[1])
        ]
    );
    assert_eq!(after, revision(&store).await);
}

fn records(count: usize) -> Vec<KeyRecord> {
    let issue = |number| {
        let new = NewKey::new(format!("owner-{number}")).issue(START, None);
        new.expect("issued").record().clone()
    };
    (0..count).map(issue).collect()
}

pub(crate) async fn import_skips_what_is_there(fixture: &Fixture) {
    let store = fixture.store().await;
    let mut records = records(1_234);
    records[3].is_foreign = true;
    let first = store.import(records[..700].to_vec()).await;
    assert_eq!(
        first,
        Ok(Imported {
            stored: 700,
            skipped: 0
        })
    );
    let all = store.import(records.clone()).await;
    assert_eq!(
        all,
        Ok(Imported {
            stored: 534,
            skipped: 700
        })
    );
    let before = revision(&store).await;
    let again = store.import(records.clone()).await;
    assert_eq!(
        again,
        Ok(Imported {
            stored: 0,
            skipped: 1_234
        })
    );
    assert_eq!(revision(&store).await, before);
    for expected in [&records[3], &records[1_233]] {
        let mut found = fetch(&store, &expected.id).await;
        found.revision = expected.revision;
        assert_eq!(&found, expected);
    }
    let changes = store.changes(0, 2_000).await.expect("changes");
    let revisions: HashSet<u64> = changes.iter().map(|record| record.revision).collect();
    assert_eq!((changes.len(), revisions.len()), (1_234, 1_234));
}

pub(crate) async fn import_with_a_conflict_stores_nothing(fixture: &Fixture) {
    let store = fixture.store().await;
    let there = create(&store, NewKey::new("a")).await.record().clone();
    let mut many = records(1_100);
    let mut conflict = there.clone();
    conflict.digest = many[0].digest;
    many.push(conflict);
    let refused = store.import(many.clone()).await;
    assert_eq!(refused, Err(KeyError::Duplicate(there.id).into()));
    many.truncate(3);
    many[2].name = "a\nb".into();
    assert_eq!(store.import(many.clone()).await, Err(KeyError::Name.into()));
    let many = records(7);
    let twice = store
        .import(vec![many[5].clone(), many[6].clone(), many[5].clone()])
        .await;
    assert_eq!(twice, Err(KeyError::Duplicate(many[5].id).into()));
    assert_eq!(store.ids(None, 10).await, Ok(vec![there.id]));
    assert_eq!(revision(&store).await, 1);
}

pub(crate) async fn purge_removes_what_ended(fixture: &Fixture) {
    let store = fixture.store().await;
    let live = create(&store, NewKey::new("live")).await.record().id;
    let revoked = create(&store, NewKey::new("revoked")).await.record().id;
    store.revoke(&revoked, None).await.expect("revoked");
    let short = || NewKey::new("expired").expires_in(DAY);
    create(&store, short()).await;
    let both = create(&store, short()).await.record().id;
    fixture.clock.advance(2 * DAY);
    store.revoke(&both, None).await.expect("revoked");
    let at = |days| START.saturating_add(days * DAY);
    assert_eq!(store.purge(START).await, Ok(0));
    let before = revision(&store).await;
    assert_eq!(
        store
            .purge(START.saturating_add(Duration::from_nanos(1)))
            .await,
        Ok(1)
    );
    assert_eq!(store.purge(at(1)).await, Ok(0));
    assert_eq!(store.purge(at(3)).await, Ok(2));
    assert!(revision(&store).await > before);
    assert_eq!(store.ids(None, 10).await, Ok(vec![live]));
}

pub(crate) async fn ids_come_in_pages(fixture: &Fixture) {
    let store = fixture.store().await;
    let records = records(25);
    store.import(records.clone()).await.expect("imported");
    let mut expected: Vec<_> = records.iter().map(|record| record.id).collect();
    expected.sort();
    let mut seen = Vec::new();
    loop {
        let page = store.ids(seen.last(), 10).await.expect("ids");
        match page.is_empty() {
            true => break,
            false => seen.extend(page),
        }
    }
    assert_eq!(seen, expected);
}
