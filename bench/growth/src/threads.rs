//! Two threads instead of one: what the second adds.

use std::fmt;

use portcullis_api_key::{ApiKeys, MemoryStore};
use portcullis_bench_harness::median;
use portcullis_bench_suite::{Bare, FloorLayer, Signer, with_key, with_token};
use portcullis_core::AuthenticateLayer;
use portcullis_jwt::Algorithm;
use serde_json::{Value, json};
use tower::Layer;

use crate::{
    cases::Effort,
    keys::{issue, texts},
    worker::{Work, Worker, together, work},
};

/// What one service does on one thread and on two.
#[derive(Clone, Debug)]
struct Subject {
    name: &'static str,
    one: Vec<f64>,
    two: Vec<f64>,
}

/// What the second thread adds to each service.
#[derive(Clone, Debug)]
pub struct Threads {
    subjects: Vec<Subject>,
    pinned: bool,
}

/// The services, and for each of two threads what to do. On two threads a caller's credential is the same, or another.
fn subjects() -> Vec<(&'static str, [Work; 2])> {
    let signer = Signer::new(Algorithm::ES256);
    let bearer = signer.bearer().build().expect("nothing is missing");
    let bearer = AuthenticateLayer::new(bearer).layer(Bare);
    let uncached = signer.bearer().without_token_cache().build();
    let uncached = AuthenticateLayer::new(uncached.expect("nothing is missing")).layer(Bare);
    let tokens = [signer.token(), signer.token()];
    // One for each thread, so that they share nothing.
    let floor = || FloorLayer::token(&format!("Bearer {}", tokens[0])).layer(Bare);
    let issued = [issue(), issue()];
    let store = MemoryStore::new();
    let records = issued.iter().map(|key| key.record().clone());
    store.insert(records).expect("ids that differ");
    let api_keys = AuthenticateLayer::new(ApiKeys::new(store)).layer(Bare);
    let keys = texts(&issued);

    let token = |at: usize| {
        let token = tokens[at].clone();
        move || with_token(&token)
    };
    let key = |at: usize| {
        let key = keys[at].clone();
        move || with_key(&key)
    };
    vec![
        ("bare", [0, 1].map(|at| work(&Bare, token(at)))),
        (
            "the floor, one token",
            [0, 0].map(|at| work(&floor(), token(at))),
        ),
        (
            "ES256 warm, one token",
            [0, 0].map(|at| work(&bearer, token(at))),
        ),
        (
            "ES256 warm, a token each",
            [0, 1].map(|at| work(&bearer, token(at))),
        ),
        (
            "ES256 cold, one token",
            [0, 0].map(|at| work(&uncached, token(at))),
        ),
        (
            "API key, one key",
            [0, 0].map(|at| work(&api_keys, key(at))),
        ),
        (
            "API key, a key each",
            [0, 1].map(|at| work(&api_keys, key(at))),
        ),
    ]
}

/// Measures them, interleaved.
///
/// # Panics
///
/// If requests are refused.
#[must_use]
pub fn measure(effort: Effort) -> Threads {
    let (mut measured, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for (name, [one, two]) in subjects() {
        measured.push(Subject {
            name,
            one: Vec::new(),
            two: Vec::new(),
        });
        first.push(one);
        second.push(two);
    }
    let workers = [Worker::start(0, first), Worker::start(1, second)];
    let [first, second] = &workers;
    let window = effort.batch * 5;
    let count = measured.len();
    for round in 0..=effort.rounds {
        for position in 0..count {
            let at = (round + position) % count;
            // One thread alone: on either core in turn, since they may differ.
            let alone = together(&[&workers[round % 2]], at, window);
            let both = together(&[first, second], at, window);
            if round > 0 {
                measured[at].one.push(alone);
                measured[at].two.push(both);
            }
        }
    }
    Threads {
        subjects: measured,
        pinned: workers.iter().all(|worker| worker.pinned),
    }
}

impl Subject {
    fn gains(&self) -> impl Iterator<Item = f64> {
        self.two.iter().zip(&self.one).map(|(two, one)| two / one)
    }

    fn gain(&self) -> f64 {
        median(self.gains())
    }

    /// The gain against that of `bare` in the same round.
    fn relative(&self, bare: &Self) -> f64 {
        median(self.gains().zip(bare.gains()).map(|(own, bare)| own / bare))
    }
}

impl Threads {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let subjects = self.subjects.iter().map(|it| {
            json!({
                "case": it.name,
                "one_thread_per_second": median(it.one.iter().copied()),
                "two_threads_per_second": median(it.two.iter().copied()),
                "gain": it.gain(),
                "gain_relative_to_bare": it.relative(&self.subjects[0]),
            })
        });
        json!({ "title": "Threads", "pinned": self.pinned, "cases": subjects.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pinned = if self.pinned { "pinned" } else { "not pinned" };
        writeln!(f, "Threads, {pinned}: million requests a second")?;
        for it in &self.subjects {
            let (one, two) = (
                median(it.one.iter().copied()),
                median(it.two.iter().copied()),
            );
            writeln!(
                f,
                "  {:28} 1 thread {:7.3}  2 threads {:7.3}  gain {:5.3}  gain/bare's {:5.3}",
                it.name,
                one / 1e6,
                two / 1e6,
                it.gain(),
                it.relative(&self.subjects[0])
            )?;
        }
        Ok(())
    }
}
