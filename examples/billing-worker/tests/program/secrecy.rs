//! What the worker prints about URLs and answers that contain a secret.

use std::{fs, path::Path};

use portcullis::{
    api_key::NewKey,
    clock::{Clock, SystemClock},
};
use portcullis_test::{DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};
use serde_json::json;
use tempfile::TempDir;

use crate::worker::{Worker, options};

#[tokio::test]
async fn unusable_orders_url_is_shown_without_password_and_query() {
    let issuer = TestIssuer::start().await;
    let url = "http://user:pass@orders.example/x?key=1";
    let ended = Worker::spawn(options(url, &issuer, Path::new("none")), "off");
    let complaints = ended.ends().await.complaints;
    assert!(
        complaints.contains("--orders-url http://orders.example/x: "),
        "{complaints}"
    );
}

#[tokio::test]
async fn credential_that_the_service_repeats_is_not_shown() {
    let (issuer, service) = (TestIssuer::start().await, TestIssuer::start().await);
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("secret"), DEFAULT_CLIENT_SECRET).expect("written");
    let key = NewKey::new("billing").issue(SystemClock.now(), None);
    let key = key.expect("a key").key().expose().to_owned();
    fs::write(file("key"), &key).expect("written");
    let token = json!({ "access_token": "opaque-t0ken", "token_type": "Bearer" });
    issuer.fault(Endpoint::Token, Fault::Json(token));
    let fault = |detail: &str| Fault::Answer {
        status: 403,
        content_type: "application/problem+json",
        body: json!({ "detail": detail }).to_string().into_bytes(),
    };
    for (detail, shown) in [
        (
            "not opaque-t0ken".to_owned(),
            "the answer repeats the token",
        ),
        (format!("\u{1b}not {key}"), "[masked])"),
    ] {
        service.fault(Endpoint::Other, fault(&detail));
        let mut args = options(&service.url(), &issuer, &file("secret"));
        let key_file = file("key").display().to_string();
        args.extend([
            "--calls".to_owned(),
            "1".to_owned(),
            "--api-key-file".to_owned(),
            key_file,
        ]);
        let printed = Worker::spawn(args, "off").ends().await.printed.join("\n");
        assert!(printed.contains(shown), "{printed}");
        assert!(
            !printed.contains("opaque-t0ken") && !printed.contains(&key),
            "{printed}"
        );
        assert!(!printed.contains('\u{1b}'), "{printed}");
    }
}
