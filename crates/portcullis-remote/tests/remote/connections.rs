//! Servers that close connections unannounced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};
use portcullis_remote::{FetchErrorKind, Issuer};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, SigningAlgorithm, TestIssuer, TestKey,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{millis, short_backoff};

/// How the server treats a connection.
#[derive(Clone, Copy)]
enum Habit {
    /// Answers one request as if the connection stayed open, and closes it after this time.
    ClosesAfter(Duration),
    /// Begins an answer and closes the connection.
    BeginsToAnswer,
}

/// An issuer that counts the requests that it has read.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    /// Dropping it stops the server.
    _task: JoinSet<()>,
}

impl Server {
    async fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(AtomicUsize::new(0));
        let key = TestKey::generate(SigningAlgorithm::ES256).public_jwk();
        let answers = [
            ("/jwks ", json!({ "keys": [key] }).to_string()),
            (
                "/token ",
                json!({ "access_token": "t", "token_type": "Bearer" }).to_string(),
            ),
            ("/revoke ", "{}".to_owned()),
            (
                "/.well-known/openid-configuration ",
                json!({
                    "issuer": url,
                    "jwks_uri": format!("{url}/jwks"),
                    "token_endpoint": format!("{url}/token"),
                    "revocation_endpoint": format!("{url}/revoke"),
                })
                .to_string(),
            ),
        ];
        let (answers, count) = (Arc::new(answers), requests.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, count) = (answers.clone(), count.clone());
                connections.spawn(async move {
                    // The client may have closed the connection.
                    let _ = serve(stream, habit, &*answers, &count).await;
                });
            }
        });
        Self {
            url,
            requests,
            _task: task,
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn serve(
    mut stream: TcpStream,
    habit: Habit,
    answers: &[(&str, String)],
    count: &AtomicUsize,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            break String::from_utf8_lossy(&request[..end]).into_owned();
        }
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    while request.len() < head.len() + 4 + length {
        stream.read_buf(&mut request).await?;
    }
    count.fetch_add(1, Ordering::Relaxed);
    let (_, body) = answers
        .iter()
        .find(|(path, _)| head.contains(path))
        .expect("a known path");
    match habit {
        Habit::ClosesAfter(delay) => {
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await?;
            tokio::time::sleep(delay).await;
            Ok(())
        }
        Habit::BeginsToAnswer => stream.write_all(b"HTTP/1.1 2").await,
    }
}

fn client() -> ClientAuthentication {
    ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
}

#[tokio::test]
async fn closed_connections_lose_no_request() {
    const ROUNDS: usize = 18;

    let mut fetches = 0;
    for delay in [0, 1, 5, 20] {
        let server = Server::start(Habit::ClosesAfter(millis(delay))).await;
        let mut rules = short_backoff();
        rules.discovery_interval = Duration::ZERO; // each refresh reads the metadata too
        let keys = Issuer::discover(&server.url)
            .refresh_rules(rules)
            .fail_fast()
            .start()
            .await
            .expect("keys");
        let tokens = AuthorizationServer::discover(&server.url).build();
        let tokens = tokens.expect("a server");
        for round in 0..ROUNDS {
            keys.refresh()
                .await
                .unwrap_or_else(|error| panic!("{delay} ms, {round}: {error}"));
            for (endpoint, form) in [
                (OAuthEndpoint::Token, [("grant_type", "client_credentials")]),
                (OAuthEndpoint::Revocation, [("token", "t")]),
            ] {
                let answer = tokens.post(endpoint, &client(), &form).await;
                let answer = answer.unwrap_or_else(|error| panic!("{delay} ms, {round}: {error}"));
                assert_eq!(answer.status(), 200);
            }
        }
        // Metadata and keys for each refresh and at the start; a token and its revocation; the server's metadata.
        assert_eq!(server.requests(), 2 * (ROUNDS + 1) + 2 * ROUNDS + 1);
        fetches += server.requests();
    }
    assert_eq!(fetches, 300);
}

#[tokio::test]
async fn connection_closed_during_a_request_loses_no_request() {
    let issuer = TestIssuer::builder().connections_die().start().await;
    let issuer = issuer.expect("an issuer");
    let keys = Issuer::discover(issuer.url()).fail_fast().start().await;
    let keys = keys.expect("keys");
    let server = AuthorizationServer::discover(issuer.url()).build();
    let server = server.expect("a server");
    for _ in 0..3 {
        keys.refresh().await.expect("keys");
        let form = [("grant_type", "client_credentials")];
        let answer = server.post(OAuthEndpoint::Token, &client(), &form).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    assert_eq!(issuer.requests(Endpoint::Token), 3);
}

#[tokio::test]
async fn token_request_is_not_repeated_after_a_partial_answer() {
    let server = Server::start(Habit::BeginsToAnswer).await;
    let tokens = AuthorizationServer::token_endpoint(format!("{}/token", server.url)).build();
    let tokens = tokens.expect("a server");
    for asked in 1..=3 {
        let form = [("grant_type", "client_credentials")];
        let answer = tokens.post(OAuthEndpoint::Token, &client(), &form).await;
        let error = answer.expect_err("half a status line");
        assert_eq!(error.kind(), FetchErrorKind::Unreachable, "{error}");
        assert_eq!(server.requests(), asked);
    }
}
