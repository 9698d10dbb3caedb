use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::Service;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn every_change_is_logged_and_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let service = Service::start();
    let admin = service.admin();
    let created = admin.create(json!({"owner": "billing\u{202e}"})).await;
    let id = created["id"].as_str().expect("an id");
    let rotated = admin.post(&format!("/{id}/rotate"), json!({})).await.json();
    admin
        .post(&format!("/{id}/revoke"), json!({"reason": "leaked"}))
        .await;
    let key = created["key"].as_str().expect("the key");
    admin
        .post(&format!("/{id}/revoke"), json!({"reson": key}))
        .await
        .problem(422);
    admin
        .post("", json!({"owner": "a", "expires_in": key}))
        .await
        .problem(422);
    let unknown = json!({"owner": "a", key: key});
    let detail = admin.post("", unknown).await.problem(422);

    let successor = rotated["id"].as_str().expect("an id");
    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    for (done, id) in [
        ("created", id),
        ("rotated", id),
        ("created as a successor", successor),
        ("revoked", id),
    ] {
        let line = log
            .lines()
            .find(|line| line.contains(&format!("API key {done} ")) && line.contains(id));
        let line = line.unwrap_or_else(|| panic!("{done} in {log}"));
        assert!(line.contains(" INFO "), "{line}");
        assert!(
            line.contains("billing") && !line.contains('\u{202e}'),
            "{line}"
        );
        assert!(
            line.contains("operator") && line.contains(&admin.id),
            "{line}"
        );
    }
    for shown in [&created["key"], &rotated["key"]] {
        let key = shown.as_str().expect("the key");
        let (_, secret) = key.rsplit_once('_').expect("a secret");
        assert!(!log.contains(secret), "{log}");
        assert!(!detail.contains(secret), "{detail}");
    }
}
