//! Start and end of the background task.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use portcullis_core::clock::{Clock, SystemClock, UnixTime};
use portcullis_remote::{FetchErrorKind, Issuer, IssuerEvent};
use portcullis_test::{Endpoint, Fault, TestIssuer};

use crate::support::{
    answer, bearer, builder, ended, in_time, millis, short_lifetime, start, started, wait_for,
};

#[tokio::test]
async fn task_ends_with_the_last_clone_of_the_keys() {
    let issuer = TestIssuer::start().await;
    let keys = start(builder(&issuer).refresh_rules(short_lifetime())).await;
    let events = keys.events();
    let clone = keys.clone();
    let bearer = bearer(&clone, &issuer);
    drop(keys);
    drop(clone);
    let asked = issuer.requests(Endpoint::Jwks);
    in_time(issuer.wait_for_requests(Endpoint::Jwks, asked + 3)).await;
    assert_eq!(
        answer(&bearer, &issuer.token().mint()).await,
        200,
        "a verifier keeps the task alive"
    );
    drop(bearer);
    ended(events).await;
}

#[tokio::test]
async fn task_ends_in_the_middle_of_a_fetch() {
    let issuer = TestIssuer::start().await;
    let keys = started(&issuer).await;
    let events = keys.events();
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let refresh = {
        let keys = keys.clone();
        async move { keys.refresh().await }
    };
    tokio::select! {
        result = refresh => panic!("{result:?}"),
        () = issuer.wait_for_requests(Endpoint::Jwks, 2) => {}
    }
    drop(keys);
    ended(events).await;
}

#[tokio::test]
async fn cancelled_start_leaves_no_task() {
    let issuer = TestIssuer::start().await;
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = alive();
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    tokio::select! {
        _ = builder(&issuer).start() => panic!("the issuer hangs"),
        () = issuer.wait_for_requests(Endpoint::Jwks, 1) => {}
    }
    assert!(alive() > before);
    in_time(async {
        while alive() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[test]
fn end_of_the_runtime_is_reported() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let issuer = first.block_on(TestIssuer::start());
    let keys: Issuer = first.block_on(started(&issuer));
    let bearer = bearer(&keys, &issuer);
    let (good, bad) = (issuer.token().mint(), issuer.token().kid("unknown").mint());
    drop(issuer);
    let mut events = keys.events();
    drop(first);
    assert!(matches!(events.try_recv(), Ok(IssuerEvent::TaskEnded)));
    assert_eq!(
        second.block_on(keys.refresh()).expect_err("ended").kind(),
        FetchErrorKind::Stopped
    );
    assert_eq!(second.block_on(answer(&bearer, &good)), 200);
    assert!(matches!(
        second.block_on(answer(&bearer, &bad)).as_u16(),
        401 | 503
    ));
}

#[test]
fn start_outside_a_runtime_is_an_error() {
    let start = Issuer::discover("https://issuer.example").start();
    let mut start = Box::pin(start);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = start.as_mut().poll(&mut context) else {
        panic!("the start waits")
    };
    assert!(result.is_err_and(|error| error.to_string().contains("`IssuerBuilder::start`")));
}

/// A clock that counts how often it is read.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Clock for Counting {
    fn now(&self) -> UnixTime {
        self.0.fetch_add(1, Ordering::Relaxed);
        SystemClock.now()
    }
}

#[tokio::test]
async fn task_does_not_spin_during_a_hanging_fetch() {
    let issuer = TestIssuer::start().await;
    issuer.fault(Endpoint::Jwks, Fault::Hang);
    let clock = Arc::new(Counting::default());
    let start = builder(&issuer)
        .clock(clock.clone())
        .start_timeout(millis(300))
        .start();
    assert!(!start.await.unwrap().is_ready());
    let readings = clock.0.load(Ordering::Relaxed);
    assert!(readings < 100, "{readings}");
}

/// A clock that panics on request.
#[derive(Debug, Default)]
struct Broken(AtomicBool);

impl Clock for Broken {
    fn now(&self) -> UnixTime {
        assert!(!self.0.load(Ordering::Relaxed), "no time");
        SystemClock.now()
    }
}

#[tokio::test]
async fn panic_of_the_task_is_reported() {
    let issuer = TestIssuer::start().await;
    let clock = Arc::new(Broken::default());
    let keys = start(builder(&issuer).clock(clock.clone())).await;
    let mut events = keys.events();
    clock.0.store(true, Ordering::Relaxed);
    assert_eq!(
        keys.refresh().await.expect_err("panics").kind(),
        FetchErrorKind::Stopped
    );
    wait_for!(&mut events, TaskEnded);
    clock.0.store(false, Ordering::Relaxed);
    let last_error = keys.status().last_error.expect("an error");
    assert_eq!(last_error.kind(), FetchErrorKind::Stopped);
    assert_eq!(
        answer(&bearer(&keys, &issuer), &issuer.token().mint()).await,
        200,
        "the current keys remain in use"
    );
}
