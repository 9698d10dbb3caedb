//! How URLs appear in messages.

use std::error::Error as _;

use portcullis_oauth::{AuthorizationServer, OAuthEndpoint};
use portcullis_remote::Issuer;
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::{
    log::Log,
    support::{client, millis, short_backoff, start},
};

/// Neither configured nor discovered URLs are printed with a possible secret.
#[tokio::test]
async fn urls_are_printed_without_query_and_user() {
    let log = Log::install();
    let issuer = TestIssuer::start().await;
    let secret = |url: String| format!("{url}?code=s3cr3t");
    let mut shown = Vec::new();
    for jwks_uri in [
        secret(issuer.jwks_uri()),
        "https://s3cr3t:s3cr3t@127.0.0.1/jwks".to_owned(),
        "http://127.0.0.1:x/jwks?s3cr3t".to_owned(),
        "/jwks?s3cr3t".to_owned(),
        "http://issuer.example/jwks#s3cr3t".to_owned(),
        format!("https://issuer.example/{}?s3cr3t", "x".repeat(3000)),
    ] {
        issuer.metadata("jwks_uri", jwks_uri);
        let keys = start(
            Issuer::discover(issuer.url())
                .start_timeout(millis(0))
                .refresh_rules(short_backoff()),
        )
        .await;
        for fault in [
            None,
            Some(Fault::Html),
            Some(Fault::Down),
            Some(Fault::Status(500)),
        ] {
            match fault {
                Some(fault) => issuer.fault(Endpoint::Jwks, fault),
                None => issuer.heal(Endpoint::Jwks),
            }
            let error = keys.refresh().await.err();
            let chain = error.as_ref().and_then(|error| error.source());
            shown.push(format!("{error:?} {chain:?} {keys:?} {:?}", keys.status()));
            shown.extend(error.map(|error| error.to_string()));
        }
        shown.extend(keys.status().jwks_uri.map(String::from));
    }
    issuer.metadata("issuer", format!("{}/?s3cr3t", issuer.url()));
    let error = Issuer::discover(issuer.url()).start().await;
    let error = error.expect_err("another issuer");
    shown.push(format!("{error} {error:?} {:?}", error.source()));

    let jwks = Issuer::jwks("https://issuer.example", secret(issuer.jwks_uri()))
        .discover_at(secret(issuer.discovery_uri()));
    let server = AuthorizationServer::token_endpoint(secret(issuer.token_endpoint()))
        .revocation_endpoint(secret(issuer.url()));
    shown.push(format!("{jwks:?} {server:?}"));
    shown.push(format!("{:?}", server.build().unwrap()));
    for name in [
        "https://s3cr3t@issuer.example",
        "https://i.example?s3cr3t",
        "https://i.example/#s3cr3t",
        "https://u:s3cr3t@i.example:99999",
    ] {
        for error in [
            Issuer::jwks(name, issuer.jwks_uri()).start().await.err(),
            Issuer::discover(name).start().await.err(),
            Issuer::discover(name)
                .discover_at(issuer.url())
                .start()
                .await
                .err(),
        ] {
            let error = error.expect("an error");
            shown.push(format!("{error} {error:?}"));
        }
    }
    shown.push(log.take());
    for text in shown {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn long_urls_are_printed_whole() {
    let path = format!("/{}", "x".repeat(480));
    let issuer = TestIssuer::builder().path(&path).start().await.unwrap();
    issuer.metadata("issuer", format!("{}/", issuer.url()));
    let error = Issuer::discover(issuer.url()).start().await;
    let error = error.expect_err("an extra slash");
    let text = format!("{error} {}", error.source().expect("a cause"));
    assert!(
        text.contains(&format!("{}/, expected {}:", issuer.url(), issuer.url())),
        "{text}"
    );
    assert!(text.contains(&issuer.discovery_uri()), "{text}");

    issuer.metadata("issuer", issuer.url());
    let elsewhere = format!("http://localhost.example{path}/token");
    issuer.metadata("token_endpoint", elsewhere.clone());
    let server = AuthorizationServer::discover(issuer.url()).build().unwrap();
    let error = server.post(OAuthEndpoint::Token, &client(), &[]).await;
    let text = error.expect_err("less safe").to_string();
    assert!(text.contains(&elsewhere), "{text}");
}
