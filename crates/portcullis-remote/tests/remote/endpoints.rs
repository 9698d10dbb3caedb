//! Endpoints of a server whose two metadata documents differ.

use portcullis_oauth::{AuthorizationServer, OAuthEndpoint};
use portcullis_remote::FetchErrorKind;
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::support::client;

#[tokio::test]
async fn endpoint_in_the_rfc8414_document_alone_is_found() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
    let error = answer.await.expect_err("no endpoint");
    assert_eq!(error.kind(), FetchErrorKind::NoEndpoint);

    let revocation = format!("{}/revoke", issuer.url());
    issuer.oauth_metadata("revocation_endpoint", revocation.clone());
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let before = issuer.requests(Endpoint::Discovery);
    let token = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(
        issuer.requests(Endpoint::Discovery),
        before + 1,
        "the other document is read when it is needed"
    );
    for _ in 0..2 {
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 2);

    // The same rules apply to its endpoints.
    for (member, value) in [
        ("issuer", "https://issuer.example"),
        ("revocation_endpoint", "http://10.0.0.1/revoke"),
    ] {
        issuer.oauth_metadata("revocation_endpoint", revocation.clone());
        issuer.oauth_metadata(member, value);
        let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form);
        answer.await.expect_err(member);
        issuer.oauth_metadata("issuer", issuer.url());
    }
}

#[tokio::test]
async fn known_endpoint_does_not_wait_for_the_other_document() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let token = [("grant_type", "client_credentials")];
    let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
    assert_eq!(answer.unwrap().status(), 200);

    issuer.fault_for(Endpoint::Discovery, Fault::Hang, 1);
    let while_it_hangs = async {
        issuer.wait_for_requests(Endpoint::Discovery, 2).await;
        server.post(OAuthEndpoint::Token, &client, &token).await
    };
    tokio::select! {
        _ = server.post(OAuthEndpoint::Revocation, &client, &form) => panic!("the issuer hangs"),
        answer = while_it_hangs => assert_eq!(answer.unwrap().status(), 200),
    }

    // A failure is remembered.
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    let before = issuer.requests(Endpoint::Discovery);
    for _ in 0..2 {
        let answer = server.post(OAuthEndpoint::Revocation, &client, &form).await;
        let error = answer.expect_err("an outage of the other document");
        assert_eq!(error.kind(), FetchErrorKind::Status(500));
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 1);
}

#[tokio::test]
async fn endpoint_of_the_other_document_serves_until_it_is_read_again() {
    let issuer = TestIssuer::start().await;
    issuer.without_metadata("revocation_endpoint");
    issuer.oauth_metadata("revocation_endpoint", format!("{}/revoke", issuer.url()));
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let (client, form) = (client(), [("token", "t")]);
    let token = [("grant_type", "client_credentials")];
    let revoke = || server.post(OAuthEndpoint::Revocation, &client, &form);
    assert_eq!(revoke().await.unwrap().status(), 200);

    // After two requests without an answer the metadata is read again.
    issuer.fault_for(Endpoint::Token, Fault::Down, 2);
    let before = issuer.requests(Endpoint::Discovery);
    for is_answered in [false, false, true] {
        let answer = server.post(OAuthEndpoint::Token, &client, &token).await;
        assert_eq!(answer.is_ok(), is_answered);
    }
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 1);
    issuer.fault(Endpoint::Discovery, Fault::Status(500));
    assert_eq!(revoke().await.unwrap().status(), 200);
    assert_eq!(issuer.requests(Endpoint::Discovery), before + 2);
}

#[tokio::test]
async fn configured_endpoint_works_beside_discovery() {
    let (issuer, other) = (TestIssuer::start().await, TestIssuer::start().await);
    issuer.metadata("revocation_endpoint", "http://10.0.0.1/revoke");
    issuer.without_metadata("token_endpoint");
    let server = AuthorizationServer::discover(issuer.url())
        .token_endpoint(other.token_endpoint())
        .revocation_endpoint(format!("{}/revoke", other.url()).replace("127.0.0.1", "localhost"))
        .build()
        .unwrap();
    for (endpoint, form) in [
        (OAuthEndpoint::Token, [("grant_type", "client_credentials")]),
        (OAuthEndpoint::Revocation, [("token", "t")]),
    ] {
        let answer = server.post(endpoint, &client(), &form).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    assert_eq!(other.requests(Endpoint::Token), 1);
    assert_eq!(other.requests(Endpoint::Revocation), 1);
}
