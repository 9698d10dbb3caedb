//! Environment variables. Each test runs itself again in a process with the variables.

use std::process::Command;

use portcullis_remote::HttpSettings;
use portcullis_test::TestIssuer;

use crate::support::{builder, millis, short_backoff};

/// Set in the child process.
const STARTED: &str = "PORTCULLIS_TEST_STARTED";

/// Whether this is the child process. Otherwise runs the test of this name in one.
fn is_in(environment: &[(&str, &str)], test: &str) -> bool {
    if std::env::var_os(STARTED).is_some() {
        return true;
    }
    let this = std::env::current_exe().expect("a test binary");
    let child = Command::new(this)
        .args(["--exact", &format!("environment::{test}")])
        .env(STARTED, "1")
        .envs(environment.iter().copied())
        .output()
        .expect("a process that runs");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
    false
}

/// An address where nothing listens.
const PROXY: [(&str, &str); 3] = [
    ("HTTP_PROXY", ""),
    ("http_proxy", "http://127.0.0.1:1"),
    ("NO_PROXY", ""),
];

const NO_ROOTS: [(&str, &str); 2] = [
    ("SSL_CERT_FILE", "/nonexistent"),
    ("SSL_CERT_DIR", "/nonexistent"),
];

#[tokio::test]
async fn environment_proxies_are_ignored_by_default() {
    if is_in(&PROXY, "environment_proxies_are_ignored_by_default") {
        let issuer = TestIssuer::start().await;
        builder(&issuer).fail_fast().start().await.unwrap();
    }
}

#[tokio::test]
async fn empty_no_proxy_does_not_hide_its_name_in_lower_case() {
    let environment = [PROXY[1], ("NO_PROXY", ""), ("no_proxy", "127.0.0.1")];
    if is_in(
        &environment,
        "empty_no_proxy_does_not_hide_its_name_in_lower_case",
    ) {
        let issuer = TestIssuer::start().await;
        let direct = builder(&issuer).http(HttpSettings::default().environment_proxies());
        direct.fail_fast().start().await.unwrap();
    }
}

#[tokio::test]
async fn environment_proxies_are_used_if_configured() {
    if is_in(&PROXY, "environment_proxies_are_used_if_configured") {
        let issuer = TestIssuer::start().await;
        let proxied = builder(&issuer)
            .http(HttpSettings::default().environment_proxies())
            .refresh_rules(short_backoff())
            .start_timeout(millis(1));
        let keys = proxied.start().await.unwrap();
        keys.refresh().await.expect_err("the proxy is dead");
    }
}

#[tokio::test]
async fn start_works_without_system_root_certificates() {
    if is_in(&NO_ROOTS, "start_works_without_system_root_certificates") {
        let issuer = TestIssuer::start().await;
        builder(&issuer).fail_fast().start().await.unwrap();
    }
}
