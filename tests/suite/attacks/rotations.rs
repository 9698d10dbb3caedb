//! The three steps of a key rotation in every order, with a request after each.
//!
//! Requests may cause two fetches. If these are enough, the token of the new key is accepted. A token of a withdrawn key
//! is rejected only after a fetch of the set without it.

use futures_util::future::{FutureExt, join_all};
use portcullis_api_key::MemoryStore;
use portcullis_test::SigningAlgorithm::{ES256, ES384};
use portcullis_test::{ManualClock, TestIssuer, TestKey};
use serde_json::Value;

use super::Findings;
use super::case::{Id, Outcome, Sent};
use super::double::Double;
use super::key_sets::{base, fresh, set};
use super::offline::{self, Offline, bearer};
use super::service::{OrdersApi, outcome};
use super::table::Table;
use super::world::{World, key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Publish,
    Sign,
    Withdraw,
}

type Order = [Step; 3];

const ORDERS: [Order; 6] = {
    use Step::{Publish, Sign, Withdraw};
    [
        [Publish, Sign, Withdraw],
        [Publish, Withdraw, Sign],
        [Sign, Publish, Withdraw],
        [Sign, Withdraw, Publish],
        [Withdraw, Publish, Sign],
        [Withdraw, Sign, Publish],
    ]
};

pub(super) fn listed() -> impl Iterator<Item = (Id, Sent)> {
    ORDERS.iter().flat_map(ids).map(|id| (id, Sent::Both))
}

/// The ids of the final outcomes: of the new key's token, and of the old key's.
fn ids(order: &Order) -> [Id; 2] {
    ["the new key's token", "the old key's token"].map(|token| {
        let steps = order.map(|step| format!("{step:?}").to_lowercase());
        Id {
            class: "JWKS",
            item: "rotated in every order",
            name: format!("{}: {token}", steps.join(", ")),
        }
    })
}

/// Runs the steps. Returns the final outcomes of the new key's token and of the old key's.
async fn rotate(
    order: &Order,
    world: &World,
    serve: impl Fn(Vec<Value>),
    send: impl AsyncFn(String) -> Outcome,
) -> [Outcome; 2] {
    let (old, new) = (key(ES256), fresh());
    let token = |key: &TestKey| world.token_by(key).mint();
    let (mut published, mut signing) = (first_set(), &old);
    for step in order {
        match step {
            Step::Publish => published.push(new.public_jwk()),
            Step::Sign => signing = &new,
            Step::Withdraw => published.retain(|jwk| *jwk != base()),
        }
        serve(published.clone());
        if Some(step) != order.last() {
            send(token(signing)).await;
        }
    }
    [send(token(&new)).await, send(token(&old)).await]
}

/// The old key, and one that is never removed.
fn first_set() -> Vec<Value> {
    vec![key(ES384).public_jwk(), base()]
}

#[test]
fn every_rotation_order_matches_the_table_offline() {
    let (offline, table, mut findings) = (Offline::new(), Table::read(), Findings::default());
    for order in &ORDERS {
        let clock = ManualClock::new(offline.world().now);
        let issuer = Double::start(set(first_set()), &clock);
        let layer = offline::layer(issuer.keys(), MemoryStore::new(), &clock);
        let serve = |keys: Vec<Value>| issuer.serve(set(keys));
        let send = async |token: String| offline::send(&layer, bearer(&token)).0;
        let rotated = rotate(order, offline.world(), serve, send);
        let outcomes = rotated.now_or_never().expect("an immediate outcome");
        compare(order, &outcomes, &table, &mut findings);
    }
    findings.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rotation_order_matches_the_table_live() {
    let (table, mut findings) = (Table::read(), Findings::default());
    let all = ORDERS.iter().map(async |order| {
        let issuer = TestIssuer::start().await;
        issuer.publish(first_set());
        let service = OrdersApi::start(&issuer.jwks_uri()).await;
        let world = service.world("");
        let send = async |token: String| outcome(&service.get_with_token("/orders", &token).await);
        rotate(order, &world, |keys| issuer.publish(keys), send).await
    });
    for (order, outcomes) in ORDERS.iter().zip(join_all(all).await) {
        compare(order, &outcomes, &table, &mut findings);
    }
    findings.assert_none();
}

fn compare(order: &Order, outcomes: &[Outcome; 2], table: &Table, findings: &mut Findings) {
    for (id, outcome) in ids(order).iter().zip(outcomes) {
        findings.compare(id, &table.expected(id), outcome);
    }
}
