//! Interleaved timing of several services.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use http::Request;
use tower::Service;

/// Requests that are built ahead of the timer: few enough to stay in the first-level cache, as they are when a server
/// has just parsed them.
const PREPARED: usize = 16;

/// A service under measurement.
pub struct Contender {
    name: String,
    /// Makes a number of calls, and returns the time they took without building their requests.
    batch: Box<dyn FnMut(usize) -> Duration>,
    /// Nanoseconds per call, one sample per round.
    samples: Vec<f64>,
}

impl Contender {
    /// Measures readiness, the call, the future until it is done, and dropping the response. The service must answer
    /// without waiting.
    pub fn new<S, B>(
        name: impl Into<String>,
        mut service: S,
        mut request: impl FnMut() -> Request<B> + 'static,
    ) -> Self
    where
        S: Service<Request<B>> + 'static,
        B: 'static,
    {
        let mut requests = Vec::with_capacity(PREPARED);
        let batch = move |calls: usize| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..calls.div_ceil(PREPARED) {
                requests.extend((0..PREPARED).map(|_| request()));
                let start = Instant::now();
                for request in requests.drain(..) {
                    call(&mut service, request);
                }
                elapsed += start.elapsed();
            }
            elapsed
        };
        Self {
            name: name.into(),
            batch: Box::new(batch),
            samples: Vec::new(),
        }
    }

    /// The name in tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The median time of a call, in nanoseconds.
    pub fn nanoseconds(&self) -> f64 {
        median(self.samples.iter().copied())
    }

    /// The median, over the rounds, of the difference to `other` in the same round, in nanoseconds.
    pub fn over(&self, other: &Self) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(own, other)| own - other))
    }
}

/// Sends one request through a service, and drops the response where it is.
// Inlined into every contender alike: a call would move the request once more.
#[inline(always)]
fn call<S: Service<R>, R>(service: &mut S, request: R) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "not ready");
    let answer = pin!(service.call(request)).poll(&mut context);
    assert!(
        std::hint::black_box(&answer).is_ready(),
        "the service waits"
    );
}

/// Sends one request through a service, and returns the response.
///
/// # Panics
/// If the service is not ready, waits or fails.
#[inline]
pub fn serve<S: Service<R>, R>(service: &mut S, request: R) -> S::Response {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "not ready");
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(answer)) => answer,
        Poll::Ready(Err(_)) => panic!("the service fails"),
        Poll::Pending => panic!("the service waits"),
    }
}

/// Takes one batch of every contender per round, so that whatever slows the machine down slows all of them.
///
/// A batch takes about `batch` and has at most `most` calls; a few untimed calls precede it. The order of the
/// contenders rotates from round to round.
pub fn measure(contenders: &mut [Contender], rounds: usize, batch: Duration, most: usize) {
    let calls: Vec<usize> = contenders
        .iter_mut()
        .map(|contender| {
            let elapsed = (contender.batch)(PREPARED).max(Duration::from_nanos(1));
            let calls = PREPARED as f64 * batch.as_secs_f64() / elapsed.as_secs_f64();
            (calls as usize).clamp(1, most).next_multiple_of(PREPARED)
        })
        .collect();
    for round in 0..rounds {
        for position in 0..contenders.len() {
            let at = (round + position) % contenders.len();
            let contender = &mut contenders[at];
            (contender.batch)(PREPARED);
            let elapsed = (contender.batch)(calls[at]);
            let sample = elapsed.as_nanos() as f64 / calls[at] as f64;
            contender.samples.push(sample);
        }
    }
}

/// The median; NaN of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
