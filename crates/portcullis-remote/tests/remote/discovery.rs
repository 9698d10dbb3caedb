//! Discovery of the key set URL.

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
use portcullis_remote::{FetchErrorKind, HttpSettings, Issuer, IssuerBuilder};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault, TestIssuer, TestIssuerBuilder,
};
use serde_json::json;

use crate::support::{in_time, millis, short_backoff, start, wait_for};

fn discover(issuer: &TestIssuer) -> IssuerBuilder {
    Issuer::discover(issuer.url())
}

fn requested_paths(issuer: &TestIssuer) -> Vec<String> {
    issuer
        .recorded()
        .iter()
        .map(|request| request.uri.path().to_owned())
        .collect()
}

/// Checks that the keys of the issuer are discovered, and that the request of this number asks for `path`.
async fn assert_discovers(builder: TestIssuerBuilder, request: usize, path: &str) {
    let issuer = builder.start().await.expect("an issuer");
    let keys = start(discover(&issuer).fail_fast()).await;
    assert_eq!(
        keys.status().jwks_uri.expect("a URL").as_str(),
        issuer.jwks_uri()
    );
    assert_eq!(requested_paths(&issuer)[request], path);
}

#[tokio::test]
async fn s2_openid_connect_appends_the_well_known_path() {
    let issuer = TestIssuer::builder().path("/oidc").oauth_discovery(false);
    assert_discovers(issuer, 0, "/oidc/.well-known/openid-configuration").await;
}

#[tokio::test]
async fn s1_rfc8414_inserts_the_well_known_path() {
    let issuer = TestIssuer::builder()
        .path("/tenant/a")
        .openid_discovery(false);
    let path = "/.well-known/oauth-authorization-server/tenant/a";
    assert_discovers(issuer, 1, path).await;
}

