//! The position of the layers in an axum router decides which routes they cover.

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    routing::{MethodRouter, get},
};
use http::{HeaderMap, Method, header::AUTHORIZATION};
use portcullis_axum::{Caller, Scoped};
use portcullis_core::{RequireScopeLayer, ScopesByPath, scope};

use super::{
    cases::{assert_table_over_http, assert_unknown_path_is_404, challenges, serve},
    client::{Client, empty, headers, whole},
    credentials::{Credentials, READ},
    server::Server,
};

scope!(ReadOrders = "orders:read");

fn list() -> MethodRouter {
    get(async |request: Request| serve(&request.into_parts().0))
}

#[tokio::test]
async fn nested_router_is_guarded_by_its_own_or_outer_layers() {
    let credentials = Credentials::issue().await;
    let guard = RequireScopeLayer::all([READ]);
    let own = Router::new()
        .route("/orders", list())
        .route_layer(guard.clone())
        .route_layer(credentials.layer());
    let outer = Router::new()
        .nest(
            "/outer",
            Router::new().route("/orders", list().route_layer(guard)),
        )
        .route_layer(credentials.layer());
    let server = Server::axum(Router::new().nest("/own", own).merge(outer)).await;

    assert_table_over_http(&server, "/own/orders", &credentials).await;
    assert_table_over_http(&server, "/outer/orders", &credentials).await;
    for unknown in ["/nowhere", "/own/nowhere", "/outer/nowhere"] {
        assert_unknown_path_is_404(&server, unknown, &credentials).await;
    }
}

#[tokio::test]
async fn guard_by_path_inside_nest_sees_the_stripped_path() {
    let credentials = Credentials::issue().await;
    let by_path =
        |path| RequireScopeLayer::by_path(ScopesByPath::new().path(path, READ)).expect("a path");
    let inner = |guard| Router::new().route("/orders", list()).route_layer(guard);
    let router = Router::new()
        .nest("/short", inner(by_path("/orders")))
        .nest("/whole", inner(by_path("/whole/orders")))
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;

    assert_table_over_http(&server, "/short/orders", &credentials).await;
    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    let response = Client::http1()
        .get(&server.url("/whole/orders"), reader)
        .await;
    assert_eq!(response.status(), 403, "an unlisted path is not open");
}

#[derive(Clone)]
struct Shop {
    name: &'static str,
}

#[tokio::test]
async fn handlers_can_take_state_and_principal() {
    let credentials = Credentials::issue().await;
    let greet = async |State(shop): State<Shop>, Scoped(caller, _): Scoped<ReadOrders>| {
        format!("{} greets {}", shop.name, caller.scheme())
    };
    let whoami = async |principal: Caller, State(shop): State<Shop>| {
        format!("{} knows {}", shop.name, principal.scheme())
    };
    let router = Router::new()
        .route(
            "/greeting",
            get(greet.layer(RequireScopeLayer::all([READ]))),
        )
        .route("/whoami", get(whoami))
        .route_layer(credentials.layer())
        .with_state(Shop {
            name: "corner shop",
        });
    let server = Server::axum(router).await;

    let reader = headers([(AUTHORIZATION, &credentials.token)]);
    for (path, answer) in [
        ("/greeting", "corner shop greets jwt"),
        ("/whoami", "corner shop knows jwt"),
    ] {
        let response = Client::http1().get(&server.url(path), reader.clone()).await;
        assert_eq!(response.body(), answer);
    }
    let stranger = headers([(AUTHORIZATION, &credentials.stranger_token)]);
    assert_eq!(
        status(&server, Method::GET, "/greeting", stranger.clone()).await,
        403
    );
    assert_eq!(status(&server, Method::GET, "/whoami", stranger).await, 200);
}

#[tokio::test]
async fn layer_wraps_the_fallback_and_route_layer_does_not() {
    let credentials = Credentials::issue().await;
    let anonymous = HeaderMap::new;
    let wrapped = Router::new()
        .route("/orders", list())
        .layer(credentials.layer());
    let server = Server::axum(wrapped).await;
    assert_eq!(
        status(&server, Method::GET, "/nowhere", anonymous()).await,
        401
    );

    let routes = Router::new()
        .route("/orders", list())
        .route_layer(credentials.layer());
    let server = Server::axum(routes).await;
    assert_eq!(
        status(&server, Method::GET, "/nowhere", anonymous()).await,
        404
    );
    // The router wraps each path with all methods, so an unsupported method is 405 only for authenticated callers.
    // `MethodRouter::route_layer` wraps only the methods of the path.
    let token = || headers([(AUTHORIZATION, &credentials.token)]);
    assert_eq!(
        status(&server, Method::DELETE, "/orders", anonymous()).await,
        401
    );
    assert_eq!(
        status(&server, Method::DELETE, "/orders", token()).await,
        405
    );
    let methods = Router::new().route("/orders", list().route_layer(credentials.layer()));
    let server = Server::axum(methods).await;
    assert_eq!(
        status(&server, Method::GET, "/orders", anonymous()).await,
        401
    );
    assert_eq!(
        status(&server, Method::DELETE, "/orders", anonymous()).await,
        405
    );
    // HEAD uses the handler of GET.
    assert_eq!(
        status(&server, Method::HEAD, "/orders", anonymous()).await,
        401
    );
}

#[tokio::test]
async fn routes_added_after_the_layer_are_open() {
    let credentials = Credentials::issue().await;
    let orders = get("").route_layer(RequireScopeLayer::all([READ])).post("");
    let router = Router::new()
        .route("/orders", orders)
        .route_layer(credentials.layer())
        .route("/livez", get(""));
    let server = Server::axum(router).await;

    assert_eq!(
        status(&server, Method::GET, "/livez", HeaderMap::new()).await,
        200
    );
    assert_eq!(
        status(&server, Method::POST, "/orders", HeaderMap::new()).await,
        401
    );
    // The guard covers only the methods that were added before it.
    let stranger = headers([(AUTHORIZATION, &credentials.stranger_token)]);
    assert_eq!(
        status(&server, Method::GET, "/orders", stranger.clone()).await,
        403
    );
    assert_eq!(
        status(&server, Method::POST, "/orders", stranger).await,
        200
    );
}

#[tokio::test]
async fn refused_head_request_has_no_body() {
    let credentials = Credentials::issue().await;
    let router = Router::new()
        .route("/orders", list())
        .route_layer(credentials.layer());
    let server = Server::axum(router).await;
    for client in [Client::http1(), Client::http2()] {
        let response = whole(
            client
                .send(request(&server, Method::HEAD, "/orders", HeaderMap::new()))
                .await,
        )
        .await;
        assert_eq!(challenges(response.headers()), ["Bearer", "ApiKey"]);
        assert!(response.body().is_empty());
    }
}

async fn status(server: &Server, method: Method, path: &str, headers: HeaderMap) -> u16 {
    let response = Client::http1()
        .send(request(server, method, path, headers))
        .await;
    whole(response).await.status().as_u16()
}

fn request(
    server: &Server,
    method: Method,
    path: &str,
    headers: HeaderMap,
) -> http::Request<super::client::Outgoing> {
    let mut request = http::Request::new(empty());
    *request.method_mut() = method;
    *request.uri_mut() = server.url(path).parse().expect("a URL");
    *request.headers_mut() = headers;
    request
}
