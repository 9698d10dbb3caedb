//! Where to add the layers, and what happens elsewhere.

use axum::{Router, body::Body, handler::Handler, routing};
use http::{Method, Request};
use portcullis_core::RequireScopeLayer;
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;

use crate::support::{ReadOrders, WriteOrders, get, layer, send, send_as};

async fn ok() -> &'static str {
    "ok"
}

async fn status(app: &Router, method: Method, path: &str, credential: Option<&str>) -> u16 {
    send_as(app, method, path, credential)
        .await
        .status()
        .as_u16()
}

/// The router of the layer's documentation.
#[tokio::test]
async fn guards_for_each_method_and_an_open_route_added_after() {
    let app = Router::new()
        .route(
            "/orders",
            routing::get(ok.layer(RequireScopeLayer::all([ReadOrders::SCOPE])))
                .post(ok.layer(RequireScopeLayer::all([WriteOrders::SCOPE]))),
        )
        .route_layer(layer())
        .route("/livez", routing::get(ok));
    for (method, path, credential, expected) in [
        (Method::GET, "/orders", Some("read"), 200),
        (Method::HEAD, "/orders", Some("read"), 200),
        (Method::GET, "/orders", Some("write"), 403),
        (Method::POST, "/orders", Some("write"), 200),
        (Method::POST, "/orders", Some("read"), 403),
        (Method::GET, "/orders", None, 401),
        (Method::GET, "/livez", None, 200),
        (Method::GET, "/livez", Some("bad"), 200),
    ] {
        let found = status(&app, method.clone(), path, credential).await;
        assert_eq!(found, expected, "{method} {path} {credential:?}");
    }
}

#[tokio::test]
async fn unknown_path_is_404_behind_route_layer_and_401_behind_layer() {
    let routes = || Router::new().route("/orders", routing::get(ok));
    let by_route_layer = routes().route_layer(layer());
    let by_layer = routes().layer(layer());
    for (credential, with_route_layer, with_layer) in [
        (None, 404, 401),
        (Some("bad"), 404, 401),
        (Some("read"), 404, 404),
    ] {
        assert_eq!(
            get(&by_route_layer, "/unknown", credential).await.status(),
            with_route_layer
        );
        assert_eq!(
            get(&by_layer, "/unknown", credential).await.status(),
            with_layer
        );
    }
}

#[tokio::test]
async fn unknown_method_is_401_before_405() {
    let app = Router::new()
        .route("/orders", routing::get(ok))
        .route_layer(layer());
    assert_eq!(status(&app, Method::PUT, "/orders", None).await, 401);
    assert_eq!(
        status(&app, Method::PUT, "/orders", Some("read")).await,
        405
    );
}

#[tokio::test]
async fn method_router_route_layer_wraps_every_method_so_far() {
    let app = Router::new().route(
        "/orders",
        routing::get(ok)
            .post(ok)
            .route_layer(RequireScopeLayer::all([WriteOrders::SCOPE]))
            .delete(ok),
    );
    let app = app.route_layer(layer());
    for (method, expected) in [
        (Method::GET, 403),
        (Method::POST, 403),
        (Method::DELETE, 200),
        (Method::PUT, 405),
    ] {
        let found = status(&app, method.clone(), "/orders", Some("read")).await;
        assert_eq!(found, expected, "{method}");
    }
}

/// Router layers run last-added-first, `ServiceBuilder` top-down. The wrong order is a 500, never an open route.
#[tokio::test]
async fn wrong_layer_order_is_500() {
    let routes = || Router::new().route("/orders", routing::get(ok));
    let guard = || RequireScopeLayer::all([ReadOrders::SCOPE]);
    let right = [
        routes().route_layer(guard()).route_layer(layer()),
        routes().route_layer(ServiceBuilder::new().layer(layer()).layer(guard())),
    ];
    let wrong = [
        routes().route_layer(layer()).route_layer(guard()),
        routes().route_layer(ServiceBuilder::new().layer(guard()).layer(layer())),
    ];
    for app in &right {
        assert_eq!(get(app, "/orders", Some("read")).await.status(), 200);
        assert_eq!(get(app, "/orders", Some("write")).await.status(), 403);
        assert_eq!(get(app, "/orders", None).await.status(), 401);
    }
    for app in &wrong {
        for credential in [None, Some("read"), Some("write")] {
            assert_eq!(get(app, "/orders", credential).await.status(), 500);
        }
    }
}

