use std::time::Duration;

use portcullis_api_key::{
    Bus, KeyDigest, KeyManager, KeyQuery, KeySource, KeyUse, ManageError, NewKey,
};
use portcullis_core::{Secret, clock::UnixTime};
use portcullis_sql::{ConnectError, SqlStore};
use portcullis_test_servers::PostgreSql;

use super::fixture;
use crate::fixture::{Fixture, START, create, fetch};

/// As in the documentation of the crate.
fn grants(account: &str, kind: &str) -> String {
    let documentation = include_str!("../../../src/lib.rs");
    let begin = format!("//! -- {kind}\n");
    let (_, grants) = documentation.split_once(&begin).expect("documented");
    let (grants, _) = grants.split_once("//! ```").expect("documented");
    let grants: String = grants
        .lines()
        .map(|line| line.trim_start_matches("//!").to_owned() + "\n")
        .collect();
    let grants = grants.split("\n -- ").next().expect("one");
    grants.replace(
        &format!("TO {}", kind.split(' ').next().unwrap_or_default()),
        &format!("TO {account}"),
    )
}

fn store_account(fixture: &Fixture, kind: &str) -> String {
    let (_, database) = fixture.url.rsplit_once('/').expect("a database");
    format!("{database}_{kind}")
}

async fn store_of(fixture: &Fixture, kind: &str) -> SqlStore {
    let account = store_account(fixture, kind);
    fixture.sql(&format!("CREATE ROLE {account} LOGIN")).await;
    fixture.sql(&grants(&account, kind)).await;
    let url = fixture
        .url
        .replace("with_password@", &format!("{account}@"));
    let builder = SqlStore::builder(url)
        .clock(fixture.clock.shared())
        .password(Secret::new(PostgreSql::PASSWORD));
    builder.connect().await.expect("connected")
}

fn use_of(record: &portcullis_api_key::KeyRecord, new: Option<KeyDigest>) -> KeyUse {
    KeyUse {
        id: record.id,
        last_used_at: START,
        count: 1,
        new_digest: new.map(|new| (record.digest, new)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_reads_and_records_uses_and_changes_nothing_else() {
    let fixture = fixture().await;
    let admin = fixture.store().await;
    let record = create(&admin, NewKey::new("a")).await.record().clone();
    let service = store_of(&fixture, "service").await;
    assert_eq!(fetch(&service, &record.id).await, record);
    assert_eq!(service.changes(0, 9).await.expect("changes").len(), 1);
    assert_eq!(service.ids(None, 9).await.expect("ids").len(), 1);
    service
        .bus()
        .expect("a bus")
        .subscribe()
        .await
        .expect("subscribed");
    for refused in [
        service.create(NewKey::new("a")).await.map(drop),
        service.revoke(&record.id, None).await.map(drop),
        service.rotate(&record.id, Duration::ZERO).await.map(drop),
    ] {
        let error = refused.expect_err("may not");
        assert!(
            matches!(error, ManageError::Store(_)) && error.to_string().contains("denied"),
            "{error}"
        );
    }
    let known = service.position(None).await.expect("a position").position;
    service.report_restore(&known).await.expect("reported");
    assert!(
        admin
            .position(None)
            .await
            .expect("a position")
            .is_unconfirmed
    );
    let digest = format!("hmac-sha256:1:{}", "ab".repeat(32))
        .parse()
        .expect("a digest");
    let uses = [use_of(&record, Some(digest))];
    service.record_uses(&uses).await.expect("recorded");
    let used = fetch(&admin, &record.id).await;
    assert_eq!((used.use_count, used.digest), (1, record.digest));
    let account = store_account(&fixture, "service");
    fixture
        .sql(&grants(&account, "service that replaces digests"))
        .await;
    service.record_uses(&uses).await.expect("recorded");
    let used = fetch(&admin, &record.id).await;
    assert_eq!((used.use_count, used.digest), (2, digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_may_not_write_and_still_reads() {
    let fixture = fixture().await;
    let admin = fixture.store().await;
    let record = create(&admin, NewKey::new("a")).await.record().clone();
    let reader = store_of(&fixture, "reader").await;
    assert_eq!(fetch(&reader, &record.id).await, record);
    let known = reader.position(None).await.expect("a position").position;
    assert_eq!(reader.report_restore(&known).await, Ok(()));
    assert!(reader.record_uses(&[use_of(&record, None)]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn manager_does_all_but_create_tables() {
    let fixture = fixture().await;
    fixture.store().await;
    let manager = store_of(&fixture, "manager").await;
    let id = create(&manager, NewKey::new("a")).await.record().id;
    manager.rotate(&id, Duration::ZERO).await.expect("rotated");
    manager.revoke(&id, None).await.expect("revoked");
    let import = NewKey::new("a")
        .issue(START, None)
        .expect("issued")
        .record()
        .clone();
    manager.import(vec![import]).await.expect("imported");
    assert_eq!(
        manager
            .page(&KeyQuery::new(START))
            .await
            .expect("a page")
            .keys
            .len(),
        3
    );
    let later = UnixTime::from_secs(START.as_secs() + 9);
    assert_eq!(manager.purge(later).await, Ok(1));
    manager.confirm_restore().await.expect("confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_reported_and_not_repeated() {
    let fixture = fixture().await;
    let connect = |url: String, password: &str| {
        let builder = SqlStore::builder(url).password(Secret::new(password));
        async move { builder.connect().await.expect_err("refused") }
    };
    let wrong = connect(fixture.url.clone(), "wrong horse").await;
    assert!(matches!(wrong, ConnectError::Unreachable(_)), "{wrong:?}");
    assert!(
        wrong.to_string().contains("password authentication failed"),
        "{wrong}"
    );
    let unknown = connect(
        format!("{}?passwrod=wrong%20horse", fixture.url),
        "wrong horse",
    )
    .await;
    assert!(
        unknown
            .to_string()
            .contains("`url`: unknown parameter \"passwrod\""),
        "{unknown}"
    );
    let broken = connect("postgres://a:wrong horse@[/x".to_owned(), "wrong horse").await;
    for error in [wrong, unknown, broken] {
        assert!(!format!("{error} {error:?}").contains("horse"), "{error}");
    }
}
