//! Stores that need to wait.

mod support;

use std::sync::Arc;

use portcullis_api_key::{
    ApiKeyId, ApiKeys, KeyStore, Lookup, MemoryStore, NewKey, StoreError, StoredKey,
};
use portcullis_core::{
    facts::FactFinders,
    scheme::{Head, Outcome, Scheme},
};
use support::{send, send_key};
use tokio::sync::watch;

/// A database that answers when the test lets it.
struct Remote {
    keys: MemoryStore,
    open: watch::Receiver<Option<Result<(), StoreError>>>,
}

impl KeyStore for Remote {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        let Lookup::Ready(found) = self.keys.lookup(id) else {
            unreachable!("memory does not wait")
        };
        let mut open = self.open.clone();
        Lookup::Pending(Box::pin(async move {
            let answer = open.wait_for(Option::is_some).await;
            answer
                .map_err(|_| StoreError::new("gone"))?
                .clone()
                .unwrap_or(Ok(()))?;
            found
        }))
    }
}

fn remote() -> (
    MemoryStore,
    ApiKeys,
    watch::Sender<Option<Result<(), StoreError>>>,
) {
    let keys = MemoryStore::new();
    let (answer, open) = watch::channel(None);
    let scheme = ApiKeys::new(Remote {
        keys: keys.clone(),
        open,
    });
    (keys, scheme, answer)
}

#[tokio::test]
async fn pending_lookup_is_awaited() {
    let (store, keys, answer) = remote();
    let issued = store.create(NewKey::new("a")).expect("made");
    let other = MemoryStore::new().create(NewKey::new("b")).expect("made");
    answer.send_replace(Some(Ok(())));
    let principal = send_key(&keys, issued.key().expose()).await.principal;
    assert_eq!(principal.expect("in").subject(), Some("a"));
    assert_eq!(send_key(&keys, other.key().expose()).await.status, 401);
    store.revoke(&issued.key().id()).expect("revoked");
    assert_eq!(send_key(&keys, issued.key().expose()).await.status, 401);
}

#[tokio::test]
async fn unreachable_store_is_503_with_retry_after() {
    let (store, keys, answer) = remote();
    let issued = store.create(NewKey::new("a")).expect("made");
    answer.send_replace(Some(Err(StoreError::new("db.internal refused us"))));
    let refused = send_key(&keys, issued.key().expose()).await;
    assert_eq!(refused.status, 503);
    assert!((2..=10).contains(&refused.retry_after.expect("Retry-After")));
    assert!(!refused.body.contains("db.internal"), "{}", refused.body);
    assert_eq!(refused.challenge, None);
}

#[tokio::test]
async fn disconnected_caller_drops_the_lookup() {
    let (store, keys, answer) = remote();
    let issued = store.create(NewKey::new("a")).expect("made");
    let mut waiting = Box::pin(send_key(&keys, issued.key().expose()));
    assert!(
        poll_once(waiting.as_mut()).await,
        "the request waits for the store"
    );
    drop(waiting);
    answer.send_replace(Some(Ok(())));
    assert_eq!(send_key(&keys, issued.key().expose()).await.status, 200);
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    })
    .await
}

/// A store that must not be used.
struct Untouchable;

impl KeyStore for Untouchable {
    fn lookup(&self, id: &ApiKeyId) -> Lookup {
        panic!("unexpected lookup of {id}")
    }
}

#[tokio::test]
async fn mistyped_key_causes_no_lookup() {
    let keys = ApiKeys::new(Untouchable);
    let issued = MemoryStore::new().create(NewKey::new("a")).expect("made");
    let text = issued.key().expose();
    for position in 0..text.len() {
        let mut mistyped = text.as_bytes().to_vec();
        mistyped[position] = if mistyped[position] == b'7' {
            b'8'
        } else {
            b'7'
        };
        let answer = send(&keys, &[("x-api-key", &mistyped)]).await;
        assert_eq!(answer.status, 401, "position {position}");
    }
}

#[test]
fn memory_store_answers_without_a_future() {
    let store = MemoryStore::new();
    let issued = store.create(NewKey::new("a")).expect("made");
    let request = http::Request::builder()
        .header("x-api-key", issued.key().expose())
        .body(())
        .expect("a request");
    let (keys, finders) = (ApiKeys::new(store), FactFinders::default());
    let head = Head::new(&request, &finders);
    let Ok(Some(credential)) = keys.detect(&head) else {
        panic!("a key was sent")
    };
    let outcome = keys.authenticate(&head, credential);
    assert!(matches!(outcome, Outcome::Done(Ok(_))), "{outcome:?}");
}

#[test]
fn store_can_be_shared() {
    fn is_store<T: KeyStore + ?Sized>() {}
    is_store::<Arc<dyn KeyStore>>();
    fn is_shared<T: Send + Sync>() {}
    is_shared::<StoredKey>();
}