/// A preflight has no credentials, so the CORS layer must be outside.
#[tokio::test]
async fn cors_layer_goes_outside() {
    let preflight = || {
        Request::options("/orders")
            .header("origin", "https://shop.example.com")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization")
            .body(Body::empty())
            .expect("a request")
    };
    let routes = || Router::new().route("/orders", routing::get(ok));
    let outside = routes().route_layer(layer()).layer(CorsLayer::permissive());
    let inside = routes()
        .route_layer(CorsLayer::permissive())
        .route_layer(layer());

    let response = send(&outside, preflight()).await;
    assert_eq!(response.status(), 200);
    assert!(
        response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    let refused = get(&outside, "/orders", None).await;
    assert_eq!(refused.status(), 401);
    assert!(
        refused
            .headers()
            .contains_key("access-control-allow-origin"),
        "a page may read the refusal"
    );
    assert_eq!(send(&inside, preflight()).await.status(), 401);
}

#[tokio::test]
async fn nested_routers() {
    let inner = || {
        Router::new()
            .route("/orders", routing::get(ok))
            .route_layer(RequireScopeLayer::all([ReadOrders::SCOPE]))
    };
    let layered_inside = Router::new().nest("/api", inner().route_layer(layer()));
    let layered_outside = Router::new().nest("/api", inner()).route_layer(layer());
    for app in [layered_inside, layered_outside] {
        assert_eq!(get(&app, "/api/orders", Some("read")).await.status(), 200);
        assert_eq!(get(&app, "/api/orders", Some("write")).await.status(), 403);
        assert_eq!(get(&app, "/api/orders", None).await.status(), 401);
        assert_eq!(get(&app, "/api/unknown", None).await.status(), 404);
        assert_eq!(get(&app, "/orders", None).await.status(), 404);
    }
    let both = Router::new()
        .nest("/api", inner().route_layer(layer()))
        .route_layer(layer());
    assert_eq!(
        get(&both, "/api/orders", Some("read")).await.status(),
        500,
        "two layers are a mistake, not a second check"
    );
}

#[tokio::test]
async fn merged_routers_keep_their_own_guards() {
    let guarded = Router::new()
        .route("/orders", routing::get(ok))
        .route_layer(layer());
    let open = Router::new().route("/livez", routing::get(ok));
    let app = guarded.merge(open);
    assert_eq!(get(&app, "/orders", None).await.status(), 401);
    assert_eq!(get(&app, "/livez", None).await.status(), 200);
}

#[tokio::test]
async fn fallback_behind_layer_is_guarded() {
    let app = Router::new()
        .route("/livez", routing::get(ok))
        .fallback(ok.layer(ServiceBuilder::new().layer(layer())));
    assert_eq!(get(&app, "/anything", None).await.status(), 401);
    assert_eq!(get(&app, "/anything", Some("none")).await.status(), 200);
}

/// `route_layer` leaves fallbacks alone, also those that serve something. `layer` does not.
#[tokio::test]
async fn fallback_is_open_behind_route_layer() {
    let own = || {
        Router::new()
            .route("/orders", routing::get(ok))
            .fallback(ok)
    };
    let nested = || Router::new().nest("/api", own());
    for (app, path) in [(own(), "/files/7"), (nested(), "/api/files/7")] {
        let by_route_layer = app.clone().route_layer(layer());
        assert_eq!(get(&by_route_layer, path, None).await.status(), 200);
        let by_layer = app.layer(layer());
        assert_eq!(get(&by_layer, path, None).await.status(), 401);
        assert_eq!(get(&by_layer, path, Some("read")).await.status(), 200);
    }
}
