//! What the worker prints about URLs and answers that contain a secret.

use std::path::Path;

use portcullis_test::{DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer};
use serde_json::json;

use crate::{
    files::Files,
    worker::{Worker, options},
};

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
    let files = Files::new(DEFAULT_CLIENT_SECRET);
    let key = files.write_unknown_key();
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
        let mut args = files.options(&service.url(), &issuer, &["--calls", "1"]);
        args.extend(files.api_key_option());
        let printed = Worker::spawn(args, "off").ends().await.printed.join("\n");
        assert!(printed.contains(shown), "{printed}");
        assert!(
            !printed.contains("opaque-t0ken") && !printed.contains(&key),
            "{printed}"
        );
        assert!(!printed.contains('\u{1b}'), "{printed}");
    }
}
