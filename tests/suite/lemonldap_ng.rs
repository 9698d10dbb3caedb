//! Against the portal of Debian's LemonLDAP::NG.

use portcullis_tests::ScriptedServer;

use crate::command_line::{fetch, fetch_with};

#[tokio::test]
async fn refused_fetch_says_why() {
    let server = ScriptedServer::lemonldap_ng().await;
    let wrong = fetch_with(&server, "wrong", &["--scope", "orders:read"]).await;
    let complaint = wrong.complained();
    assert!(complaint.contains("invalid_client"), "{complaint}");
    let burning = fetch(&server, &["--scope", "orders:burn"]).await;
    let complaint = burning.complained();
    assert!(complaint.contains("invalid_scope"), "{complaint}");
}
