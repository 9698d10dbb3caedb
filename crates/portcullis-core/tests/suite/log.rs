//! Log lines of refusals.

use std::{
    cell::RefCell,
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Method, Request};
use portcullis_core::{
    AuthenticateLayer, RequireMachineLayer, RequireScopeLayer, Scope, ScopePolicy,
    clock::{Clock, UnixTime},
    facts::OriginalTarget,
    scheme::{Failure, Outcome},
};
use tower::ServiceBuilder;

use crate::support::{Fake, bearing, request, send};

const READ: Scope = Scope::from_static("orders:read");

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Collects the log of this thread.
struct Log;

impl Log {
    /// One subscriber for the whole process. With one for each thread, a test without any could be the first to reach an
    /// event, and disable it for all.
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
async fn misconfiguration_is_logged_as_an_error_with_a_fix() {
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
async fn outage_is_logged_as_a_warning() {
    let log = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("down")).await;
    insta::assert_snapshot!(log.take(), @r#"WARN portcullis_core::refusal: request refused kind=Unavailable reason="the credential cannot be checked right now" method=POST path="/orders""#);
}

#[tokio::test]
async fn refusals_of_bad_credentials_are_logged_at_debug_with_the_internal_reason() {
    let log = Log::install();
    send(&AuthenticateLayer::new(Fake::bearer()), bearing("expired")).await;
    insta::assert_snapshot!(log.take(), @r#"DEBUG portcullis_core::refusal: request refused kind=Invalid reason="exp was long ago" method=POST path="/orders""#);
}

#[tokio::test]
async fn query_is_not_logged_and_path_is_cut() {
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
async fn passed_requests_are_not_logged() {
    let log = Log::install();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::all([READ]))
        .into_inner();
    assert_eq!(send(&layer, bearing("reader")).await.status(), 200);
    assert_eq!(log.take(), "");
}

#[tokio::test]
async fn credentials_are_not_logged_wherever_they_were_sent() {
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

/// An API key and a JWT, in this suite's formats.
const CREDENTIALS: [(&str, &str); 2] = [
    (
        "acme_4fXq0ZbT9kLm_9Zr3mWq8TfL2xVb7Nc5Ky1Jd0Ph4aBcDeF",
        "9Zr3mWq8",
    ),
    (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJl",
        "eyJ",
    ),
];

#[tokio::test]
async fn credentials_in_method_path_and_reason_are_masked() {
    let log = Log::install();
    for (credential, secret) in CREDENTIALS {
        let encoded: String = credential
            .bytes()
            .map(|octet| format!("%{octet:02X}"))
            .collect();
        let echoing = Fake::bearer().answering(move |_, _| {
            let failure = Failure::invalid("no").with_internal(format!("kid is {credential:?}"));
            Outcome::Done(Err(failure))
        });
        let layer = AuthenticateLayer::new(echoing);
        for path in [
            credential,
            &encoded,
            &credential.replace('_', "%5f").replace('.', "%2E"),
            &format!("files/{credential}/x"),
        ] {
            let mut request = bearing("reader");
            *request.uri_mut() = format!("/{path}").parse().expect("a target");
            *request.method_mut() = credential.parse().expect("a method");
            send(&layer, request).await;
            let logged = log.take();
            assert!(!logged.contains(secret), "{logged}");
            assert_eq!(logged.matches("[masked]").count(), 3, "{logged}");
        }
    }
}

#[tokio::test]
async fn long_method_is_cut_in_the_log() {
    let log = Log::install();
    let mut request = bearing("expired");
    *request.method_mut() = Method::from_bytes(&[b'X'; 30_000]).expect("a method");
    send(&AuthenticateLayer::new(Fake::bearer()), request).await;
    let logged = log.take();
    assert!(
        logged.contains("XXX…") && logged.len() < 300,
        "{}",
        logged.len()
    );
}

#[tokio::test]
async fn b4_log_of_a_403_names_caller_credential_and_scopes() {
    let log = Log::install();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireScopeLayer::policy(ScopePolicy::any([
            Scope::from_static("order:write"), // mistyped, but a scope
            Scope::from_static("admin"),
        ])))
        .into_inner();
    send(&layer, bearing("reader")).await;
    insta::assert_snapshot!(log.take(), @r#"DEBUG portcullis_core::refusal: request refused kind=InsufficientScope reason="insufficient scope: order:write required" method=POST path="/orders" scheme="Bearer" subject="reader" required="order:write or admin" granted="orders:read""#);
    let machines = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()))
        .layer(RequireMachineLayer::new())
        .into_inner();
    send(&machines, bearing("person")).await;
    insta::assert_snapshot!(log.take(), @r#"DEBUG portcullis_core::refusal: request refused kind=NotAMachine reason="only a machine may call this" method=POST path="/orders" scheme="Bearer" subject="person""#);
}

#[tokio::test]
async fn original_path_is_logged_if_known() {
    let log = Log::install();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Fake::bearer()).optional())
        .layer(RequireScopeLayer::all([READ]))
        .into_inner();
    for fields in [
        &[][..],
        &[("authorization", "Bearer nothing")],
        &[("authorization", "Bearer expired")],
    ] {
        let mut request: Request<()> = request(fields);
        let original = OriginalTarget("/admin/orders?a=b".parse().expect("a target"));
        request.extensions_mut().insert(original);
        send(&layer, request).await;
        let logged = log.take();
        assert!(logged.contains(r#"path="/admin/orders""#), "{logged}");
    }
}

/// How many refusals have a line of their own, and how many the other lines count.
fn counted(logged: &str) -> (usize, usize) {
    let lines = logged.lines();
    let own = lines
        .filter(|line| line.contains("request refused"))
        .count();
    let summed_up = logged.lines().filter_map(|line| {
        let (_, number) = line.split_once("suppressed=")?;
        number.split(' ').next()?.parse::<usize>().ok()
    });
    (own, summed_up.sum())
}

#[tokio::test]
async fn flood_of_refusals_is_counted_at_every_level() {
    const FLOOD: usize = 2_000;

    let log = Log::install();
    for credential in ["down", "expired"] {
        let layer = AuthenticateLayer::new(Fake::bearer());
        for _ in 0..FLOOD {
            send(&layer, bearing(credential)).await;
        }
        drop(layer);
        let (own, summed_up) = counted(&log.take());
        assert_eq!(own + summed_up, FLOOD, "every refusal is counted");
        assert!(own <= FLOOD / 2, "{own} lines"); // 50 a second, on a slow machine for 20 s
    }
    let unguarded = RequireScopeLayer::all([READ]);
    for _ in 0..FLOOD {
        send(&unguarded, request(&[])).await;
    }
    drop(unguarded);
    let (own, summed_up) = counted(&log.take());
    assert_eq!(own + summed_up, FLOOD, "every refusal is counted");
    assert!(own <= FLOOD / 2, "{own} lines");
}

#[derive(Debug, Default)]
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn end_of_an_outage_is_counted_where_only_warnings_are_logged() {
    let log = Log::install();
    let warnings = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .without_time()
        .with_writer(|| Log)
        .finish();
    let _guard = tracing::subscriber::set_default(warnings);
    let clock = Arc::new(Seconds::default());
    let layer = AuthenticateLayer::new(Fake::bearer().with_clock(clock.clone()));
    for _ in 0..60 {
        send(&layer, bearing("down")).await;
    }
    assert_eq!(counted(&log.take()), (50, 0));
    clock.0.store(1, Ordering::Relaxed);
    send(&layer, bearing("expired")).await;
    assert_eq!(counted(&log.take()), (0, 10));
}
