use http::Request;

use crate::support::Service;

fn get(uri: &str) -> Request<axum::body::Body> {
    Request::get(uri)
        .body(axum::body::Body::empty())
        .expect("a request")
}

#[tokio::test]
async fn description_is_openapi_3_1() {
    let answer = Service::start().send(get("/admin/keys/openapi.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let description = answer.json();
    assert!(
        description["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1")
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&description).expect("JSON"));
}

#[tokio::test]
async fn description_names_the_paths_where_the_router_is_nested() {
    let service = Service::start();
    let description = service.send(get("/admin/keys/openapi.json")).await.json();
    let paths = description["paths"].as_object().expect("paths").keys();
    assert!(paths.eq([
        "/admin/keys",
        "/admin/keys/introspect",
        "/admin/keys/{id}",
        "/admin/keys/{id}/revoke",
        "/admin/keys/{id}/rotate"
    ]));
}
