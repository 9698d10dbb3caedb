//! All sources by number.
//!
//! A call that a service refuses tells the source whose token it carried. Were each call to keep hold of its token for
//! that, it would count itself in and out in memory that all threads share: that takes longer than all else the layer
//! does. It keeps two numbers instead, and the source is looked up if it comes to that.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use super::shared::Shared;

static SOURCES: Mutex<BTreeMap<u64, Weak<Shared>>> = Mutex::new(BTreeMap::new());

fn sources() -> MutexGuard<'static, BTreeMap<u64, Weak<Shared>>> {
    SOURCES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that nothing else has.
fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);

    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// The number of a source, under which it is found as long as it has this.
pub(super) struct Registration(u64);

impl Registration {
    pub(super) fn new() -> Self {
        Self(number())
    }

    /// Makes the source that has this known.
    pub(super) fn enter(&self, source: &Arc<Shared>) {
        sources().insert(self.0, Arc::downgrade(source));
    }

    /// Names one more token of this source.
    pub(super) fn token(&self) -> TokenId {
        TokenId {
            source: self.0,
            token: number(),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        sources().remove(&self.0);
    }
}

/// Names a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenId {
    /// No source has the number 0.
    source: u64,
    token: u64,
}

impl TokenId {
    /// Names a token that is of no source.
    pub(crate) fn without_source() -> Self {
        Self {
            source: 0,
            token: number(),
        }
    }

    /// Tells its source that a service did not accept it: see [`TokenSource::reject`](crate::TokenSource::reject).
    pub(crate) fn reject(self) -> bool {
        // Let go of before the source is: the last holder of one takes it out.
        let source = sources().get(&self.source).and_then(Weak::upgrade);
        source.is_some_and(|source| source.reject(self))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_oauth::{AuthorizationServer, ClientAuthentication};

    use super::*;
    use crate::TokenSource;

    #[tokio::test]
    async fn a_source_is_found_as_long_as_there_is_one() {
        let server = AuthorizationServer::discover("https://issuer.example.com")
            .build()
            .expect("a server");
        let client = ClientAuthentication::secret_basic("billing", "s3cr3t");
        let source = TokenSource::builder(&server, client)
            .build()
            .expect("a source");
        let token = source.0.shared.registration.token();
        assert_ne!(token, source.0.shared.registration.token());
        assert!(token.reject(), "it is not the one at hand");
        drop(source);
        while sources().contains_key(&token.source) {
            tokio::task::yield_now().await;
        }
        assert!(!token.reject(), "there is nobody to tell");
        assert!(!TokenId::without_source().reject());
    }
}
