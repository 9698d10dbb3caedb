//! Hostile and broken key sets, and the outcome of a token whose key only the new set contains.
//!
//! Each case starts with a valid set. Then the issuer serves another document, a token of an unknown key causes a fetch,
//! and the token of the case is sent. In every case the tokens of the first set are still accepted.

mod documents;
mod live;
mod odd_keys;
mod offline;
mod transport;

use std::sync::LazyLock;
use std::time::Duration;

use portcullis_test::SigningAlgorithm::ES256;
use portcullis_test::{Fault, TestKey};
use serde_json::{Value, json};

use super::case::{Id, Sent};
use super::line_ends;
use super::scripted::Script;
use super::world::{World, key};

pub(super) fn cases(world: &World) -> Vec<KeySetCase> {
    let mut cases = KeySetCases::default();
    transport::cases(world, &mut cases);
    documents::cases(world, &mut cases);
    odd_keys::cases(world, &mut cases);
    line_ends::cases(world, &mut cases);
    cases.0
}

/// One document or fault of an issuer.
pub(super) struct KeySetCase {
    pub(super) id: Id,
    served: Served,
    /// The token that is sent after the fetch.
    probe: String,
}

#[derive(Clone, Debug)]
pub(super) enum Served {
    /// A document, with status 200.
    Document(Vec<u8>),
    /// A fault of the endpoint.
    Fault(Fault),
    /// No server listens.
    Nothing,
    /// A response by a script.
    Script(Script),
}

impl KeySetCase {
    pub(super) fn sent(&self) -> Sent {
        match self.served {
            Served::Document(_) => Sent::Both,
            Served::Fault(_) | Served::Nothing | Served::Script(_) => Sent::Live,
        }
    }
}

/// Collects the cases of one item after the other.
#[derive(Default)]
pub(super) struct KeySetCases(Vec<KeySetCase>);

impl KeySetCases {
    pub(super) fn item(&mut self, class: &'static str, item: &'static str) -> KeySetItem<'_> {
        KeySetItem {
            class,
            item,
            cases: &mut self.0,
        }
    }
}

/// Collects the cases of one item.
pub(super) struct KeySetItem<'c> {
    class: &'static str,
    item: &'static str,
    cases: &'c mut Vec<KeySetCase>,
}

impl KeySetItem<'_> {
    pub(super) fn document(
        &mut self,
        name: impl Into<String>,
        document: impl Into<Vec<u8>>,
        probe: String,
    ) {
        self.served(name, Served::Document(document.into()), probe);
    }

    pub(super) fn fault(&mut self, name: impl Into<String>, fault: Fault, probe: String) {
        self.served(name, Served::Fault(fault), probe);
    }

    pub(super) fn served(&mut self, name: impl Into<String>, served: Served, probe: String) {
        let id = Id {
            class: self.class,
            item: self.item,
            name: name.into(),
        };
        self.cases.push(KeySetCase { id, served, probe });
    }
}

/// The key of the first set.
pub(super) fn base() -> Value {
    key(ES256).public_jwk()
}

/// The key that only the new set contains.
pub(super) fn fresh() -> TestKey {
    TestKey::shared(ES256, 4).with_kid("new")
}

/// The new key with a member changed.
fn fresh_with(member: &str, value: Value) -> Value {
    let mut jwk = fresh().public_jwk();
    jwk[member] = value;
    jwk
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().expect("a JWK").remove(member);
    jwk
}

fn with_kid(mut jwk: Value, kid: &str) -> Value {
    jwk["kid"] = kid.into();
    jwk
}

/// More foreign keys than a set may have.
static STRANGERS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    (0..1_000)
        .map(|_| TestKey::generate(ES256).public_jwk())
        .collect()
});

pub(super) fn set(keys: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let keys: Vec<Value> = keys.into_iter().collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

/// The longest time that a request waits for a fetch.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
