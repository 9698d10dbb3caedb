//! Single requests against a running `orders-api`.

use futures_util::{StreamExt, stream};
use portcullis_core::clock::{Clock, SystemClock, UnixTime};
use portcullis_test::{Endpoint, TestIssuer};
use portcullis_tests::{Connection, Response};

use super::case::{Attack, Case, Outcome};
use super::echo::Sensitive;
use super::service::{OrdersApi, check_retry_after, outcome};
use super::table::Table;
use super::world::{World, key_set};
use super::{Findings, requests};

/// How many cases run at once. A case mostly waits: a server that answers pipelined requests delays the second response
/// until the first is acknowledged.
const SIDE_BY_SIDE: usize = 32;

/// A service and its issuer.
struct Live {
    issuer: TestIssuer,
    service: OrdersApi,
    started: UnixTime,
}

impl Live {
    async fn start() -> Self {
        let issuer = TestIssuer::start().await;
        issuer.publish(key_set()["keys"].as_array().expect("a list").clone());
        let service = OrdersApi::start(&issuer.jwks_uri()).await;
        Self {
            issuer,
            service,
            started: SystemClock.now(),
        }
    }

    /// The current credentials.
    fn world(&self) -> World {
        self.service
            .world(format!("{}/elsewhere", self.issuer.url()))
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.service.address()).await
    }

    fn request(&self, headers: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut request = b"GET /orders HTTP/1.1\r\nhost: orders\r\n".to_vec();
        for (name, value) in headers {
            request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request
    }

    fn bytes_of(&self, attack: &Attack) -> Vec<u8> {
        match attack {
            Attack::Token(token) => self.request(&[bearer(token)]),
            Attack::Headers(headers) => self.request(headers),
            Attack::Raw(request) => request.clone(),
        }
    }

    /// Two requests with valid credentials, one of each kind.
    fn good_requests(&self) -> [Vec<u8>; 2] {
        let world = self.world();
        let token = world.token().mint();
        let key = ("x-api-key".to_owned(), world.api_key.into());
        [self.request(&[bearer(&token)]), self.request(&[key])]
    }
}

fn bearer(token: &str) -> (String, Vec<u8>) {
    ("authorization".to_owned(), format!("Bearer {token}").into())
}

#[tokio::test(flavor = "multi_thread")]
async fn single_requests_match_the_table_live() {
    let live = Live::start().await;
    let (table, mut findings) = (Table::read(), Findings::default());
    let mut cases = Vec::new();
    for batch in requests::batches() {
        let batch = batch(&live.world());
        let checks = batch
            .iter()
            .map(|case| check(&live, case, table.expected(&case.id)));
        let mut checks = stream::iter(checks).buffer_unordered(SIDE_BY_SIDE);
        while let Some(found) = checks.next().await {
            findings.extend(found);
        }
        drop(checks);
        cases.extend(batch);
    }
    check_log(&live, &cases, &mut findings);
    findings.assert_none();

    assert_eq!(
        live.issuer.requests(Endpoint::Other),
        0,
        "no URL in a token is fetched"
    );
    assert_eq!(live.issuer.requests(Endpoint::Discovery), 0);
    // The first set; two fetches and one more every 10 s for unknown keys, and as many for bad signatures. By schedule, the
    // set is fetched again about 8 minutes after the last fetch.
    let seconds = SystemClock.now().duration_since(live.started).as_secs();
    let fetches = live.issuer.requests(Endpoint::Jwks) as u64;
    assert!(
        fetches <= 1 + 2 * (2 + seconds / 10) + seconds / 400,
        "{fetches} fetches in {seconds} s"
    );
}

/// Sends the attack. If the connection is still usable, sends a valid token, the attack and a valid key at once.
async fn check(live: &Live, case: &Case, expected: Outcome) -> Findings {
    let mut findings = Findings::default();
    let attack = live.bytes_of(&case.attack);
    let sensitive = Sensitive::of(&case.attack, &expected);
    let mut connection = live.connect().await;
    connection.send(&attack).await;
    let response = connection.response().await;
    let is_over =
        matches!(case.attack, Attack::Raw(_)) || response.header("connection") == Some("close");
    let judge = |response: &Response, findings: &mut Findings| {
        findings.compare(&case.id, &expected, &outcome(response));
        check_retry_after(&case.id, response, findings);
        let text = format!("{:?}{}", response.headers, response.text());
        if let Some(piece) = sensitive.found_in(&text) {
            findings.add(
                &case.id,
                &format!("the response contains {piece:.100}: {text}"),
            );
        }
    };
    judge(&response, &mut findings);

    let [token, key] = live.good_requests();
    let together = if is_over {
        connection = live.connect().await;
        [token, key].concat()
    } else {
        [&*token, &attack, &key].concat()
    };
    connection.send(&together).await;
    let by_token = connection.response().await;
    if !is_over {
        judge(&connection.response().await, &mut findings);
    }
    let by_key = connection.response().await;
    for (what, response) in [("token", by_token), ("key", by_key)] {
        if response.status != 200 {
            findings.add(
                &case.id,
                &format!("afterwards a valid {what} got {response:?}"),
            );
        }
    }
    findings
}

/// Checks that the log contains no credential, no line that a caller injected, and no panic.
fn check_log(live: &Live, cases: &[Case], findings: &mut Findings) {
    let log = live.service.log();
    assert!(
        log.contains("request refused"),
        "refusals are logged, so the search is meaningful"
    );
    for found in [
        "panicked",
        "\nX-Injected",
        "\n<html>",
        "\u{1b}[31minjected",
        &live.world().api_key,
    ] {
        assert!(!log.contains(found), "{found:?} is in the log");
    }
    for case in cases {
        let Attack::Token(token) = &case.attack else {
            continue;
        };
        let parts = token.split('.').skip(1).take(2);
        for part in parts.filter(|part| part.len() >= 40) {
            if log.contains(part) {
                findings.add(&case.id, "a part of the token is in the log");
            }
        }
    }
}
