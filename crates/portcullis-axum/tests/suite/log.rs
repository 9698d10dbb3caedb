//! Refusals in a nested router are logged with the path that the client sent.

use std::{cell::RefCell, io, sync::LazyLock};

use axum::{Router, routing};
use portcullis_axum::Scoped;
use portcullis_core::RequireScopeLayer;

use crate::support::{ReadOrders, WriteOrders, get, layer};

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
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false)
                .with_writer(|| Log)
                .init();
            tracing::callsite::rebuild_interest_cache();
        });
        LazyLock::force(&INSTALLED);
        Self
    }

    fn take(&self) -> String {
        String::from_utf8(LOGGED.take()).expect("UTF-8")
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
async fn whole_path_is_logged_in_a_nested_router() {
    let log = Log::install();
    let inner = || {
        Router::new()
            .route("/x", routing::get(async |_: Scoped<WriteOrders>| ()))
            .route(
                "/y",
                routing::get(async || ()).layer(RequireScopeLayer::all([WriteOrders::SCOPE])),
            )
            .route("/z", routing::get(async |_: Scoped<ReadOrders>| ()))
    };
    let layer = || layer().fact_finders(portcullis_axum::fact_finders());
    let outside = Router::new().nest("/admin", inner()).route_layer(layer());
    let inside = Router::new().nest("/admin", inner().route_layer(layer()));
    for (app, credential) in [
        (&outside, Some("read")),
        (&inside, Some("read")),
        (&outside, Some("bad")),
        (&inside, None),
    ] {
        for path in ["/admin/x", "/admin/y"] {
            assert!(get(app, path, credential).await.status().is_client_error());
            let logged = log.take();
            assert!(logged.contains(&format!("path=\"{path}\"")), "{logged}");
        }
    }
    assert_eq!(get(&outside, "/admin/z", Some("read")).await.status(), 200);
}
