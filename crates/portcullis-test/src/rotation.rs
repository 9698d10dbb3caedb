//! Keys that come and go, in every order.

use crate::{PublishedKey, TestIssuer, TestKey};

/// Each step of a rotation on its own, to be put in any order. Where a key is made, it is of the present signing key's
/// algorithm. What is changed is in force from the next request on.
impl TestIssuer {
    /// Replaces everything at once: a new key alone is published, and signs. Returns the old signing key and the new.
    pub fn rotate(&self) -> (TestKey, TestKey) {
        let old = self.signing_key();
        let new = self.fresh_key();
        self.publish([&new]);
        self.sign_with(&new);
        (old, new)
    }

    /// Publishes a new key that does not sign yet. [`sign_with`](Self::sign_with) puts it to use later.
    pub fn publish_ahead(&self) -> TestKey {
        let new = self.fresh_key();
        self.add(&new);
        new
    }

    /// Signs with a new key that is not published yet. [`add`](Self::add) publishes it late.
    pub fn sign_ahead(&self) -> TestKey {
        let new = self.fresh_key();
        self.sign_with(&new);
        new
    }

    /// Publishes a key, or anything else, after the others.
    pub fn add(&self, key: impl Into<PublishedKey>) {
        self.state.changing().published.push(key.into());
    }

    /// Publishes a key, or anything else, before the others.
    pub fn add_first(&self, key: impl Into<PublishedKey>) {
        self.state.changing().published.insert(0, key.into());
    }

    /// Publishes `key` no longer, in whatever dress; it may go on signing. Returns whether it was published.
    pub fn withdraw(&self, key: &TestKey) -> bool {
        let mut changing = self.state.changing();
        let before = changing.published.len();
        changing.published.retain(|published| !published.is(key));
        changing.published.len() < before
    }

    /// Replaces the signing key by new material under the same `kid`, published in its place. Returns the old key and
    /// the new.
    pub fn replace_material(&self) -> (TestKey, TestKey) {
        let old = self.signing_key();
        let new = match old.kid() {
            Some(kid) => self.fresh_key().with_kid(kid),
            None => self.fresh_key().without_kid(),
        };
        let mut changing = self.state.changing();
        for published in changing
            .published
            .iter_mut()
            .filter(|published| published.is(&old))
        {
            *published = PublishedKey::from(&new);
        }
        changing.signing = new.clone();
        drop(changing);
        (old, new)
    }

    /// Publishes the keys in the opposite order.
    pub fn reverse_published(&self) {
        self.state.changing().published.reverse();
    }

    /// Publishes a stranger's key under the `kid` of the signing key, before it.
    pub fn duplicate_kid(&self) -> TestKey {
        let signing = self.signing_key();
        let stranger = match signing.kid() {
            Some(kid) => self.fresh_key().with_kid(kid),
            None => self.fresh_key().without_kid(),
        };
        self.add_first(&stranger);
        stranger
    }

    /// Publishes the keys without `kid`. Tokens still name one; [`TokenBuilder::without_header`] leaves it out there.
    ///
    /// [`TokenBuilder::without_header`]: crate::TokenBuilder::without_header
    pub fn publish_without_kid(&self) {
        self.publish_without("kid");
    }

    /// Publishes the keys without `alg`, which RFC 7517 §4.4 leaves optional.
    pub fn publish_without_alg(&self) {
        self.publish_without("alg");
    }

    fn publish_without(&self, member: &str) {
        let keys = self.published();
        self.publish(keys.into_iter().map(|key| key.without(member)));
    }

    fn fresh_key(&self) -> TestKey {
        TestKey::generate(self.signing_key().algorithm())
    }
}
