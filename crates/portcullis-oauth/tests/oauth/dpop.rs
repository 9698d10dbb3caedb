//! Proofs at the token endpoint (RFC 9449 §5) of a server that requires nonces.

use std::sync::{Arc, Mutex};

use portcullis_jose::{Algorithm, CompactJws, DpopKey, KeySet};
use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

/// A token endpoint with prepared answers that records the requests.
pub(crate) struct TokenEndpoint {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// Dropping it stops the server.
    _server: JoinSet<()>,
}

/// Requires another nonce in the proof.
fn wants(nonce: &str) -> String {
    let body = r#"{"error":"use_dpop_nonce"}"#;
    format!(
        "HTTP/1.1 400 Bad Request\r\ndpop-nonce: {nonce}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Accepts the request, and gives a nonce for the next one.
fn good(nonce: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ndpop-nonce: {nonce}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    )
}

impl TokenEndpoint {
    pub(crate) async fn start(answers: Vec<String>) -> Self {
        Self::in_rounds(answers.into_iter().map(|answer| vec![answer]).collect()).await
    }

    /// Each round awaits as many concurrent requests as it has answers.
    async fn in_rounds(rounds: Vec<Vec<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = requests.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            for answers in rounds {
                let mut under_way = Vec::new();
                for answer in answers {
                    let Ok((mut stream, _)) = listener.accept().await else {
                        return;
                    };
                    let mut request = Vec::new();
                    // The client's credentials end the form.
                    while !request.ends_with(b"&client_secret=s")
                        && !request.ends_with(b"&client_secret=old")
                        && stream
                            .read_buf(&mut request)
                            .await
                            .is_ok_and(|read| read > 0)
                    {}
                    let text = String::from_utf8_lossy(&request).into_owned();
                    noted.lock().expect("not poisoned").push(text);
                    under_way.push((stream, answer));
                }
                for (mut stream, answer) in under_way {
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/token?tenant=1"),
            requests,
            _server: server,
        }
    }

    /// The received proofs, verified with the key in them.
    fn proofs(&self, key: &DpopKey) -> Vec<Value> {
        let requests = self.requests.lock().expect("not poisoned");
        let proofs = requests.iter().map(|request| {
            let mut lines = request.lines().filter_map(|line| line.split_once(": "));
            let proof = lines.find(|(name, _)| name.eq_ignore_ascii_case("dpop"));
            checked(proof.expect("a proof").1, key)
        });
        proofs.collect()
    }
}

fn checked(proof: &str, key: &DpopKey) -> Value {
    let part = |index| {
        use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

        let part = proof.split('.').nth(index).expect("three parts");
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice::<Value>(&json).expect("JSON")
    };
    let keys = json!({ "keys": [part(0)["jwk"]] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).expect("a key");
    let jws = CompactJws::parse(proof).expect("a JWS");
    let found = keys.verify(&jws, &jws.header().expect("a header"));
    assert_eq!(
        found.expect("a valid signature").thumbprint(),
        key.thumbprint()
    );
    part(1)
}

async fn post(server: &AuthorizationServer, key: &DpopKey) -> u16 {
    let client = ClientAuthentication::secret_post("billing", "s");
    let form = [("grant_type", "client_credentials")];
    let answer = server
        .post_with_proof(OAuthEndpoint::Token, &client, Some(key), &form)
        .await;
    answer.expect("an answer").status()
}

#[tokio::test]
async fn d6_latest_nonce_is_used_and_a_request_is_repeated_once_for_it() {
    let answers = vec![
        wants("n-1"),
        good("n-2"),
        good("n-3"),
        wants("n-4"),
        wants("n-5"),
        good("n-6"),
    ];
    let endpoint = TokenEndpoint::start(answers).await;
    let server = AuthorizationServer::token_endpoint(&endpoint.url)
        .build()
        .expect("a server");
    let key = DpopKey::generate().expect("a key");
    assert_eq!(post(&server, &key).await, 200, "repeated with the nonce");
    assert_eq!(
        post(&server, &key).await,
        200,
        "the nonce of the last response"
    );
    assert_eq!(post(&server, &key).await, 400, "repeated only once");
    assert_eq!(post(&server, &key).await, 200);

    let proofs = endpoint.proofs(&key);
    let nonces: Vec<_> = proofs.iter().map(|proof| proof["nonce"].as_str()).collect();
    let expected = [
        None,
        Some("n-1"),
        Some("n-2"),
        Some("n-3"),
        Some("n-4"),
        Some("n-5"),
    ];
    assert_eq!(nonces, expected);
    let mut ids: Vec<_> = proofs
        .iter()
        .map(|proof| proof["jti"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), proofs.len(), "each proof is for one request");
    let place = endpoint.url.trim_end_matches("?tenant=1");
    for proof in proofs {
        assert_eq!(
            (&proof["htm"], &proof["htu"]),
            (&"POST".into(), &place.into())
        );
        assert!(proof.get("ath").is_none());
    }
}

#[tokio::test]
async fn request_is_not_repeated_without_a_new_nonce() {
    let without = wants("x").replace("dpop-nonce: x\r\n", "");
    let endpoint = TokenEndpoint::start(vec![without]).await;
    let server = AuthorizationServer::token_endpoint(&endpoint.url)
        .build()
        .expect("a server");
    let key = DpopKey::generate().expect("a key");
    assert_eq!(key.algorithm(), Algorithm::ES256);
    assert_eq!(post(&server, &key).await, 400);
}

#[tokio::test]
async fn d6_concurrent_requests_are_both_repeated_for_the_same_nonce() {
    let rounds = vec![
        vec![wants("n-1"), wants("n-1")],
        vec![good("n-2"), good("n-2")],
    ];
    let endpoint = TokenEndpoint::in_rounds(rounds).await;
    let server = AuthorizationServer::token_endpoint(&endpoint.url)
        .build()
        .expect("a server");
    let key = DpopKey::generate().expect("a key");
    let statuses = tokio::join!(post(&server, &key), post(&server, &key));
    assert_eq!(statuses, (200, 200));
    let proofs = endpoint.proofs(&key);
    let nonces: Vec<_> = proofs.iter().map(|proof| proof["nonce"].as_str()).collect();
    assert_eq!(nonces, [None, None, Some("n-1"), Some("n-1")]);
}
