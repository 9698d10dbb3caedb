//! Many tokens of unknown keys: each is rejected, and all together cause only the fetches of the budget.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use portcullis_api_key::MemoryStore;
use portcullis_core::clock::{Clock, SystemClock};
use portcullis_test::SigningAlgorithm::{ES256, ES512};
use portcullis_test::{Endpoint, ManualClock, TestIssuer};
use serde_json::json;

use super::case::{Id, Outcome, Sent};
use super::double::Double;
use super::key_sets::{base, fresh, set};
use super::offline::{self, Offline, bearer};
use super::service::{OrdersApi, outcome};
use super::table::Table;
use super::world::{World, stranger};
use super::{Findings, forge};

/// The number of tokens in a spray.
const TOKENS: usize = 250;
/// How many requests are in flight at once.
const SIDE_BY_SIDE: usize = 30;

struct Spray {
    name: &'static str,
    /// The token with this number.
    token: fn(&World, usize) -> String,
}

const SPRAYS: [Spray; 9] = [
    Spray {
        name: "a new kid for each token",
        token: |world, number| unsigned(world, &forge::encode(format!("{number} of many"))),
    },
    Spray {
        name: "the same kid each time",
        token: |world, _| unsigned(world, "nobody"),
    },
    Spray {
        name: "increasing kids",
        token: |world, number| unsigned(world, &number.to_string()),
    },
    Spray {
        name: "kids of 256 octets",
        token: |world, number| unsigned(world, &format!("{number:0256}")),
    },
    Spray {
        name: "kids next to a good one",
        token: |world, number| unsigned(world, &format!("es256-{number}")),
    },
    Spray {
        name: "the good kid in other cases",
        token: |world, number| unsigned(world, if number % 2 == 0 { "ES256" } else { "Es256" }),
    },
    Spray {
        name: "kids that point elsewhere",
        token: |world, number| unsigned(world, &format!("http://127.0.0.1:9/{number}")),
    },
    Spray {
        name: "no kid, an algorithm of no key",
        token: |world, _| {
            let token = world.token_by(&stranger(ES512)).without_header("kid");
            forge::with_header(
                &token,
                json!({"alg": "ES512", "typ": "at+jwt"}).to_string(),
                &stranger(ES512),
            )
        },
    },
    Spray {
        name: "signed by an unknown key",
        token: |world, number| {
            world
                .token_by(&stranger(ES256))
                .kid(&format!("stranger-{number}"))
                .mint()
        },
    },
];

/// A token with an arbitrary signature.
fn unsigned(world: &World, kid: &str) -> String {
    let header = json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }).to_string();
    let payload = forge::payload(&world.token());
    format!(
        "{}.{}.{}",
        forge::encode(header),
        forge::encode(payload),
        forge::encode([7; 64])
    )
}

pub(super) fn listed() -> impl Iterator<Item = (Id, Sent)> {
    SPRAYS.iter().map(|spray| (spray.id(), Sent::Both))
}

impl Spray {
    fn id(&self) -> Id {
        Id {
            class: "unknown-kid sprays",
            item: "unknown-kid sprays",
            name: self.name.to_owned(),
        }
    }
}

#[test]
fn sprayed_tokens_are_rejected_within_the_fetch_budget_offline() {
    let (offline, table, mut findings) = (Offline::new(), Table::read(), Findings::default());
    let world = offline.world();
    let good = world.token().mint();
    for spray in &SPRAYS {
        let (id, expected) = (spray.id(), table.expected(&spray.id()));
        let clock = ManualClock::new(world.now);
        let issuer = Double::start(set([base()]), &clock);
        let layer = offline::layer(issuer.keys(), MemoryStore::new(), &clock);
        for number in 0..TOKENS {
            let token = (spray.token)(world, number);
            findings.compare(&id, &expected, &offline::send(&layer, bearer(&token)).0);
            findings.compare(
                &id,
                &Outcome::new(200, []),
                &offline::send(&layer, bearer(&good)).0,
            );
        }
        if issuer.fetches() != 3 {
            findings.add(&id, &format!("{} fetches", issuer.fetches()));
        }
    }
    findings.assert_none();
}

/// The bound that `docs/guide/operating.md` states.
const LONGEST_ROTATION: Duration = Duration::from_secs(10);

#[test]
fn rotation_during_a_trickle_of_unknown_kids_completes_in_10_s() {
    const STEP: Duration = Duration::from_millis(100);
    let offline = Offline::new();
    let world = offline.world();
    let new = fresh();
    let (unknown, valid) = (unsigned(world, "nobody"), world.token_by(&new).mint());
    // The old key is replaced at different times. Old and new key never overlap.
    for rotated_after in [
        Duration::ZERO,
        Duration::from_millis(100),
        Duration::from_secs(19),
    ] {
        let clock = ManualClock::new(world.now);
        let issuer = Double::start(set([base()]), &clock);
        let layer = offline::layer(issuer.keys(), MemoryStore::new(), &clock);
        let send = |token: &str| offline::send(&layer, bearer(token)).0.status;
        // Another caller spends the budget, now and during the rotation.
        for _ in 0..3 {
            send(&unknown);
        }
        let mut elapsed = Duration::ZERO;
        let trickle = |elapsed: &mut Duration| {
            clock.advance(STEP);
            *elapsed += STEP;
            send(&unknown)
        };
        while elapsed < rotated_after {
            trickle(&mut elapsed);
        }
        issuer.serve(set([new.public_jwk()]));
        let rotated = elapsed;
        while send(&valid) != 200 {
            trickle(&mut elapsed);
            let lasts = elapsed - rotated;
            assert!(
                lasts <= LONGEST_ROTATION,
                "{lasts:?} after {rotated_after:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sprayed_tokens_are_rejected_within_the_fetch_budget_live() {
    let (table, mut findings) = (Table::read(), Findings::default());
    let checks = SPRAYS
        .iter()
        .map(|spray| check(spray, table.expected(&spray.id())));
    let mut checks = stream::iter(checks).buffer_unordered(3);
    while let Some(found) = checks.next().await {
        findings.extend(found);
    }
    findings.assert_none();
}

async fn check(spray: &Spray, expected: Outcome) -> Findings {
    let (id, mut findings) = (spray.id(), Findings::default());
    let issuer = TestIssuer::start().await;
    issuer.publish([base()]);
    let service = OrdersApi::start(&issuer.jwks_uri()).await;
    let started = SystemClock.now();
    let world = service.world("");
    let good = world.token().mint();

    let answers = (0..TOKENS).map(|number| {
        let token = (spray.token)(&world, number);
        let (service, good) = (&service, &good);
        async move {
            let refused = service.get_with_token("/orders", &token).await;
            let accepted = service.get_with_token("/orders", good).await;
            (outcome(&refused), outcome(&accepted))
        }
    });
    let mut answers = stream::iter(answers).buffer_unordered(SIDE_BY_SIDE);
    while let Some((refused, accepted)) = answers.next().await {
        findings.compare(&id, &expected, &refused);
        findings.compare(&id, &Outcome::new(200, []), &accepted);
    }
    let seconds = SystemClock.now().duration_since(started).as_secs();
    let fetches = issuer.requests(Endpoint::Jwks) as u64;
    if fetches > 3 + seconds / 10 {
        findings.add(&id, &format!("{fetches} fetches in {seconds} s"));
    }
    if service.log().contains("panicked") {
        findings.add(&id, "the service panicked");
    }
    findings
}
