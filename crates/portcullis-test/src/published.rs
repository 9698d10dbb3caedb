//! Entries of the published key set.

use serde_json::{Value, json};

use crate::TestKey;

/// An entry of the key set: a public JWK, or any other JSON.
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

    /// Removes a member.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        if let Some(members) = self.0.as_object_mut() {
            members.remove(member);
        }
        self
    }

    /// The JSON that is published.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// Whether this entry has the key material of `key`.
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
    /// The value as it is.
    fn from(entry: Value) -> Self {
        Self(entry)
    }
}

/// The key set document (RFC 7517 §5).
pub(crate) fn key_set<'a>(keys: impl IntoIterator<Item = &'a PublishedKey>) -> Value {
    let keys: Vec<&Value> = keys.into_iter().map(PublishedKey::as_json).collect();
    json!({ "keys": keys })
}
