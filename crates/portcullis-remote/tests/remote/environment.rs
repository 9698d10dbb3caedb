//! What the environment may and may not change. Each case is a test that runs in a process of its own.

use std::process::Command;

use portcullis_test::TestIssuer;

use crate::support::{builder, impatient, millis};

/// Runs one of the ignored tests below in an environment.
fn passes(test: &str, environment: &[(&str, &str)]) {
    let this = std::env::current_exe().expect("a test binary");
    let child = Command::new(this)
        .args(["--exact", &format!("environment::{test}"), "--ignored"])
        .envs(environment.iter().copied())
        .output()
        .expect("it runs");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

/// Nothing listens there.
const PROXY: [(&str, &str); 3] = [
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("ALL_PROXY", "http://127.0.0.1:1"),
    ("NO_PROXY", ""),
];

#[test]
fn proxies_of_the_environment_are_used_only_if_configured() {
    passes("an_issuer_is_reached", &PROXY);
    passes("an_issuer_behind_a_dead_proxy_is_not_reached", &PROXY);
}

#[test]
fn a_machine_without_root_certificates_can_start() {
    passes(
        "an_issuer_is_reached",
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
    );
}

#[tokio::test]
#[ignore = "run by the tests above"]
async fn an_issuer_is_reached() {
    let issuer = TestIssuer::start().await;
    builder(&issuer).fail_fast().start().await.unwrap();
}

#[tokio::test]
#[ignore = "run by the tests above"]
async fn an_issuer_behind_a_dead_proxy_is_not_reached() {
    let issuer = TestIssuer::start().await;
    let proxied = builder(&issuer)
        .use_environment_proxies()
        .refresh_rules(impatient())
        .start_timeout(millis(1));
    let keys = proxied.start().await.unwrap();
    keys.refresh().await.expect_err("the proxy is dead");
}
