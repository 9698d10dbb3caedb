//! Refusals in a nested router are logged with the path that the client sent.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{Router, routing};
use portcullis_axum::Scoped;
use portcullis_core::RequireScopeLayer;

use crate::support::{ReadOrders, WriteOrders, get, layer};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        String::from_utf8(bytes).expect("UTF-8")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_whole_path_is_logged_in_a_nested_router() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(move || sink.clone())
        .with_ansi(false)
        .finish();
    let _until_dropped = tracing::subscriber::set_default(subscriber);

    let inner = || {
        Router::new()
            .route("/x", routing::get(async |_: Scoped<WriteOrders>| ()))
            .route(
                "/y",
                routing::get(async || ()).layer(RequireScopeLayer::all([WriteOrders::SCOPE])),
            )
            .route("/z", routing::get(async |_: Scoped<ReadOrders>| ()))
    };
    let layer = || layer().facts(portcullis_axum::facts());
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
