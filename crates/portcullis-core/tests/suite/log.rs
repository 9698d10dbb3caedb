//! What an operator reads.

use std::{
    io,
    sync::{Arc, Mutex},
};

use portcullis_core::{AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, Scope};
use tower::ServiceBuilder;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Fake, bearing, request, send};

const READ: Scope = Scope::from_static("orders:read");

/// Everything logged on this thread while it is installed.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn install() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        String::from_utf8(bytes).expect("UTF-8").trim().to_owned()
    }
}

impl io::Write for &Log {
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

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

#[tokio::test]
async fn a_wiring_mistake_is_an_error_that_says_what_to_do() {
    let (log, _guard) = Log::install();
    assert_eq!(
        send(&RequireScopeLayer::all([READ]), request(&[]))
            .await
            .status(),
        500
    );
    insta::assert_snapshot!(log.take(), @r#"ERROR portcullis_core::refusal: request refused kind=Misconfigured reason="a guard or extractor ran without an AuthenticateLayer in front: add the layer outside it""#);
    send(&RequireMachineLayer::new(), request(&[])).await;
    assert!(log.take().starts_with("ERROR"));

    let twice = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::key()).optional())
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .into_inner();
    send(&twice, bearing("reader")).await;
    insta::assert_snapshot!(log.take(), @r#"ERROR portcullis_core::refusal: request refused kind=Misconfigured reason="two AuthenticateLayers stand one behind the other: keep the outer one, and use guards inside it""#);
}

#[tokio::test]
async fn an_outage_is_a_warning() {
    let (log, _guard) = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("down")).await;
    insta::assert_snapshot!(log.take(), @r#"WARN portcullis_core::refusal: request refused kind=Unavailable reason="the credential cannot be checked right now""#);
}

#[tokio::test]
async fn a_caller_s_fault_is_for_debugging_and_says_the_internal_reason() {
    let (log, _guard) = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("expired")).await;
    insta::assert_snapshot!(log.take(), @r#"DEBUG portcullis_core::refusal: request refused kind=Invalid reason="exp was long ago""#);
}

#[tokio::test]
async fn what_passes_is_not_logged() {
    let (log, _guard) = Log::install();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::all([READ]))
        .into_inner();
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
    assert_eq!(log.take(), "");
}

#[tokio::test]
async fn no_credential_is_logged_wherever_it_was_put() {
    let (log, _guard) = Log::install();
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
