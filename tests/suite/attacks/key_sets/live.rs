//! Sends each case to a running `orders-api` of its own.

use futures_util::{StreamExt, stream};
use portcullis_core::clock::{Clock, SystemClock};
use portcullis_test::SigningAlgorithm::ES256;
use portcullis_test::{Endpoint, Fault, TestIssuer};
use portcullis_tests::get;
use serde_json::Value;

use super::{KeySetCase, Served, base, cases, fresh, set};
use crate::attacks::Findings;
use crate::attacks::case::Outcome;
use crate::attacks::scripted::{Script, Scripted};
use crate::attacks::service::{OrdersApi, check_retry_after, outcome};
use crate::attacks::table::Table;
use crate::attacks::world::{World, stranger};

/// How many services run at once, so that hanging cases overlap.
const SIDE_BY_SIDE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn key_sets_match_the_table() {
    // The target of redirects. Its set would make the probe pass.
    let elsewhere = TestIssuer::start().await;
    elsewhere.publish([base(), fresh().public_jwk()]);
    let world = World {
        now: SystemClock.now(),
        api_key: String::new(),
        elsewhere: elsewhere.jwks_uri(),
    };
    let (table, mut findings) = (Table::read(), Findings::default());
    let checks = cases(&world).into_iter().map(|case| {
        let expected = table.expected(&case.id);
        check(&world, case, expected)
    });
    let mut checks = stream::iter(checks).buffer_unordered(SIDE_BY_SIDE);
    while let Some(found) = checks.next().await {
        findings.extend(found);
    }
    findings.assert_none();
    for endpoint in Endpoint::ALL {
        assert_eq!(
            elsewhere.requests(endpoint),
            0,
            "{endpoint}: redirects are not followed"
        );
    }
}

async fn check(world: &World, case: KeySetCase, expected: Outcome) -> Findings {
    let mut findings = Findings::default();
    let issuer = Issuer::start(&case.served).await;
    let service = OrdersApi::start(&issuer.jwks_uri()).await;
    let secrets = secrets(&case.served);
    issuer.serve(case.served).await;

    let now = service.world(&world.elsewhere);
    let trigger = now.token_by(&stranger(ES256)).mint();
    let triggered = service.get_with_token("/orders", &trigger).await.status;
    if !matches!(triggered, 401 | 503) {
        findings.add(
            &case.id,
            &format!("a token of an unknown key got {triggered}"),
        );
    }
    let response = service.get_with_token("/orders", &case.probe).await;
    findings.compare(&case.id, &expected, &outcome(&response));
    check_retry_after(&case.id, &response, &mut findings);
    let good = service.get_with_token("/orders", &now.token().mint()).await;
    if good.status != 200 {
        findings.add(&case.id, &format!("a valid token got {good:?}"));
    }
    let key = format!("x-api-key: {}", now.api_key);
    let by_key = get(service.address(), "/orders", &[&key]).await;
    if by_key.status != 200 {
        findings.add(&case.id, &format!("a valid API key got {by_key:?}"));
    }
    let health = service.get_with_token("/healthz", "none").await;
    if health.status != 200 || health.header("x-injected").is_some() {
        findings.add(&case.id, &format!("the service is not ready: {health:?}"));
    }
    let log = service.log();
    let unwanted = ["panicked", "\nX-Injected", "\rX-Injected", &case.probe];
    for found in unwanted
        .into_iter()
        .chain(secrets.iter().map(String::as_str))
    {
        if log.contains(found) || health.text().contains(found) {
            findings.add(
                &case.id,
                &format!("{found:?} is in the log or the health report"),
            );
        }
    }
    findings
}

/// The private members of the served keys.
fn secrets(served: &Served) -> Vec<String> {
    let Served::Document(body) = served else {
        return Vec::new();
    };
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let keys = document["keys"].as_array().into_iter().flatten();
    let members = keys.flat_map(|jwk| ["d", "p", "q", "k"].map(|member| jwk[member].as_str()));
    members.flatten().map(str::to_owned).collect()
}

/// The issuer that serves the case.
enum Issuer {
    Test(TestIssuer),
    Scripted(Scripted),
}

impl Issuer {
    /// Starts with the first set.
    async fn start(served: &Served) -> Self {
        if let Served::Script(_) = served {
            return Self::Scripted(Scripted::start(Script::good(&set([base()]))).await);
        }
        let issuer = TestIssuer::start().await;
        issuer.publish([base()]);
        Self::Test(issuer)
    }

    fn jwks_uri(&self) -> String {
        match self {
            Self::Test(issuer) => issuer.jwks_uri(),
            Self::Scripted(issuer) => issuer.url(),
        }
    }

    /// Serves the case from now on.
    async fn serve(&self, served: Served) {
        match (self, served) {
            (Self::Test(issuer), Served::Document(body)) => {
                let fault = Fault::Answer {
                    status: 200,
                    content_type: "application/json",
                    body,
                };
                issuer.fault(Endpoint::Jwks, fault);
            }
            (Self::Test(issuer), Served::Fault(fault)) => {
                issuer.publish([base(), fresh().public_jwk()]);
                issuer.fault(Endpoint::Jwks, fault);
            }
            (Self::Test(issuer), Served::Nothing) => issuer.stop().await,
            (Self::Scripted(issuer), Served::Script(script)) => issuer.play(script),
            (_, served) => unreachable!("{served:?}"),
        }
    }
}
