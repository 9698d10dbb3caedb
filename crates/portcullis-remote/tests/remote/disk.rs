//! Saved key sets and restarts.

use std::{fs, path::Path, time::Duration};

use portcullis_core::clock::{Clock, SystemClock};
use portcullis_remote::{Issuer, IssuerBuilder};
use portcullis_test::{Endpoint, Fault, ManualClock, TestIssuer};

use crate::support::{answer, bearer, builder, in_time, millis, short_backoff};

fn saving_to(directory: &Path, issuer: &TestIssuer) -> IssuerBuilder {
    builder(issuer)
        .snapshot_directory(directory)
        .refresh_rules(short_backoff())
}

/// Starts an issuer and waits until its keys are on disk.
async fn keep(directory: &Path, issuer: &TestIssuer) {
    let keys = saving_to(directory, issuer).start().await.expect("a start");
    // The file appears once, with its whole content.
    let is_written = || {
        let files = fs::read_dir(directory).into_iter().flatten().flatten();
        files.map(|file| file.path()).any(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
    };
    in_time(async {
        while !is_written() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(keys);
}

#[test]
fn disk_that_does_not_answer_does_not_prevent_the_start() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(1);
    let runtime = runtime.enable_all().build().unwrap();
    let (end, hang) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        // Takes the only thread on which the file could be read.
        let hanging = tokio::task::spawn_blocking(move || hang.recv());
        let directory = tempfile::tempdir().unwrap();
        let issuer = TestIssuer::start().await;
        let start = saving_to(directory.path(), &issuer).start_timeout(millis(1));
        in_time(start.start()).await.expect("a start");
        drop(end);
        let _ = hanging.await.unwrap();
    });
}

#[tokio::test]
async fn restart_during_an_outage_serves_saved_keys() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::start().await;
    keep(directory.path(), &issuer).await;
    for fault in [Fault::Down, Fault::Status(500), Fault::EmptySet] {
        issuer.fault(Endpoint::Jwks, fault);
        let keys = saving_to(directory.path(), &issuer)
            .fail_fast()
            .start()
            .await
            .unwrap();
        assert!(keys.is_ready());
        assert_eq!(
            answer(&bearer(&keys, &issuer), &issuer.token().mint()).await,
            200
        );
    }
    issuer.heal(Endpoint::Jwks);
    issuer.rotate();
    let keys = saving_to(directory.path(), &issuer).start().await.unwrap();
    assert_eq!(
        answer(&bearer(&keys, &issuer), &issuer.token().mint()).await,
        200,
        "fetched keys replace saved keys"
    );
    assert_eq!(
        keys.status().keys[0].kid.as_deref(),
        issuer.signing_key().kid()
    );
}

#[tokio::test]
async fn hanging_issuer_does_not_delay_a_restart_with_saved_keys() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::start().await;
    keep(directory.path(), &issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let keys = in_time(
        saving_to(directory.path(), &issuer)
            .longest_wait(millis(50))
            .start(),
    )
    .await
    .unwrap();
    assert!(keys.is_ready());
}

#[tokio::test]
async fn saved_keys_past_the_stale_limit_are_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::start().await;
    keep(directory.path(), &issuer).await;
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let clock = ManualClock::new(SystemClock.now());
    for (hours, is_ready) in [(6, true), (7, false)] {
        let clock = ManualClock::new(
            clock
                .now()
                .saturating_add(Duration::from_secs(hours * 3600)),
        );
        let restarted = saving_to(directory.path(), &issuer)
            .clock(clock.shared())
            .start_timeout(millis(100));
        let keys = restarted.start().await.unwrap();
        assert_eq!(keys.is_ready(), is_ready, "{hours} h");
        if is_ready {
            assert!(keys.status().age.unwrap() >= Duration::from_secs(hours * 3600));
        }
    }
}

#[tokio::test]
async fn unreadable_saved_keys_do_not_prevent_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::start().await;
    keep(directory.path(), &issuer).await;
    for file in fs::read_dir(directory.path()).unwrap() {
        fs::write(file.unwrap().path(), "{\"issuer\": \"").unwrap();
    }
    issuer.fault(Endpoint::Jwks, Fault::Down);
    let keys = saving_to(directory.path(), &issuer)
        .start_timeout(millis(1))
        .start()
        .await
        .unwrap();
    assert!(!keys.is_ready());
    issuer.heal(Endpoint::Jwks);
    keys.ready().await.unwrap();
}

#[tokio::test]
async fn unwritable_directory_is_an_event() {
    let directory = tempfile::tempdir().unwrap();
    let not_a_directory = directory.path().join("file");
    fs::write(&not_a_directory, "").unwrap();
    let issuer = TestIssuer::start().await;
    let keys: Issuer = saving_to(&not_a_directory, &issuer).start().await.unwrap();
    let mut events = keys.events();
    keys.refresh().await.unwrap();
    crate::support::event(&mut events, |event| {
        matches!(event, portcullis_remote::IssuerEvent::NotSaved { .. })
    })
    .await;
    assert!(keys.is_ready());
}