#[tokio::test]
async fn missing_metadata_is_reported() {
    let issuer = TestIssuer::builder().path("/oidc").start().await.unwrap();
    issuer.fault(Endpoint::Discovery, Fault::Status(404));
    let keys = start(discover(&issuer)).await;
    let error = keys.refresh().await.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Status(404));
    let text = error.to_string();
    for part in [
        "/oidc/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/oidc",
        "(derived from `issuer`: check it, or configure the URLs)",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn s1_s2_metadata_of_another_issuer_is_refused() {
    let issuer = TestIssuer::builder().path("/oidc").start().await.unwrap();
    let url = issuer.url();
    for other in [
        format!("{url}/"),
        url.replace("/oidc", "/OIDC"),
        url.replace("/oidc", ""),
        url.replace("http:", "HTTP:"),
        format!("{url}2"),
        "https://issuer.example".to_owned(),
        String::new(),
    ] {
        issuer.metadata("issuer", other.clone());
        let keys = start(discover(&issuer).start_timeout(millis(0))).await;
        let error = keys.refresh().await.expect_err(&other);
        assert_eq!(error.kind(), FetchErrorKind::IssuerMismatch, "{other}");
        assert!(!keys.is_ready());
    }
    assert_eq!(
        issuer.requests(Endpoint::Jwks),
        0,
        "its keys are not fetched"
    );

    // The configured issuer is compared exactly, too.
    issuer.metadata("issuer", url.clone());
    let keys = start(Issuer::discover(format!("{url}/")).start_timeout(millis(0))).await;
    assert_eq!(
        keys.refresh().await.expect_err("an extra slash").kind(),
        FetchErrorKind::IssuerMismatch
    );
    issuer.metadata("issuer", format!("{url}/"));
    keys.refresh().await.unwrap();
    assert_eq!(&**keys.keys().issuer(), format!("{url}/"));
}

#[tokio::test]
async fn less_safe_discovered_urls_are_refused() {
    let issuer = TestIssuer::start().await;
    for jwks_uri in [
        "http://issuer.example/jwks",
        "http://10.0.0.1/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/jwks",
        "https://0.0.0.0/jwks",
        "https://[::ffff:169.254.169.254]/",
        "https://a:b@issuer.example/jwks",
        "file:///etc/passwd",
        "/jwks",
        "",
    ] {
        issuer.metadata("jwks_uri", jwks_uri);
        let keys = start(discover(&issuer).start_timeout(millis(0))).await;
        let error = keys.refresh().await.expect_err(jwks_uri);
        assert_eq!(
            error.kind(),
            FetchErrorKind::Forbidden,
            "{jwks_uri}: {error}"
        );
    }
    issuer.without_metadata("jwks_uri");
    let keys = start(discover(&issuer).start_timeout(millis(1))).await;
    assert_eq!(
        keys.refresh().await.expect_err("none").kind(),
        FetchErrorKind::Unusable
    );
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
}

#[tokio::test]
async fn keys_may_be_on_another_host() {
    let issuer = TestIssuer::start().await;
    let elsewhere = issuer.jwks_uri().replace("127.0.0.1", "localhost");
    issuer.metadata("jwks_uri", elsewhere.clone());
    let keys = start(discover(&issuer).fail_fast()).await;
    assert_eq!(keys.status().jwks_uri.unwrap().as_str(), elsewhere);
}

#[tokio::test]
async fn metadata_is_read_again_after_two_failed_fetches() {
    let (issuer, moved_to) = (TestIssuer::start().await, TestIssuer::start().await);
    let keys = start(discover(&issuer).refresh_rules(short_backoff()).fail_fast()).await;
    let mut events = keys.events();
    assert_eq!(issuer.requests(Endpoint::Discovery), 1);
    issuer.metadata("jwks_uri", moved_to.jwks_uri());
    keys.refresh().await.unwrap();
    assert_eq!(
        issuer.requests(Endpoint::Discovery),
        1,
        "not while fetches succeed"
    );

    issuer.fault(Endpoint::Jwks, Fault::Status(404));
    let _ = keys.refresh().await;
    wait_for!(&mut events, KeysChanged);
    let status = keys.status();
    assert_eq!(status.jwks_uri.unwrap().as_str(), moved_to.jwks_uri());
    assert_eq!(status.keys[0].kid.as_deref(), moved_to.signing_key().kid());
    // One request at the start, and one after two failures.
    assert_eq!(
        (
            issuer.requests(Endpoint::Jwks),
            issuer.requests(Endpoint::Discovery)
        ),
        (4, 2)
    );
}

#[tokio::test]
async fn failed_discovery_keeps_the_previous_key_url() {
    let issuer = TestIssuer::start().await;
    let mut rules = short_backoff();
    rules.discovery_interval = millis(0);
    let keys = start(discover(&issuer).refresh_rules(rules).fail_fast()).await;
    let mut events = keys.events();
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    let (_, new) = issuer.rotate();
    keys.refresh().await.unwrap();
    assert_eq!(keys.status().keys[0].kid.as_deref(), new.kid());
    wait_for!(&mut events, DiscoveryFailed);
}

#[tokio::test]
async fn metadata_faults_are_errors_until_healed() {
    let issuer = TestIssuer::start().await;
    for fault in [
        Fault::Down,
        Fault::Hang,
        Fault::Stalled,
        Fault::Status(500),
        Fault::Html,
        Fault::Empty,
        Fault::EmptySet,
        Fault::Null,
        Fault::Truncated,
        Fault::Huge {
            bytes: usize::MAX / 2,
        },
        Fault::Redirect(format!("{}/elsewhere", issuer.url())),
    ] {
        issuer.fault(Endpoint::Discovery, fault.clone());
        let builder = discover(&issuer)
            .http(HttpSettings::default().timeout(millis(300)))
            .start_timeout(millis(1))
            .refresh_rules(short_backoff());
        let keys = builder.start().await.unwrap();
        keys.refresh().await.expect_err("a fault");
        issuer.heal(Endpoint::Discovery);
        in_time(keys.ready()).await.unwrap();
    }
    assert_eq!(issuer.requests(Endpoint::Other), 0);
}

#[tokio::test]
async fn forbidden_urls_are_refused_before_any_request() {
    for (builder, setting) in [
        (Issuer::discover("http://issuer.example"), "issuer"),
        (Issuer::discover("issuer.example"), "issuer"),
        (Issuer::discover(""), "issuer"),
        (Issuer::discover("https://issuer.example?a"), "issuer"),
        (
            Issuer::jwks("https://issuer.example", "http://issuer.example/jwks"),
            "jwks_uri",
        ),
        (Issuer::jwks("", "https://issuer.example/jwks"), "issuer"),
        (
            Issuer::jwks("a", "https://issuer.example/jwks")
                .http(HttpSettings::default().timeout(millis(0))),
            "timeout",
        ),
        (
            Issuer::jwks("a", "https://issuer.example/jwks")
                .http(HttpSettings::default().root_certificates("none")),
            "root_certificates",
        ),
    ] {
        match builder.start().await {
            Err(portcullis_remote::StartError::Config(error)) => {
                assert_eq!(error.setting(), setting, "{error}")
            }
            other => panic!("{setting}: {other:?}"),
        }
    }
}

/// serde reads an array of field values as a struct.
#[tokio::test]
async fn array_as_metadata_is_refused() {
    let issuer = TestIssuer::start().await;
    let members = json!([issuer.url(), issuer.jwks_uri(), issuer.token_endpoint()]);
    issuer.fault(Endpoint::Discovery, Fault::Json(members));
    let server = AuthorizationServer::discover(issuer.url());
    let server = server.build().expect("a server");
    let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
    let asked = server.post(OAuthEndpoint::Token, &client, &[]).await;
    let error = asked.map(|_| ()).expect_err("an array");
    assert_eq!(error.kind(), FetchErrorKind::Unusable, "{error}");
    assert!(error.to_string().contains("not a JSON object"), "{error}");
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}
