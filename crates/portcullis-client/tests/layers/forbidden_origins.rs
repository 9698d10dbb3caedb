//! Requests to other origins are errors and are not sent.

use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use portcullis_client::AddCredentialError;
use tower::{Layer, Service, ServiceExt, util::BoxCloneService};

use crate::{
    Setting, api_key, get, pool,
    target::{Answer, Target},
};

type Client = BoxCloneService<Request<Full<Bytes>>, Response<Incoming>, AddCredentialError<Error>>;

/// A client with a token and one with a key, both for this target only.
async fn clients(target: &Target) -> (Setting, [(&'static str, Client); 2]) {
    let setting = Setting::new().await;
    let token = BoxCloneService::new(setting.layer(target).layer(pool()));
    let key = BoxCloneService::new(api_key(target.origins()).layer(pool()));
    (setting, [("token", token), ("key", key)])
}

async fn is_forbidden(client: &mut Client, request: Request<Full<Bytes>>) {
    let shown = format!("{request:?}");
    match client.ready().await.expect("ready").call(request).await {
        Err(AddCredentialError::Origin(_)) => {}
        other => panic!("{shown}: {other:?}"),
    }
}

#[tokio::test]
async fn request_to_another_origin_is_not_sent() {
    let (target, other) = (Target::start().await, Target::start().await);
    let (setting, clients) = clients(&target).await;
    let port = target.authority().rsplit_once(':').expect("a port").1;
    for (name, mut client) in clients {
        for url in [
            other.at("/orders"),
            // The same machine and port by another name.
            format!("http://localhost:{port}/orders"),
            // Another scheme.
            format!("https://{}/orders", target.authority()),
            // Another port.
            "http://127.0.0.1/orders".to_owned(),
            format!("http://{}@{}/orders", target.authority(), other.authority()),
            // No origin.
            "/orders".to_owned(),
        ] {
            is_forbidden(&mut client, get(&url)).await;
        }
        assert!(target.recorded().is_empty(), "{name}");
        assert!(other.recorded().is_empty(), "{name}");
    }
    assert_eq!(
        setting.token_requests(),
        0,
        "a forbidden request needs no token"
    );
}

#[tokio::test]
async fn request_with_another_host_header_is_not_sent() {
    let (target, other) = (Target::start().await, Target::start().await);
    let (_setting, clients) = clients(&target).await;
    for (name, mut client) in clients {
        for hosts in [
            &[other.authority()][..],
            &["evil.example"],
            &[target.authority(), other.authority()],
            &[target.authority(), target.authority()],
            &[""],
        ] {
            let mut request = get(&target.at("/orders"));
            for host in hosts {
                let host = host.parse().expect("a value");
                request.headers_mut().append(HOST, host);
            }
            is_forbidden(&mut client, request).await;
        }
        assert!(target.recorded().is_empty(), "{name}");
        assert!(other.recorded().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn host_header_of_the_same_origin_is_allowed() {
    let target = Target::start().await;
    let (_setting, clients) = clients(&target).await;
    for (name, client) in clients {
        let mut request = get(&target.at("/orders"));
        let host = target.authority().parse().expect("a value");
        request.headers_mut().append(HOST, host);
        let response = client.oneshot(request).await;
        assert_eq!(response.expect(name).status(), 200);
    }
}

#[tokio::test]
async fn redirect_to_another_origin_carries_no_credential() {
    for status in [301, 302, 303, 307, 308] {
        let other = Target::start().await;
        let location = other.at("/orders");
        let target = Target::answering([Answer::Redirect(status, location)]).await;
        let (_setting, clients) = clients(&target).await;
        for (name, mut client) in clients {
            let ready = client.ready().await.expect("ready");
            let response = ready.call(get(&target.at("/orders"))).await.expect(name);
            assert_eq!(response.status(), status, "{name}");
            // Following it by the same client is an error.
            let location = response.headers()["location"].to_str().expect("a URL");
            is_forbidden(&mut client, get(location)).await;
            assert!(other.recorded().is_empty(), "{name} {status}");
        }
        assert_eq!(target.recorded().len(), 2);
    }
}
