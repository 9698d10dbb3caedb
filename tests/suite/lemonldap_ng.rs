//! With the portal of Debian's LemonLDAP::NG and the profile in the guide to issuers.

use portcullis_tests::{ScriptedServer, Service};

use crate::clients::ORDERS;
use crate::command_line::{check_keys, fetch, fetch_with, inspect};

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
    let caller = service.get_with_token("/whoami", &token).await.json();
    assert_eq!(caller["client_id"], ScriptedServer::CLIENT_ID);
    assert_eq!(caller["kind"], "machine");

    let options = ["--audience", ORDERS, "--profile-file", PROFILE];
    let inspected = inspect(&server, &token, &options).await.printed();
    assert!(inspected.contains("accepted"), "{inspected}");
    let checked = check_keys(&server).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[tokio::test]
async fn refused_fetch_reports_the_reason() {
    let server = ScriptedServer::lemonldap_ng().await;
    let wrong = fetch_with(&server, "wrong", &["--scope", "orders:read"]).await;
    let complaint = wrong.complained();
    assert!(complaint.contains("invalid_client"), "{complaint}");
    let burning = fetch(&server, &["--scope", "orders:burn"]).await;
    let complaint = burning.complained();
    assert!(complaint.contains("invalid_scope"), "{complaint}");
}
