//! Against PyPI's django-oauth-toolkit, whose access tokens are made by a function beside it.

use portcullis_tests::{ScriptedServer, Service};

use crate::clients::ORDERS;
use crate::command_line::{fetch, fetch_with, inspect};

#[tokio::test]
async fn fetched_token_is_accepted() {
    let server = ScriptedServer::django_oauth_toolkit().await;
    let service = Service::spawn("orders-api", &["--issuer", server.issuer()]).await;
    let token = fetch(&server, &["--scope", "orders:read"]).await.printed();

    let answer = service.get_with_token("/orders", &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let caller = service.get_with_token("/whoami", &token).await.json();
    assert_eq!(caller["client_id"], ScriptedServer::CLIENT_ID);
    assert_eq!(caller["kind"], "machine");

    let inspected = inspect(&server, &token, &["--audience", ORDERS]).await;
    assert!(inspected.printed().contains("accepted"));
}

#[tokio::test]
async fn refused_fetch_says_why() {
    let server = ScriptedServer::django_oauth_toolkit().await;
    let wrong = fetch_with(&server, "wrong", &["--scope", "orders:read"]).await;
    let complaint = wrong.complained();
    assert!(complaint.contains("invalid_client"), "{complaint}");
    let burning = fetch(&server, &["--scope", "orders:burn"]).await;
    let complaint = burning.complained();
    assert!(complaint.contains("invalid_scope"), "{complaint}");
}
