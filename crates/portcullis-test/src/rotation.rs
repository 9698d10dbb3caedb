//! Key rotation.

use serde_json::Value;

use crate::{TestIssuer, TestKey};

/// The steps of a rotation, to be combined in any order. New keys have the algorithm of the current signing key. Changes
/// apply from the next request on.
impl TestIssuer {
    /// Publishes a new key alone, and signs with it. Returns the old signing key and the new one.
    pub fn rotate(&self) -> (TestKey, TestKey) {
        let (old, new) = (self.signing_key(), self.new_key());
        self.publish([&new]);
        self.sign_with(&new);
        (old, new)
    }

    /// Publishes a new key that does not sign yet; [`sign_with`](Self::sign_with) changes that.
    pub fn publish_ahead(&self) -> TestKey {
        let new = self.new_key();
        self.add(&new);
        new
    }

    /// Signs with a new key that is not published yet; [`add`](Self::add) publishes it.
    pub fn sign_ahead(&self) -> TestKey {
        let new = self.new_key();
        self.sign_with(&new);
        new
    }

    /// Publishes a key, or any other entry, after the others.
    pub fn add(&self, key: impl Into<Value>) {
        self.state.variable().published.push(key.into());
    }

    /// Publishes a key, or any other entry, before the others.
    pub fn add_first(&self, key: impl Into<Value>) {
        self.state.variable().published.insert(0, key.into());
    }

    /// Removes every entry with the material of `key` from the key set; the issuer may still sign with it. Returns
    /// whether there was one.
    pub fn withdraw(&self, key: &TestKey) -> bool {
        let mut variable = self.state.variable();
        let before = variable.published.len();
        variable.published.retain(|entry| !is_of(entry, key));
        variable.published.len() < before
    }

    /// Replaces the signing key, and its entry in the key set, by new material under the same `kid`. Returns the old key
    /// and the new one.
    pub fn replace_material(&self) -> (TestKey, TestKey) {
        let old = self.signing_key();
        let new = match old.kid() {
            Some(kid) => self.new_key().with_kid(kid),
            None => self.new_key().without_kid(),
        };
        let mut variable = self.state.variable();
        for entry in &mut variable.published {
            if is_of(entry, &old) {
                *entry = new.public_jwk();
            }
        }
        variable.signing = new.clone();
        drop(variable);
        (old, new)
    }

    /// Publishes the keys without a member, such as `kid`, or `alg`, which RFC 7517 §4.4 leaves optional.
    pub fn publish_without(&self, member: &str) {
        for entry in &mut self.state.variable().published {
            entry.as_object_mut().map(|jwk| jwk.remove(member));
        }
    }

    fn new_key(&self) -> TestKey {
        TestKey::generate(self.signing_key().algorithm())
    }
}

/// Whether an entry of the key set has the key material of `key`.
fn is_of(entry: &Value, key: &TestKey) -> bool {
    let jwk = key.public_jwk();
    let mut members = ["kty", "crv", "x", "y", "n", "e", "k"].into_iter();
    members.all(|member| entry.get(member) == jwk.get(member))
}
