//! With the portal of Debian's LemonLDAP::NG and the profile in the guide to issuers.

use portcullis_tests::{ScriptedServer, Service};

use crate::clients::ORDERS;
use crate::command_line::{assert_is_client, assert_refusals_reported, check_keys, fetch, inspect};

const PROFILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/guide/profiles/lemonldap-ng.toml"
);

#[tokio::test]
async fn fetched_token_is_accepted() {
    let server = ScriptedServer::lemonldap_ng().await;
    let arguments = ["--issuer", server.issuer(), "--profile-file", PROFILE];
    let service = Service::spawn("orders-api", &arguments).await;
    // The server grants the scopes that it knows.
    let scopes = ["--scope", "orders:read reports:read"];
    let token = fetch(&server, &scopes).await.printed();

    let answer = service.get_with_token("/orders", &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = service.get_with_token("/reports", &token).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_is_client(&service, &token).await;

    let options = ["--audience", ORDERS, "--profile-file", PROFILE];
    let inspected = inspect(&server, &token, &options).await.printed();
    assert!(inspected.contains("accepted"), "{inspected}");
    let checked = check_keys(&server).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[tokio::test]
async fn refused_fetch_reports_the_reason() {
    let server = ScriptedServer::lemonldap_ng().await;
    assert_refusals_reported(&server).await;
}
