//! The cache of verified tokens under many threads: what is surely withdrawn is refused, what is surely there accepted.

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
/// How often it is withdrawn, and brought back.
const ROUNDS: usize = 60;
/// How many asks the other threads get for each phase.
const ASKS: usize = 100;

/// What is asked for, in turns, and what is the matter with it.
#[derive(Default)]
struct Phase {
    /// Odd while it changes; after that 0 modulo 4 where the token is good, 2 where it is not.
    number: AtomicUsize,
    asked: AtomicUsize,
    surely_good: AtomicUsize,
    surely_withdrawn: AtomicUsize,
    wrong: Mutex<Option<String>>,
    is_over: AtomicBool,
}

impl Phase {
    /// Asks until it is over. `aside` comes between, to have other tokens come in and drive out.
    fn ask(&self, bearer: &Bearer, token: &str, mut aside: impl FnMut()) {
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.number.load(Ordering::SeqCst);
            let is_accepted = judge(bearer, token).is_ok();
            let after = self.number.load(Ordering::SeqCst);
            if before == after && before.is_multiple_of(2) {
                let is_good = before.is_multiple_of(4);
                if is_accepted != is_good {
                    let wrong = format!("accepted: {is_accepted}, in phase {before}");
                    self.wrong.lock().expect("no panic").get_or_insert(wrong);
                }
                let count = if is_good {
                    &self.surely_good
                } else {
                    &self.surely_withdrawn
                };
                count.fetch_add(1, Ordering::SeqCst);
            }
            aside();
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Withdraws and brings back in turns, each time when the threads that ask have had theirs.
    fn change(&self, withdraw: impl Fn(), bring_back: impl Fn()) {
        for round in 0..2 * ROUNDS {
            let until = self.asked.load(Ordering::SeqCst) + ASKS;
            while self.asked.load(Ordering::SeqCst) < until {
                thread::yield_now();
            }
            self.number.fetch_add(1, Ordering::SeqCst);
            if round % 2 == 0 {
                withdraw();
            } else {
                bring_back();
            }
            self.number.fetch_add(1, Ordering::SeqCst);
        }
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn judge(self) {
        assert_eq!(self.wrong.into_inner().expect("no panic"), None);
        for count in [self.surely_good, self.surely_withdrawn] {
            let count = count.into_inner();
            assert!(count > ROUNDS * ASKS / 4, "only {count} were told apart");
        }
    }
}

#[test]
fn withdrawn_key_is_never_used_under_contention() {
    let (scene, phase) = (Scene::usual(), Phase::default());
    // So small that tokens come and go as well.
    let bearer = scene.bearer_of(CacheLimits::new(8, 1 << 20));
    let token = signer().access_token(&claims());
    let others: Vec<String> = (0..40).map(|number| numbered(number, 0)).collect();
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (bearer, token, phase, others) = (&bearer, &token, &phase, &others);
            scope.spawn(move || {
                // Half of the threads have their own level filled; the others do not see a token twice in a row.
                let mut others = others.iter().cycle();
                phase.ask(bearer, token, || {
                    if reader % 2 == 0 {
                        let other = others.next().expect("they go round");
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
            scope.spawn(|| phase.ask(&bearer, &token, || ()));
        }
        phase.change(
            || assert!(trusted.remove(ISSUER)),
            || trusted.add(verifier()).expect("it was removed"),
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
                            let principal = judge(bearer, &token).expect("a good token");
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
