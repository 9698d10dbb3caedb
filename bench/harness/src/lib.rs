//! Measures several contenders in one run.
//!
//! A round takes one short batch of each contender, in an order that rotates and turns, so that whatever slows the machine down
//! slows all of them. What is reported is the median over the rounds, and what a contender costs over another is the
//! median of the differences within each round.

mod options;

use std::{
    pin::pin,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use http::Request;
use tower::Service;

pub use options::Options;

/// One thing that is measured.
pub struct Contender {
    name: String,
    batch: Box<dyn FnMut(usize) -> Duration>,
    calls: usize,
    samples: Vec<f64>,
}

/// How many requests are made before they are timed: few enough that they are still in the nearest cache, as they are
/// when a server has just parsed them.
const IN_CACHE: usize = 16;

impl Contender {
    /// `batch` makes so many calls and says how long they took, without what had to be prepared for them.
    pub fn new(name: impl Into<String>, batch: impl FnMut(usize) -> Duration + 'static) -> Self {
        Self {
            name: name.into(),
            batch: Box::new(batch),
            calls: IN_CACHE,
            samples: Vec::new(),
        }
    }

    /// Calls of a function.
    pub fn function<T>(name: impl Into<String>, mut function: impl FnMut() -> T + 'static) -> Self {
        Self::new(name, move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(function());
            }
            start.elapsed()
        })
    }

    /// Requests through a service: readiness, the call, the future polled to its end, the response dropped. Making the
    /// requests is not timed. The service must answer without waiting.
    pub fn service<S, B>(
        name: impl Into<String>,
        mut service: S,
        mut request: impl FnMut() -> Request<B> + 'static,
    ) -> Self
    where
        S: Service<Request<B>> + 'static,
        B: 'static,
    {
        let mut requests = Vec::with_capacity(IN_CACHE);
        Self::new(name, move |calls| {
            let mut took = Duration::ZERO;
            let mut left = calls;
            while left > 0 {
                let now = left.min(IN_CACHE);
                left -= now;
                requests.extend((0..now).map(|_| request()));
                let start = Instant::now();
                for request in requests.drain(..) {
                    call(&mut service, request);
                }
                took += start.elapsed();
            }
            took
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nanoseconds a call, in each round.
    pub fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The median of nanoseconds a call.
    pub fn nanoseconds(&self) -> f64 {
        median(self.samples.iter().copied())
    }

    /// The median of what a call costs over one of `other`, in nanoseconds.
    pub fn over(&self, other: &Self) -> f64 {
        median(
            self.samples
                .iter()
                .zip(&other.samples)
                .map(|(one, other)| one - other),
        )
    }
}

/// One request through a service, to its end.
///
/// # Panics
/// If the service waits.
// With all contenders: where it is a function of its own, calls to it move the request once more.
#[inline(always)]
pub fn call<S, R>(service: &mut S, request: R)
where
    S: Service<R>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "not ready");
    let future = pin!(service.call(request));
    // Dropped where it lies: to hand it on would move it once more, for those whose `poll` is a function of its own.
    let answer = future.poll(&mut context);
    assert!(
        std::hint::black_box(&answer).is_ready(),
        "the service waits"
    );
}

/// How contenders take turns.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// How many turns each has.
    pub rounds: usize,
    /// About how long one is.
    pub batch: Duration,
    /// The most calls that one is, and not more even where they are quick.
    pub most: usize,
    /// How many calls come before those that are timed, and not more than those: what the turns before have driven out of
    /// the processor's caches is not to a contender's charge.
    pub ahead: usize,
}

impl Turns {
    /// As many calls in a turn as fill it, after a few.
    #[must_use]
    pub const fn new(rounds: usize, batch: Duration) -> Self {
        Self {
            rounds,
            batch,
            most: 1 << 20,
            ahead: IN_CACHE,
        }
    }

    /// How many calls fill a turn, if so many take so long.
    fn calls(&self, made: usize, took: Duration) -> usize {
        let took = took.max(Duration::from_nanos(1));
        let calls = made as f64 * self.batch.as_secs_f64() / took.as_secs_f64();
        (calls as usize)
            .clamp(1, self.most)
            .next_multiple_of(IN_CACHE)
    }
}

/// Measures every contender in each round.
pub fn run(contenders: &mut [Contender], turns: Turns) {
    for contender in contenders.iter_mut() {
        let made = 4 * IN_CACHE;
        let took = (contender.batch)(made);
        contender.calls = turns.calls(made, took);
        (contender.batch)(contender.calls);
        contender.samples.clear();
    }
    let count = contenders.len();
    for round in 0..turns.rounds {
        for position in 0..count {
            // There and back, so that each comes after its one neighbour as often as after the other.
            let position = if round % 2 == 0 {
                position
            } else {
                count - 1 - position
            };
            let contender = &mut contenders[(round + position) % count];
            (contender.batch)(turns.ahead.min(contender.calls));
            let took = (contender.batch)(contender.calls);
            let sample = took.as_nanos() as f64 / contender.calls as f64;
            contender.samples.push(sample);
        }
    }
}

/// The middle one.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
