//! Keys as they stand in the published set.

use serde_json::{Value, json};

use crate::TestKey;

/// One entry of the key set: a key's public JWK, or anything else a test wants to stand there.
///
/// ```
/// use portcullis_test::{PublishedKey, TestKey};
///
/// let key = TestKey::generate(Default::default());
/// let anonymous = PublishedKey::from(&key).without("kid").with("use", "enc");
/// assert!(anonymous.as_json().get("kid").is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedKey(Value);

impl PublishedKey {
    /// Sets a member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        if let Some(members) = self.0.as_object_mut() {
            members.insert(member.to_owned(), value.into());
        }
        self
    }

    /// Leaves a member out.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        if let Some(members) = self.0.as_object_mut() {
            members.remove(member);
        }
        self
    }

    /// The entry as it is published.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// Whether this entry is `key`, by its material.
    pub(crate) fn is(&self, key: &TestKey) -> bool {
        let jwk = key.public_jwk();
        ["kty", "crv", "x", "y", "n", "e", "k"]
            .iter()
            .all(|member| self.0.get(member) == jwk.get(member))
    }
}

impl From<&TestKey> for PublishedKey {
    /// The public half.
    fn from(key: &TestKey) -> Self {
        Self(key.public_jwk())
    }
}

impl From<TestKey> for PublishedKey {
    /// The public half.
    fn from(key: TestKey) -> Self {
        Self::from(&key)
    }
}

impl From<Value> for PublishedKey {
    /// As it is, whether it is a key or not.
    fn from(entry: Value) -> Self {
        Self(entry)
    }
}

/// The key set document (RFC 7517 §5).
pub(crate) fn key_set<'a>(keys: impl IntoIterator<Item = &'a PublishedKey>) -> Value {
    let keys: Vec<&Value> = keys.into_iter().map(PublishedKey::as_json).collect();
    json!({ "keys": keys })
}
