//! The four extractors, behind each kind of layer.

use axum::{Router, extract::State, routing};
use portcullis_axum::{Caller, Proof, Scoped};
use portcullis_core::{ScopePolicy, ScopeRequirement, ScopeSet};

use crate::support::{Admin, ReadOrders, WriteOrders, get, layer};

async fn principal(principal: Caller) -> String {
    principal.subject().unwrap_or("nobody").to_owned()
}

async fn maybe_principal(principal: Option<Caller>) -> String {
    principal.map_or("anonymous".to_owned(), |principal| {
        principal.subject().unwrap_or("nobody").to_owned()
    })
}

async fn scoped(Scoped(principal, _): Scoped<ReadOrders>) -> String {
    principal.subject().unwrap_or("nobody").to_owned()
}

async fn maybe_scoped(scoped: Option<Scoped<ReadOrders>>) -> String {
    scoped.map_or("anonymous".to_owned(), |Scoped(principal, _)| {
        principal.subject().unwrap_or("nobody").to_owned()
    })
}

fn routes() -> Router {
    Router::new()
        .route("/principal", routing::get(principal))
        .route("/maybe-principal", routing::get(maybe_principal))
        .route("/scoped", routing::get(scoped))
        .route("/maybe-scoped", routing::get(maybe_scoped))
}

/// One row for each extractor: the status for an anonymous caller, one without scope, a good one and a bad one.
async fn assert_table(app: &Router, table: [(&str, [Result<&str, u16>; 4]); 4]) {
    for (path, answers) in table {
        let credentials = [None, Some("none"), Some("read"), Some("bad")];
        for (credential, expected) in credentials.into_iter().zip(answers) {
            let response = get(app, path, credential).await;
            let status = response.status().as_u16();
            let found = if status == 200 {
                Ok(response.body().as_str())
            } else {
                Err(status)
            };
            assert_eq!(found, expected, "{path} {credential:?}");
        }
    }
}

#[tokio::test]
async fn extractors_behind_an_optional_layer() {
    let known = Ok("billing");
    let anonymous = Ok("anonymous");
    let app = routes().route_layer(layer().optional());
    assert_table(
        &app,
        [
            ("/principal", [Err(401), known, known, Err(401)]),
            ("/maybe-principal", [anonymous, known, known, Err(401)]),
            ("/scoped", [Err(401), Err(403), known, Err(401)]),
            ("/maybe-scoped", [anonymous, Err(403), known, Err(401)]),
        ],
    )
    .await;
}

#[tokio::test]
async fn extractors_behind_a_layer_that_requires_credentials() {
    let known = Ok("billing");
    let app = routes().route_layer(layer());
    assert_table(
        &app,
        [
            ("/principal", [Err(401), known, known, Err(401)]),
            ("/maybe-principal", [Err(401), known, known, Err(401)]),
            ("/scoped", [Err(401), Err(403), known, Err(401)]),
            ("/maybe-scoped", [Err(401), Err(403), known, Err(401)]),
        ],
    )
    .await;
}

#[tokio::test]
async fn extractor_without_a_layer_is_500() {
    assert_table(
        &routes(),
        [
            ("/principal", [Err(500); 4]),
            ("/maybe-principal", [Err(500); 4]),
            ("/scoped", [Err(500); 4]),
            ("/maybe-scoped", [Err(500); 4]),
        ],
    )
    .await;
}

#[tokio::test]
async fn tuple_of_scopes_requires_every_member() {
    async fn handler(_: Scoped<(ReadOrders, (WriteOrders, Admin))>) {}
    let app = Router::new()
        .route("/", routing::get(handler))
        .route_layer(layer());
    for (credential, status) in [
        ("read+write+admin", 200),
        ("admin+write+read+other", 200),
        ("read+write", 403),
        ("write+admin", 403),
        ("admin", 403),
        ("none", 403),
    ] {
        assert_eq!(
            get(&app, "/", Some(credential)).await.status(),
            status,
            "{credential}"
        );
    }
    let response = get(&app, "/", Some("admin")).await;
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .expect("printable");
    assert!(
        challenge.ends_with(r#"scope="orders:read orders:write admin""#),
        "{challenge}"
    );
}

#[tokio::test]
async fn custom_scope_requirement_is_checked() {
    struct ReadOrAdmin;

    impl ScopeRequirement for ReadOrAdmin {
        fn policy() -> ScopePolicy {
            ScopePolicy::any([ReadOrders::SCOPE, Admin::SCOPE])
        }

        fn is_satisfied_by(granted: &ScopeSet) -> bool {
            ReadOrders::is_satisfied_by(granted) || Admin::is_satisfied_by(granted)
        }
    }

    async fn handler(_: Scoped<ReadOrAdmin>) {}
    let app = Router::new()
        .route("/", routing::get(handler))
        .route_layer(layer());
    assert_eq!(get(&app, "/", Some("admin")).await.status(), 200);
    assert_eq!(get(&app, "/", Some("write")).await.status(), 403);
}

#[tokio::test]
async fn scoped_extractor_gives_a_proof() {
    fn delete_everything(_: &Proof<Admin>) -> &'static str {
        "gone"
    }

    async fn handler(Scoped(_, proof): Scoped<Admin>) -> &'static str {
        delete_everything(&proof)
    }

    let app = Router::new()
        .route("/", routing::get(handler))
        .route_layer(layer());
    assert_eq!(get(&app, "/", Some("admin")).await.body(), "gone");
    assert_eq!(get(&app, "/", Some("write")).await.status(), 403);
}

/// The extractors work with any state and beside other extractors.
#[tokio::test]
async fn with_state() {
    #[derive(Clone)]
    struct Shop(&'static str);

    async fn handler(
        State(shop): State<Shop>,
        principal: Caller,
        Scoped(..): Scoped<ReadOrders>,
        body: String,
    ) -> String {
        format!("{} {:?} {body}", shop.0, principal.0.subject())
    }

    let app = Router::new()
        .route("/", routing::get(handler))
        .route_layer(layer())
        .with_state(Shop("the shop"));
    assert_eq!(
        get(&app, "/", Some("read")).await.body(),
        r#"the shop Some("billing") "#
    );
    assert_eq!(get(&app, "/", Some("write")).await.status(), 403);
}

#[tokio::test]
async fn rejection_in_user_middleware() {
    async fn audit(
        principal: Caller,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> axum::response::Response {
        let mut response = next.run(request).await;
        let subject = principal
            .subject()
            .expect("set")
            .parse()
            .expect("printable");
        response.headers_mut().insert("x-audited", subject);
        response
    }

    let app = Router::new()
        .route("/", routing::get(principal))
        .route_layer(axum::middleware::from_fn(audit))
        .route_layer(layer());
    assert_eq!(
        get(&app, "/", Some("none")).await.headers()["x-audited"],
        "billing"
    );
    assert_eq!(get(&app, "/", None).await.status(), 401);
}
