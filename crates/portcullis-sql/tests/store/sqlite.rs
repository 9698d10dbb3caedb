use std::os::unix::fs::PermissionsExt;

use crate::{fixture::Fixture, suite::suite};

suite!(Fixture::sqlite());

#[tokio::test]
async fn new_file_is_for_its_owner_alone() {
    let fixture = Fixture::sqlite();
    let store = fixture.store().await;
    crate::fixture::create(&store, portcullis_api_key::NewKey::new("a")).await;
    let path = fixture.url.strip_prefix("sqlite://").expect("a path");
    for end in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{path}{end}"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{end}");
    }
}

#[tokio::test]
async fn missing_file_is_not_created_without_being_asked() {
    let fixture = Fixture::sqlite();
    let error = fixture.builder().connect().await.expect_err("no file");
    assert!(error.to_string().contains("migrate(true)"), "{error}");
    let path = fixture.url.strip_prefix("sqlite://").expect("a path");
    assert!(!std::path::Path::new(path).exists());
}

#[tokio::test]
async fn unusable_url_is_rejected() {
    use portcullis_sql::{ConnectError, SqlStore};
    for url in [
        "",
        "keys.db",
        "mysql://a@b/c",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://a?mode=rwc",
    ] {
        match SqlStore::builder(url).connect().await {
            Err(ConnectError::Config(error)) => assert_eq!(error.setting(), "url", "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

const CHILD: &str = "PORTCULLIS_TEST_CHANGES_OF";

/// Runs in a process of its own, which the next test kills.
#[tokio::test]
async fn child_that_changes_keys() {
    let Ok(url) = std::env::var(CHILD) else {
        return;
    };
    let store = portcullis_sql::SqlStore::builder(url)
        .connect()
        .await
        .expect("connected");
    let (report, _receiver) = tokio::sync::mpsc::unbounded_channel();
    crate::crash::change_until_failure(store, report).await;
}

#[tokio::test]
async fn killed_process_leaves_no_half_change() {
    let fixture = Fixture::sqlite();
    let store = fixture.store().await;
    let mut seen = 0;
    for round in 1..4 {
        let program = std::env::current_exe().expect("a program");
        let mut child = std::process::Command::new(program)
            .args(["--exact", "sqlite::child_that_changes_keys"])
            .env(CHILD, &fixture.url)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("started");
        let enough = seen + 50 + 7 * round;
        while seen < enough {
            seen = crate::fixture::revision(&store).await;
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        crate::crash::check_invariants(&fixture).await;
        crate::fixture::create(&store, portcullis_api_key::NewKey::new("next")).await;
    }
}
