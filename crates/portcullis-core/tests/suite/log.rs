//! What an operator reads.

use std::{cell::RefCell, io, sync::LazyLock};

use portcullis_core::{AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, Scope};
use tower::ServiceBuilder;

use crate::support::{Fake, bearing, request, send};

const READ: Scope = Scope::from_static("orders:read");

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was logged on this thread.
struct Log;

impl Log {
    /// One subscriber for the whole process: were it one for each thread, a test without any could be the first to
    /// reach an event, and switch it off for all.
    fn install() -> Self {
        static INSTALLED: LazyLock<()> = LazyLock::new(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .without_time()
                .with_writer(|| Log)
                .init();
            tracing::callsite::rebuild_interest_cache();
        });
        LazyLock::force(&INSTALLED);
        Self
    }

    fn take(&self) -> String {
        let bytes = LOGGED.take();
        String::from_utf8(bytes).expect("UTF-8").trim().to_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_wiring_mistake_is_an_error_that_says_what_to_do() {
    let log = Log::install();
    assert_eq!(
        send(&RequireScopeLayer::all([READ]), request(&[]))
            .await
            .status(),
        500
    );
    insta::assert_snapshot!(log.take(), @r#"ERROR portcullis_core::refusal: request refused kind=Misconfigured reason="a guard or extractor ran without an AuthenticateLayer in front: add the layer outside it" method=POST path="/orders""#);
    send(&RequireMachineLayer::new(), request(&[])).await;
    assert!(log.take().starts_with("ERROR"));

    let twice = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::key()).optional())
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .into_inner();
    send(&twice, bearing("reader")).await;
    insta::assert_snapshot!(log.take(), @r#"ERROR portcullis_core::refusal: request refused kind=Misconfigured reason="two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it" method=POST path="/orders""#);
}

#[tokio::test]
async fn an_outage_is_a_warning() {
    let log = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("down")).await;
    insta::assert_snapshot!(log.take(), @r#"WARN portcullis_core::refusal: request refused kind=Unavailable reason="the credential cannot be checked right now" method=POST path="/orders""#);
}

#[tokio::test]
async fn a_caller_s_fault_is_for_debugging_and_says_the_internal_reason() {
    let log = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("expired")).await;
    insta::assert_snapshot!(log.take(), @r#"DEBUG portcullis_core::refusal: request refused kind=Invalid reason="exp was long ago" method=POST path="/orders""#);
}

#[tokio::test]
async fn the_query_is_not_logged_and_the_path_is_cut_short() {
    let log = Log::install();
    let mut request = bearing("expired");
    let target = format!("/{}?access_token=secret", "x".repeat(500));
    *request.uri_mut() = target.parse().expect("a target");
    send(&AuthenticateLayer::new(Fake::bearer()), request).await;
    let logged = log.take();
    assert!(
        !logged.contains("secret") && logged.contains("path=\"/xxx"),
        "{logged}"
    );
    assert!(logged.len() < 300, "{logged}");
}

#[tokio::test]
async fn what_passes_is_not_logged() {
    let log = Log::install();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::all([READ]))
        .into_inner();
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
    assert_eq!(log.take(), "");
}

#[tokio::test]
async fn no_credential_is_logged_wherever_it_was_put() {
    let log = Log::install();
    let layer = AuthenticateLayer::any_of((Fake::bearer(), Fake::key())).expect("two sources");
    for fields in [
        [("authorization", "Bearer s3cr3t"), ("accept", "*/*")],
        [("authorization", "s3cr3t"), ("accept", "*/*")],
        [("authorization", "Bearer s3cr3t x"), ("accept", "*/*")],
        [("authorization", "Bearer s3cr3t"), ("x-api-key", "s3cr3t")],
        [("x-api-key", "s3cr3t"), ("x-api-key", "s3cr3t")],
        [("x-api-key", "s3cr3t"), ("cookie", "s3cr3t")],
    ] {
        assert!(
            send(&layer, request(&fields))
                .await
                .status()
                .is_client_error()
        );
        let logged = log.take();
        assert!(logged.contains("request refused"), "{logged}");
        assert!(!logged.contains("s3cr3t"), "{fields:?} {logged}");
    }
}
