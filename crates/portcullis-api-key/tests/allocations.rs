//! The warm path of a key in memory allocates only the entry in the request's extensions.

use std::{
    convert::Infallible,
    future::Ready,
    task::{Context, Poll, Waker},
};

use allocation_counter::{AllocationInfo, measure};
use http::{Request, Response};
use portcullis_api_key::{ApiKeys, KeyRecord, MemoryStore, NewKey, Peppers};
use portcullis_core::{
    AuthenticateLayer, Authentication, Principal, ScopeSet, Secret,
    clock::UnixTime,
    facts::FactFinders,
    scheme::{Head, Outcome, Scheme},
};
use tower::{Layer, Service};

fn stores() -> [(MemoryStore, Option<Peppers>); 2] {
    let peppers = Peppers::new(1, &Secret::new(vec![1; 32])).expect("long enough");
    [
        (MemoryStore::new(), None),
        (MemoryStore::new().peppers(peppers.clone()), Some(peppers)),
    ]
}

fn scheme(store: &MemoryStore, peppers: Option<Peppers>) -> ApiKeys {
    let keys = ApiKeys::builder(store.clone());
    match peppers {
        Some(peppers) => keys.peppers(peppers),
        None => keys,
    }
    .build()
    .expect("valid settings")
}

fn request(key: &str) -> Request<String> {
    Request::builder()
        .header("x-api-key", key)
        .body(String::new())
        .expect("a request")
}

#[test]
fn scheme_does_not_allocate() {
    for (store, peppers) in stores() {
        let new = NewKey::new("billing").scopes(ScopeSet::parse("orders:read orders:write"));
        let issued = store.create(new).expect("made");
        let keys = scheme(&store, peppers);
        let request = request(issued.key().expose());
        let finders = FactFinders::default();
        let head = Head::new(&request, &finders);
        let decide = || {
            drop(principal_of(&keys, &head));
        };
        decide(); // the first use creates the principal
        let allocated = measure(|| (0..100).for_each(|_| decide()));
        assert_eq!(allocated.count_total, 0, "{allocated:?}");
    }
}

fn principal_of(keys: &ApiKeys, head: &Head<'_>) -> Principal {
    let Ok(Some(credential)) = keys.detect(head) else {
        panic!("a key was sent")
    };
    match keys.authenticate(head, credential) {
        Outcome::Done(Ok(principal)) => principal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn layer_allocates_only_the_extension() {
    for (store, peppers) in stores() {
        let issued = store.create(NewKey::new("billing")).expect("made");
        let keys = scheme(&store, peppers);
        let text = issued.key().expose();
        let principal = principal_of(&keys, &Head::new(&request(text), &FactFinders::default()));
        let mut layered = AuthenticateLayer::new(keys).layer(Answer);
        call(&mut layered, request(text));

        let bare = allocated(|request| call(&mut Answer, request), text);
        let insertion = allocated(
            |request| call(&mut Answer, insert(request, &principal)),
            text,
        );
        let with_layer = allocated(|request| call(&mut layered, request), text);
        assert!(
            insertion.count_total > bare.count_total,
            "the counter works"
        );
        assert_eq!(with_layer.count_total, insertion.count_total);
        assert_eq!(with_layer.bytes_total, insertion.bytes_total);
    }
}

fn insert(mut request: Request<String>, principal: &Principal) -> Request<String> {
    let authentication = Authentication::Authenticated(principal.clone());
    request.extensions_mut().insert(authentication);
    request
}

/// Counts the allocations while a request is handled, without those of building it.
fn allocated(mut handle: impl FnMut(Request<String>), key: &str) -> AllocationInfo {
    let mut request = Some(request(key));
    measure(|| handle(request.take().expect("used once")))
}

fn call<S>(service: &mut S, request: Request<String>)
where
    S: Service<Request<String>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    let mut future = std::pin::pin!(service.call(request));
    assert!(future.as_mut().poll(&mut context).is_ready());
}

/// Answers at once.
#[derive(Clone)]
struct Answer;

impl Service<Request<String>> for Answer {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        std::future::ready(Ok(Response::new(String::new())))
    }
}

/// The allocations of a refusal must not reveal whether the id is known.
#[test]
fn wrong_secret_and_unknown_id_allocate_alike() {
    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    for (store, peppers) in stores() {
        let issue = || NewKey::new("a").issue(NOW, peppers.as_ref()).expect("made");
        let (known, wrong, unknown) = (issue(), issue(), issue());
        // The id of one key with the digest of another.
        let digest = known.record().digest;
        let record = KeyRecord::new(wrong.key().id(), digest, "a", NOW).expect("a record");
        store.insert([record]).expect("stored");
        let keys = scheme(&store, peppers);
        let cost = |key: &str| {
            let request = request(key);
            let finders = FactFinders::default();
            let head = Head::new(&request, &finders);
            measure(|| {
                let Ok(Some(credential)) = keys.detect(&head) else {
                    panic!("a key was sent")
                };
                assert!(matches!(
                    keys.authenticate(&head, credential),
                    Outcome::Done(Err(_))
                ));
            })
        };
        let (wrong, unknown) = (cost(wrong.key().expose()), cost(unknown.key().expose()));
        assert_eq!(wrong.count_total, unknown.count_total);
    }
}
