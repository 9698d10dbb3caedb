//! The cache of verified tokens under many threads: after a change, withdrawn tokens are refused and restored tokens
//! accepted.

#[path = "cache/scene.rs"]
mod scene;
mod support;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use portcullis_jwt::{Bearer, CacheLimits, TrustedIssuers};
use scene::{Scene, accepted, judge, next_signer, numbered};
use support::{ISSUER, claims, signer};

const READERS: usize = 4;
/// How often the key or issuer is withdrawn and restored.
const ROUNDS: usize = 60;
/// The number of requests of the other threads in each phase.
const REQUESTS: usize = 100;

/// The current state of the key or issuer, and the counted requests.
#[derive(Default)]
struct Phase {
    /// Odd during a change. Otherwise 0 modulo 4 if the token is valid, and 2 if it is withdrawn.
    number: AtomicUsize,
    requests: AtomicUsize,
    valid: AtomicUsize,
    withdrawn: AtomicUsize,
    wrong: Mutex<Option<String>>,
    is_over: AtomicBool,
}

impl Phase {
    /// Sends requests until the last phase ends, each followed by `aside`, which can evict the token.
    fn send_requests(&self, bearer: &Bearer, token: &str, mut aside: impl FnMut()) {
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.number.load(Ordering::SeqCst);
            let is_accepted = judge(bearer, token).is_ok();
            let after = self.number.load(Ordering::SeqCst);
            if before == after && before.is_multiple_of(2) {
                let is_valid = before.is_multiple_of(4);
                if is_accepted != is_valid {
                    let wrong = format!("accepted: {is_accepted}, in phase {before}");
                    self.wrong.lock().expect("no panic").get_or_insert(wrong);
                }
                let count = if is_valid {
                    &self.valid
                } else {
                    &self.withdrawn
                };
                count.fetch_add(1, Ordering::SeqCst);
            }
            aside();
            self.requests.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Withdraws and restores in turns, each after enough requests of the other threads.
    fn change(&self, withdraw: impl Fn(), restore: impl Fn()) {
        for round in 0..2 * ROUNDS {
            let until = self.requests.load(Ordering::SeqCst) + REQUESTS;
            while self.requests.load(Ordering::SeqCst) < until {
                thread::yield_now();
            }
            self.number.fetch_add(1, Ordering::SeqCst);
            if round % 2 == 0 {
                withdraw();
            } else {
                restore();
            }
            self.number.fetch_add(1, Ordering::SeqCst);
        }
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn judge(self) {
        assert_eq!(self.wrong.into_inner().expect("no panic"), None);
        for count in [self.valid, self.withdrawn] {
            let count = count.into_inner();
            assert!(
                count > ROUNDS * REQUESTS / 4,
                "only {count} requests outside of changes"
            );
        }
    }
}

#[test]
fn withdrawn_key_is_never_used_under_contention() {
    let (scene, phase) = (Scene::usual(), Phase::default());
    // Small, so that tokens are evicted too.
    let bearer = scene.bearer_of(CacheLimits::new(8, 1 << 20));
    let token = signer().access_token(&claims());
    let others: Vec<String> = (0..40).map(|number| numbered(number, 0)).collect();
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (bearer, token, phase, others) = (&bearer, &token, &phase, &others);
            scope.spawn(move || {
                // Half of the threads repeat the token, so it enters their own level. The others alternate tokens.
                let mut others = others.iter().cycle();
                phase.send_requests(bearer, token, || {
                    if reader % 2 == 0 {
                        let other = others.next().expect("an endless iterator");
                        drop(judge(bearer, other));
                    }
                });
            });
        }
        let (gone, back) = (next_signer(), signer());
        phase.change(|| scene.publish(&[&gone]), || scene.publish(&[&back]));
    });
    phase.judge();
}

#[test]
fn removed_issuer_is_never_trusted_under_contention() {
    let (scene, phase) = (Scene::usual(), Phase::default());
    let verifier = || scene.verifier().build().expect("a verifier");
    let trusted = TrustedIssuers::new([verifier()]).expect("one issuer");
    let bearer = scene.trusting(&trusted);
    let token = signer().access_token(&claims());
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| phase.send_requests(&bearer, &token, || ()));
        }
        phase.change(
            || assert!(trusted.remove(ISSUER)),
            || trusted.add(verifier()).expect("a removed issuer"),
        );
    });
    phase.judge();
}

#[test]
fn many_threads_stay_within_the_limits() {
    const LONG: usize = 5_000;
    let scene = Scene::usual();
    let limits = CacheLimits::new(64, 200_000);
    let bearer = scene.bearer_of(limits);
    let hot = signer().access_token(&claims());
    let is_over = AtomicBool::new(false);
    let (most_entries, most_bytes) = thread::scope(|scope| {
        let threads: Vec<_> = (0..READERS)
            .map(|reader| {
                let (bearer, hot) = (&bearer, &hot);
                scope.spawn(move || {
                    for number in 0..250 {
                        let padding = if number % 3 == 0 { LONG } else { 0 };
                        let number = reader * 1_000 + number;
                        let token = numbered(number, padding);
                        for _ in 0..3 {
                            let principal = judge(bearer, &token).expect("a valid token");
                            let id = principal.credential_id().map(str::to_owned);
                            assert_eq!(id, Some(number.to_string()));
                        }
                        accepted(bearer, hot, 1);
                    }
                })
            })
            .collect();
        let watch = scope.spawn(|| {
            let mut most = (0, 0);
            while !is_over.load(Ordering::SeqCst) {
                let status = bearer.cache_status().expect("a cache");
                most = (most.0.max(status.entries), most.1.max(status.bytes));
                thread::yield_now();
            }
            most
        });
        let ended: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        watch.join().expect("no panic")
    });
    let end = bearer.cache_status().expect("a cache");
    assert!(end.entries > 0 && end.bytes <= limits.max_bytes, "{end:?}");
    assert!(most_entries <= limits.max_entries, "{most_entries}");
    assert!(most_bytes <= limits.max_bytes, "{most_bytes}");
}
