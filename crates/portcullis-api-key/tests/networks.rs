//! The networks that a key may be used from, behind a real layer.

mod support;

use std::net::{IpAddr, SocketAddr};

use http::Request;
use portcullis_api_key::{ApiKeys, IssuedKey, MemoryStore, Networks, NewKey};
use portcullis_core::{AuthenticateLayer, facts::PeerAddress};
use support::{Answer, forge, send_request};

fn wired() -> (AuthenticateLayer, IssuedKey) {
    let store = MemoryStore::new();
    let networks = Networks::parse(["192.0.2.0/24", "2001:db8::/32"]).expect("networks");
    let issued = store.create(NewKey::new("billing").networks(networks));
    let layer = AuthenticateLayer::new(ApiKeys::new(store));
    (layer, issued.expect("made"))
}

async fn send_from(layer: &AuthenticateLayer, key: &str, address: Option<&str>) -> Answer {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.insert("x-api-key", key.parse().expect("ASCII"));
    if let Some(address) = address {
        let ip: IpAddr = address.parse().expect("an address");
        let peer = PeerAddress(SocketAddr::new(ip, 4711));
        request.extensions_mut().insert(peer);
    }
    send_request(layer, request).await
}

#[tokio::test]
async fn key_is_accepted_from_its_networks_only() {
    let (layer, key) = wired();
    for (address, status) in [
        ("192.0.2.9", 200),
        ("::ffff:192.0.2.9", 200),
        ("2001:db8::7", 200),
        ("192.0.3.9", 403),
        ("::1", 403),
    ] {
        let answer = send_from(&layer, key.key().expose(), Some(address)).await;
        assert_eq!(answer.status, status, "{address}");
        assert_eq!(answer.challenge, None);
        // The caller learns neither its address nor the networks.
        assert!(!answer.body.contains("192.0"), "{}", answer.body);
    }
}

#[tokio::test]
async fn key_with_networks_and_no_peer_address_is_500() {
    let (layer, key) = wired();
    let answer = send_from(&layer, key.key().expose(), None).await;
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn wrong_secret_from_another_network_is_401() {
    let (layer, key) = wired();
    let forged = forge(key.key().expose(), key.key().id().as_str());
    let answer = send_from(&layer, &forged, Some("198.51.100.1")).await;
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains("network"), "{}", answer.body);
}

#[tokio::test]
async fn key_without_networks_needs_no_peer_address() {
    let store = MemoryStore::new();
    let key = store.create(NewKey::new("billing")).expect("made");
    let layer = AuthenticateLayer::new(ApiKeys::new(store));
    let answer = send_from(&layer, key.key().expose(), None).await;
    assert_eq!(answer.status, 200);
}
